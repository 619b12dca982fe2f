"""How do a vendor's records become batches of contract rows?"""

from __future__ import annotations

import gc
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.results import QUARANTINE
from stillwatch.engine.cores import CORES, processes
from stillwatch.readers.cast import conform, quarantined_line
from stillwatch.readers.records import in_lines, records
from stillwatch.readers.registry import Format, Malformed, Numbered, Read, Row, Unjoined, all_formats, moment

BATCH = 16_384
PART = 16 << 20  # bytes of lines that one process reads at a time
WHOLE = 8 << 20  # bytes of the largest file that one reads whole where lines cannot be told apart
WRONG = (
    pa.ArrowInvalid,
    pa.ArrowTypeError,
    pa.ArrowNotImplementedError,
    OverflowError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class _Part:
    """What was read of a part of a file: batches, lines, fields set aside, and what waits for other parts."""

    batches: list[tuple[pa.Table, pa.Table]]
    lines: int
    aside: Counter[str]
    left_open: Unjoined | None


def vendor_batches(
    path: Path, form: Format, names: Mapping[str, str], aside: Counter[str], *, apart: bool = False
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Contract rows and quarantine rows of a file; names of top-level fields that the format does not know go to `aside`.

    `names` maps a contract column to a top-level field of the record that is taken instead of the format's own. `apart`
    has the file read by other processes, a run of lines by each, which is worth their start for much to read only.
    """
    if apart and (in_lines(path) or path.stat().st_size <= WHOLE):
        yield from _in_parts(path, form, names, aside)
    else:
        with _no_search_for_cycles():
            yield from _batches(path, form.read, form.known, names, aside)


def _in_parts(
    path: Path, form: Format, names: Mapping[str, str], aside: Counter[str]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """A file read by several processes, in order; never more parts ahead than memory should hold."""
    cuts = _cuts(path) if in_lines(path) else None
    spans = list(pairwise(cuts)) if cuts else [None]
    todo = iter(spans)
    waiting: deque[Future[_Part]] = deque()

    def read_on(most: int) -> None:
        for span in islice(todo, most):
            waiting.append(processes().submit(_read_part, path, form.name, dict(names), span))

    read_on(2 * CORES)
    line = 0
    before: Unjoined | None = None
    last: tuple[Unjoined, int] | None = None
    while waiting:
        part = waiting.popleft().result()
        read_on(1)
        aside.update(part.aside)
        for good, quarantine in part.batches:
            yield good, _moved(quarantine, line)
        if last is not None:
            yield from _late(*last, path, before, part.left_open)
            before = last[0]
        last = (part.left_open, line) if part.left_open is not None else None
        line += part.lines
    if last is not None:
        yield from _late(*last, path, before, None)


def _late(
    left_open: Unjoined, line: int, path: Path, before: Unjoined | None, after: Unjoined | None
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Rows of a part that waited for what its neighbours tell."""
    pairs = list(left_open.joined(before, after))
    for begin in range(0, len(pairs), BATCH):
        some = pairs[begin : begin + BATCH]
        yield build([row for _, row in some], [line + number for number, _ in some], str(path), [])


def _moved(quarantine: pa.Table, line: int) -> pa.Table:
    """Quarantine rows of a part, by their lines in the file."""
    if not line or not quarantine.num_rows:
        return quarantine
    place = quarantine.column_names.index("row")
    return quarantine.set_column(place, "row", pc.add(quarantine.column("row"), line)).cast(QUARANTINE.arrow)


def _cuts(path: Path) -> list[int]:
    """Where parts of a file begin and end, each at the end of a line."""
    size = path.stat().st_size
    cuts = [0]
    with path.open("rb") as file:
        while cuts[-1] + PART < size:
            file.seek(cuts[-1] + PART)
            file.readline()
            cuts.append(file.tell())
    return [*cuts, size] if cuts[-1] < size else cuts


def _read_part(path: Path, name: str, names: dict[str, str], span: tuple[int, int] | None) -> _Part:
    """A part of a file, or all of it, read in a process of its own."""
    form = next(form for form in all_formats() if form.name == name)
    part = None
    if span is not None:
        with path.open("rb") as file:
            file.seek(span[0])
            part = file.read(span[1] - span[0])
    aside: Counter[str] = Counter()
    left: list[Unjoined] = []
    with _no_search_for_cycles():
        batches = list(_batches(path, form.part, form.known, names, aside, part, left))
    return _Part(batches, part.count(b"\n") if part else 0, aside, left[0] if left else None)


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """What is made here has no cycles, and looking for them takes a third of the time."""
    watching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if watching:
            gc.enable()


def _batches(
    path: Path,
    read: Callable[[Iterator[Numbered]], Read],
    known: frozenset[str],
    names: Mapping[str, str],
    aside: Counter[str],
    part: bytes | None = None,
    left: list[Unjoined] | None = None,
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Batches of a file or of a part of it; what that part leaves open goes to `left`."""
    lost: list[dict[str, object]] = []
    current: dict[str, Any] = {}

    def watched() -> Iterator[Numbered]:
        for number, record in records(path, lost, part):
            strange = record.keys() - known
            if strange:
                aside.update(strange)
            if names:
                current.clear()
                current.update(
                    {column: _mapped(column, record.get(theirs)) for column, theirs in names.items()}
                )
            yield number, record

    rows: list[Row] = []
    numbers: list[int] = []
    for number, row in read(watched()):
        if isinstance(row, Malformed):
            lost.append(quarantined_line(str(path), number, row.reason, b"") | {"column": row.column})
            continue
        if isinstance(row, Unjoined):
            if left is not None:
                left.append(row)
            continue
        rows.append(row | current if names else row)
        numbers.append(number)
        if len(rows) >= BATCH:
            yield build(rows, numbers, str(path), lost)
            rows, numbers = [], []
            lost.clear()
    if rows or lost:
        yield build(rows, numbers, str(path), lost)


def _mapped(column: str, value: Any) -> Any:  # noqa: ANN401  any JSON value
    """A value that `--map` names; a time in any unit, or none."""
    if column != "timestamp":
        return value
    try:
        return moment(value)
    except Malformed:
        return None


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
