"""Converts a vendor's records to batches of contract rows."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
import pyarrow as pa

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.engine.cores import CORES, processes
from stillwatch.readers.beside import Beside
from stillwatch.readers.cast import WRONG, MadeIdentifiers, column_of, conformed
from stillwatch.readers.envelope import SAMPLE, unwrapped
from stillwatch.readers.limits import Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.open import BLOCK
from stillwatch.readers.places import LogPath
from stillwatch.readers.records import Span, in_lines
from stillwatch.readers.registry import (
    Format,
    Malformed,
    Numbered,
    PassedOver,
    Read,
    Row,
    Unjoined,
)

BATCH = 16_384  # most rows of a batch
PART = 16 << 20  # bytes of lines that a process reads as one part
WHOLE = 8 << 20  # most bytes of a file that a process reads as a whole, where lines cannot be separated
TEXT = ("prompt", "response", "system_prompt")  # columns with text
PLAIN = pa.struct(
    [
        (column.name, pa.int64() if pa.types.is_timestamp(column.type) else column.type)
        for column in EXCHANGES.columns
    ]
)
"""Types of the values that formats return; a time is microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows of the contract, and those of them whose identifiers were made."""

    rows: pa.Table
    made: MadeIdentifiers | None

    def named(self, name: str, line: int) -> pa.Table:
        """The rows with identifiers of the log's name, for a part of the file that starts after line
        `line`.
        """
        return self.rows if self.made is None else self.made.named(self.rows, name, line)


@dataclass(frozen=True, slots=True)
class _FilePart:
    """The result of reading a part of a file: batches, losses, and incomplete rows."""

    batches: list[_Batch]
    losses: Losses
    left_open: Unjoined | None


def vendor_batches(
    path: LogPath,
    form: Format,
    names: Mapping[str, str],
    losses: Losses,
    limits: Limits,
    *,
    apart: bool = False,
    among: Sequence[LogPath] = (),
) -> Iterator[pa.Table]:
    """Yield contract rows of a file. Faults and unknown top-level fields are added to `losses`.

    `names` maps a contract column to the field that replaces the format's own. `apart` reads the file with
    several processes, each a run of lines; their start pays off only for large files. `among` are the files
    of the same scan, some of which may complete its exchanges.
    """
    beside = Beside(path, limits, among, names)
    if (
        apart
        and form.in_parts(beside)
        and (_in_lines(path, form, names, limits) or path.stat().st_size <= WHOLE)
    ):
        yield from _in_parts(path, form, names, losses, limits)
    else:
        with _no_search_for_cycles():
            for batch in _batches(form, form.read, names, losses, beside):
                yield batch.rows


def _in_lines(path: LogPath, form: Format, names: Mapping[str, str], limits: Limits) -> bool:
    """Whether a file can be split at line ends. It cannot where its first records are in envelopes, since one
    record may be in several lines.
    """
    if not in_lines(path, limits):
        return False
    lost = Losses(path)
    for _record in islice(unwrapped(path, form, names, lost, limits), SAMPLE):
        pass
    return not lost.envelopes


def _in_parts(
    path: LogPath, form: Format, names: Mapping[str, str], losses: Losses, limits: Limits
) -> Iterator[pa.Table]:
    """Yield the rows of a file that several processes read, in order; the number of parts read ahead is
    limited.
    """
    cuts = _cuts(path) if _in_lines(path, form, names, limits) else None
    spans = list(pairwise(cuts)) if cuts else [None]
    todo = iter(spans)
    waiting: deque[Future[_FilePart]] = deque()

    def read_on(most: int) -> None:
        """Have up to `most` further parts read."""
        for span in islice(todo, most):
            waiting.append(processes().submit(_read_part, path, form, dict(names), span, limits))

    read_on(2 * CORES)
    before: Unjoined | None = None
    last: tuple[Unjoined, int] | None = None
    line = 0
    while waiting:
        part = waiting.popleft().result()
        read_on(1)
        losses.absorb(part.losses, line)
        for batch in part.batches:
            yield batch.named(losses.name, line)
        if last is not None:
            yield from _late(*last, losses, limits, before, part.left_open)
            before = last[0]
        last = (part.left_open, line) if part.left_open is not None else None
        line += part.losses.lines
    if last is not None:
        yield from _late(*last, losses, limits, before, None)


def _late(
    left_open: Unjoined,
    line: int,
    losses: Losses,
    limits: Limits,
    before: Unjoined | None,
    after: Unjoined | None,
) -> Iterator[pa.Table]:
    """Yield the rows of a part that waited for its neighbours' content."""
    pairs = list(left_open.joined(before, after))
    for begin in range(0, len(pairs), BATCH):
        some = pairs[begin : begin + BATCH]
        yield build([row for _, row in some], [line + number for number, _ in some], losses, limits).rows


def _cuts(path: LogPath) -> list[int]:
    """Bounds of a file's parts in bytes, each at the end of a line."""
    size = path.stat().st_size
    cuts = [0]
    with path.open("rb") as file:
        while cuts[-1] + PART < size:
            file.seek(cuts[-1] + PART)
            while (line := file.readline(BLOCK)) and not line.endswith(b"\n"):
                pass
            cuts.append(file.tell())
    return [*cuts, size] if cuts[-1] < size else cuts


def _read_part(
    path: LogPath, form: Format, names: dict[str, str], span: Span | None, limits: Limits
) -> _FilePart:
    """Read a part of a file, or all of it; runs in another process."""
    losses = Losses(path)
    left: list[Unjoined] = []
    with _no_search_for_cycles():
        batches = list(
            _batches(form, form.part, names, losses, Beside(path, limits, names=names), span, left)
        )
    return _FilePart(batches, losses, left[0] if left else None)


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Disable the garbage collector: the objects made here have no cycles, and the collector takes a third of
    the time.
    """
    watching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if watching:
            gc.enable()


def _batches(
    form: Format,
    read: Callable[[Iterator[Numbered], Beside | None], Read],
    names: Mapping[str, str],
    losses: Losses,
    beside: Beside,
    span: Span | None = None,
    left: list[Unjoined] | None = None,
) -> Iterator[_Batch]:
    """Yield batches of a file or of a part of it; the part's incomplete rows are appended to `left`."""
    path, limits = beside.path, beside.limits

    def watched() -> Iterator[Numbered]:
        """Yield the records of the file, counting them and fields that the format does not know."""
        for number, record in unwrapped(path, form, names, losses, limits, span):
            losses.records += 1
            strange = record.keys() - form.known
            if strange:
                losses.unknown(strange)
            yield number, record

    rows: list[Row] = []
    numbers: list[int] = []
    size = 0
    for number, row in read(watched(), beside):
        if isinstance(row, Malformed):
            losses.row(number, row.reason, column=row.column)
            continue
        if isinstance(row, PassedOver):
            losses.passed_over += 1
            continue
        if isinstance(row, Unjoined):
            if left is not None:
                left.append(row)
            continue
        rows.append(row)
        numbers.append(number)
        size += _letters(row)
        if len(rows) >= BATCH or size > BLOCK:
            yield build(rows, numbers, losses, limits)
            rows, numbers, size = [], [], 0
    if rows:
        yield build(rows, numbers, losses, limits)


def _letters(row: Row) -> int:
    """Approximate number of characters in a row."""
    size = 0
    for name in TEXT:
        if isinstance(text := row.get(name), str):
            size += len(text)
    return size


def build(rows: list[Row], numbers: list[int], losses: Losses, limits: Limits) -> _Batch:
    """Rows as a table of the contract; values of unexpected types are converted cell by cell. `numbers` are
    the numbers of their records.
    """
    for row in rows:
        if row.get("exchange_id") in ([], {}):
            row["exchange_id"] = None
    table, _kept, made = conformed(
        _at_once(rows) or _by_columns(rows, losses), losses, np.array(numbers, np.int64), most=limits.line
    )
    return _Batch(table, made)


def _at_once(rows: list[Row]) -> pa.Table | None:
    """The rows as a table where all values have the expected types; otherwise None."""
    if any(isinstance(row.get("tool_names"), str) for row in rows):  # which Arrow takes for lists of letters
        return None
    try:
        return pa.Table.from_struct_array(pa.array(rows, PLAIN)).cast(EXCHANGES.arrow)
    except WRONG:
        return None


def _by_columns(rows: list[Row], losses: Losses) -> pa.Table:
    """The rows as a table, converted column by column."""
    columns: dict[str, pa.Array] = {}
    for column in EXCHANGES.columns:
        values = [row.get(column.name) for row in rows]
        columns[column.name], bad = column_of(values, column.type, column.name)
        if column.nullable:
            losses.cells(column.name, "value is of another type", int(bad.sum()))
    return pa.table(columns)
