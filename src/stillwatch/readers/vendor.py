"""How do a vendor's records become batches of contract rows?"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.results import QUARANTINE
from stillwatch.readers.cast import conform, quarantined_line
from stillwatch.readers.records import records
from stillwatch.readers.registry import Format, Malformed, Numbered, Row

BATCH = 16_384
WRONG = (
    pa.ArrowInvalid,
    pa.ArrowTypeError,
    pa.ArrowNotImplementedError,
    OverflowError,
    TypeError,
    ValueError,
)


def vendor_batches(
    path: Path, form: Format, names: Mapping[str, str], aside: Counter[str]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Contract rows and quarantine rows of a file; names of top-level fields that the format does not know go to `aside`.

    `names` maps a contract column to a top-level field of the record that is taken instead of the format's own.
    """
    lost: list[dict[str, object]] = []
    current: dict[str, Any] = {}

    def watched() -> Iterator[Numbered]:
        for number, record in records(path, lost):
            strange = record.keys() - form.known
            if strange:
                aside.update(strange)
            if names:
                current.clear()
                current.update({column: record.get(theirs) for column, theirs in names.items()})
            yield number, record

    watching = gc.isenabled()
    gc.disable()  # what is made here has no cycles, and looking for them takes a third of the time
    try:
        yield from _batches(path, form, names, current, watched(), lost)
    finally:
        if watching:
            gc.enable()


def _batches(
    path: Path,
    form: Format,
    names: Mapping[str, str],
    current: dict[str, Any],
    numbered: Iterator[Numbered],
    lost: list[dict[str, object]],
) -> Iterator[tuple[pa.Table, pa.Table]]:
    rows: list[Row] = []
    numbers: list[int] = []
    for number, row in form.read(numbered):
        if isinstance(row, Malformed):
            lost.append(quarantined_line(str(path), number, row.reason, b"") | {"column": row.column})
            continue
        rows.append(row | current if names else row)
        numbers.append(number)
        if len(rows) >= BATCH:
            yield build(rows, numbers, str(path), lost)
            rows, numbers = [], []
            lost.clear()
    if rows or lost:
        yield build(rows, numbers, str(path), lost)


def build(
    rows: list[Row], numbers: list[int], file: str, lost: list[dict[str, object]]
) -> tuple[pa.Table, pa.Table]:
    """Rows as a table of the contract, those with a value of another type as quarantine rows."""
    columns: dict[str, pa.Array] = {}
    bad: dict[int, tuple[str, str]] = {}
    for column in EXCHANGES.columns:
        values = [row.get(column.name) for row in rows]
        kind = pa.int64() if pa.types.is_timestamp(column.type) else column.type
        try:
            array = pa.array(values, kind)
        except WRONG:
            array = pa.array(
                [_value(v, kind, place, column.name, bad) for place, v in enumerate(values)], kind
            )
        columns[column.name] = array.cast(column.type)
    table = pa.table(columns)
    if bad:
        lost = lost + [
            quarantined_line(file, numbers[place], f"value is not {why}", b"") | {"column": name}
            for place, (name, why) in sorted(bad.items())
        ]
        kept = [place for place in range(len(rows)) if place not in bad]
        table, numbers = table.take(pa.array(kept, pa.int64())), [numbers[place] for place in kept]
    good, quarantine = conform(table, file, 0)
    if quarantine.num_rows:
        told = [numbers[place] for place in quarantine.column("row").to_pylist()]
        quarantine = quarantine.set_column(1, "row", pa.array(told, pa.int64())).cast(QUARANTINE.arrow)
    if lost:
        quarantine = pa.concat_tables([quarantine, pa.Table.from_pylist(lost, QUARANTINE.arrow)])
    return good, quarantine


def _value(value: Any, kind: pa.DataType, place: int, name: str, bad: dict[int, tuple[str, str]]) -> Any:  # noqa: ANN401  any JSON value
    """A value of the wanted type; numbers where text is wanted are written out, and the other way about."""
    try:
        pa.array([value], kind)
    except WRONG:
        pass
    else:
        return value
    if pa.types.is_string(kind) and isinstance(value, int | float | bool):
        return str(value)
    try:
        if pa.types.is_integer(kind) and float(value).is_integer() and abs(float(value)) < 2**62:
            return int(float(value))
        if pa.types.is_floating(kind):
            return float(value)
        if pa.types.is_boolean(kind) and str(value).lower() in ("true", "false", "0", "1"):
            return str(value).lower() in ("true", "1")
    except (TypeError, ValueError, OverflowError):
        pass
    bad.setdefault(place, (name, f"a {kind}"))
    return None
