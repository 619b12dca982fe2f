"""Print what the readers make of each file of a folder of cases, one line per row.

python scripts/log_cases.py FOLDER [COLUMN ...]
"""

import sys
from collections import Counter
from pathlib import Path

from stillwatch.errors import StillwatchError
from stillwatch.readers.discover import discover
from stillwatch.readers.read import check, read

COLUMNS = ("exchange_id", "account_id", "model", "prompt", "response")


def main() -> None:
    """Read every file by itself."""
    columns = sys.argv[2:] or COLUMNS
    for path in sorted(p for p in Path(sys.argv[1]).rglob("*") if p.is_file()):
        try:
            sources = check(discover([str(path)]), {})
        except StillwatchError as error:
            print(f"{path}: REFUSED {error.problems[0].fact}; {error.problems[0].found}")
            continue
        rows, lost, passed, nulled = [], Counter(), 0, Counter()
        for batch in read(sources, {}):
            rows += batch.rows.to_pylist()
            lost.update((one["column"], one["reason"]) for one in batch.quarantine.to_pylist())
            passed += batch.passed_over
            nulled.update(batch.nulled)
        form = sources.formats[sources.exchanges[0]].name
        print(f"{path}: {form} {len(rows)} rows, {sum(lost.values())} quarantined, {passed} passed over")
        for row in rows:
            print("   ", " | ".join(str(row[name])[:60].replace("\n", "\\n") for name in columns))
        if lost or nulled:
            print("   ", dict(lost), dict(nulled))


if __name__ == "__main__":
    main()
