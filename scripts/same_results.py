"""Are two results folders the same, row by row?

Usage: python scripts/same_results.py BEFORE AFTER

The bar of a change that may not alter what is reported: scan one log with the code before and after it, and
compare the folders. Every table of BEFORE must stand in AFTER with the same rows in the same order; AFTER
may have tables and columns that BEFORE lacks. The report is compared to the byte, JSON by its values; how
long the scan took, its version and digests of what it wrote are left out. Prints each difference, and ends
with 1 where there is one.
"""

import json
import re
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

CHANGING = frozenset({"version", "elapsed_s", "outputs"})
"""Keys of the manifest that differ between two runs of the same code, or follow from files compared here."""
DURATION = re.compile(rb"the scan took [\d.]+ \w+")
"""The sentence of the report that differs between two runs of the same code."""
MAX_EXAMPLES = 3
"""Chosen: differing rows that are printed of a column."""


def table_differences(before: pa.Table, after: pa.Table) -> Iterator[str]:
    """What of `before` is not the same in `after`; columns that only `after` has are no difference."""
    if before.num_rows != after.num_rows:
        yield f"{before.num_rows} rows, then {after.num_rows}"
    for name in before.column_names:
        if name not in after.column_names:
            yield f"`{name}` is gone"
        elif before.num_rows == after.num_rows and not before.column(name).equals(after.column(name)):
            # By their text: a number that is none equals itself, and a double has another text for each bit.
            pairs = zip(before.column(name).to_pylist(), after.column(name).to_pylist(), strict=True)
            wrong = [(n, one, other) for n, (one, other) in enumerate(pairs) if repr(one) != repr(other)]
            shown = "; ".join(
                f"row {n}: {one!r}, then {other!r}" for n, one, other in islice(wrong, MAX_EXAMPLES)
            )
            if wrong:
                yield f"`{name}` differs in {len(wrong)} rows: {shown}"
        if name in after.column_names and before.schema.field(name).type != after.schema.field(name).type:
            yield f"`{name}` is of another type"


def value_differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """What of a JSON value is not the same in another; keys that only `after` has are no difference."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() - CHANGING:
            if key not in after:
                yield f"{path}.{key} is gone"
            else:
                yield from value_differences(before[key], after[key], f"{path}.{key}")
    elif before != after:
        yield f"{path}: {str(before)[:200]}, then {str(after)[:200]}"


def differences(before: Path, after: Path) -> Iterator[str]:
    """What of one results folder is not the same in another, as lines that begin with the file's name."""
    for file in sorted(one for one in before.rglob("*") if one.is_file()):
        name = file.relative_to(before)
        other = after / name
        if not other.exists():
            found: Iterator[str] = iter(["is gone"])
        elif file.suffix == ".parquet":
            found = table_differences(pq.read_table(file), pq.read_table(other))
        elif file.suffix == ".json":
            found = value_differences(json.loads(file.read_text()), json.loads(other.read_text()))
        else:
            one, two = (DURATION.sub(b"", path.read_bytes()) for path in (file, other))
            found = iter([] if one == two else ["differs"])
        yield from (f"{name}: {one}" for one in found)


def main() -> None:
    """Print the differences of the two folders named on the command line."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    found = list(differences(Path(sys.argv[1]), Path(sys.argv[2])))
    print("\n".join(found) or "the same")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
