"""Are small files in the shape of what operators really have read as they should be?

    python scripts/check_cases.py FOLDER        (a folder of cases, each folder with its own kind; see RIGHT)

Prints each file that gives another number of rows than is right, or none without a refusal, and exits with 1
where there is one.
"""

from __future__ import annotations

import sys
from fnmatch import fnmatch
from pathlib import Path

from stillwatch.errors import StillwatchError
from stillwatch.readers.discover import discover
from stillwatch.readers.read import check, read

REFUSED = -1
# Pattern of a path → rows that are right; the first that fits counts.
RIGHT = {
    "01-*/in.jsonl": 4,
    "02-*/in.jsonl": 12,
    "03-*/spend.csv": 7,
    "03-*/ids.csv": 12,
    "04-*/in.jsonl": 14,
    "04-*/s3/*_abc.json.gz": 3,
    "04-*/*body*.jsonl": 3,
    "04-*/offloaded.jsonl": 3,
    "05-*": 3,
    "06-*/apim.json": 6,
    "06-*": 3,
    "07-*/with_mcp.log": 5,
    "07-*": 4,
    "08-*/ils.jsonl": 1,
    "09-*/new.log": 3,
    "09-*/old.log": 4,
    "09-*": 2,
    "10-*/blob2.jsonl": 3,
    "10-*": 2,
    "11-*/api.json": 2,
    "11-*/export.jsonl": 5,
    "13-*/names/time-*": 1,
    "13-*": 3,
    "14-*/apisix.log": 2,
    "14-*": 3,
    "15-*/bq.csv": 3,
    "15-*/bq.jsonl": 12,
    "16-*/_SUCCESS": 0,
    "16-*/float_acct.parquet": 5,
    "16-*": 6,
    "17-*/array_*": 3,
    "17-*/badopt.jsonl": 19,
    "17-*/backslash_quotes.csv": 2,
    "17-*/bla*": 0,
    "17-*/empty.jsonl": 0,
    "17-*/latin1.jsonl": 2,
    "17-*/nulls.csv": 1,
    "17-*/sepline.csv": 1,
    "17-*/spaces.csv": 1,
    "17-*/tab.csv": 1,
    "17-*.csv": 2,
    "17-*": 3,
    "18-*": 4,
    "19-*/c_us.csv": REFUSED,
    "19-*/c_us_ampm.jsonl": REFUSED,
    "19-*/*.txt": REFUSED,
    "19-*": 1,
    "20-*": 2,
    "21-*/in.jsonl": 12,
    "21-*": REFUSED,
    "23-*/*no_request_id.log": 3,
    "23-*/access.log.gz": 3,
}


def rows_of(path: Path) -> tuple[int, str]:
    """Rows of a file and what is said of it; `REFUSED` where it is refused."""
    try:
        sources = check(discover([str(path)]), {})
        batches = list(read(sources, {}))
    except StillwatchError as error:
        return REFUSED, error.problems[0].fact
    lost = sum(batch.quarantine.num_rows for batch in batches)
    (told,) = sources.formats.values()
    return sum(batch.rows.num_rows for batch in batches), f"{told.name}, {lost} quarantined"


def main() -> None:
    """Print what differs."""
    root = Path(sys.argv[1])
    right = seen = 0
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        name = str(path.relative_to(root))
        wanted = next((rows for pattern, rows in RIGHT.items() if fnmatch(name, pattern)), None)
        if wanted is None:
            continue
        rows, told = rows_of(path)
        seen += 1
        right += rows == wanted
        if rows != wanted:
            print(f"{name}: {rows} rows where {wanted} are right ({told})")
    print(f"{right} of {seen} right")
    sys.exit(right < seen)


if __name__ == "__main__":
    main()
