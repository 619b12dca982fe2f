"""How are Parquet, JSON Lines and CSV read as batches of raw columns?

Every reader yields `(raw batch, number of its first row, quarantine rows)`, where the batch has the file's own
columns, and touches single rows only where a whole block could not be parsed.
"""

from __future__ import annotations

import codecs
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq

from stillwatch.contract.table import TableSchema
from stillwatch.readers.cast import quarantined_line

ROWS = 65_536
BLOCK = 16 << 20
PIECE = 4096
COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
MARK = "\ufdd0"  # not a character: no text has it
SURROGATES = re.compile("[\udc80-\udcff]+")

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Raw = tuple[pa.Table, int, list[dict[str, object]]]


class Stream(io.RawIOBase):
    """Bytes of a plain, gzip or zstd file; one that is cut short ends where it is cut, with `fault` saying so.

    `part` are bytes of it that were read already, and all there is.
    """

    def __init__(self, path: Path, part: bytes | None = None) -> None:
        codec = COMPRESSED.get(path.suffix.lower()) if part is None else None
        self._bytes = pa.input_stream(str(path), compression=codec) if part is None else pa.BufferReader(part)
        self._piece = PIECE if codec else BLOCK  # what a failing read loses
        self.fault = ""

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        pieces, left = [], size if size >= 0 else sys.maxsize
        while left > 0 and not self.fault:
            try:
                piece = self._bytes.read(min(left, self._piece))
            except OSError as error:
                self.fault = f"file is cut short or damaged: {error}"
                break
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def readinto(self, buffer: WriteableBuffer) -> int:
        """As `read`, into a buffer."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file below."""
        self._bytes.close()
        super().close()


class Utf8(io.RawIOBase):
    """A stream in which bytes that are not UTF-8 became `MARK`, and `marked` says whether there were any."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._ready = b""
        self.marked = False

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        ended = False
        while not ended and (size < 0 or len(self._ready) < size):
            data = self._stream.read(BLOCK)
            ended = not data
            text = self._decoder.decode(data, final=ended)
            try:
                self._ready += text.encode()
            except UnicodeEncodeError:
                self.marked = True
                self._ready += SURROGATES.sub(MARK, text).encode()
        given = self._ready if size < 0 else self._ready[:size]
        self._ready = self._ready[len(given) :]
        return given

    def readinto(self, buffer: WriteableBuffer) -> int:
        """As `read`, into a buffer."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


def _unmarked(batch: pa.Table) -> pa.Table:
    """The batch with an invalid byte wherever there was one, so that its row is told from the others."""
    for place, name in enumerate(batch.column_names):
        marked = pc.replace_substring(batch.column(place).cast(pa.binary()), MARK.encode(), b"\xff")
        chunks = [chunk.view(pa.string()) for chunk in marked.chunks]
        batch = batch.set_column(place, name, pa.chunked_array(chunks, pa.string()))
    return batch


def open_stream(path: Path, part: bytes | None = None) -> Stream:
    """Bytes of a plain, gzip or zstd file, or these of them."""
    return Stream(path, part)


def parquet_batches(path: Path, columns: list[str] | None, groups: range | None = None) -> Iterator[Raw]:
    """Batches of a Parquet file or of some of its row groups, restricted to the named columns; rows of a damaged row
    group are quarantined.
    """
    with pq.ParquetFile(path) as file:
        groups = range(file.num_row_groups) if groups is None else groups
        row = 1 + sum(file.metadata.row_group(group).num_rows for group in range(groups.start))
        for group in groups:
            end = row + file.metadata.row_group(group).num_rows
            try:
                for batch in file.iter_batches(batch_size=ROWS, row_groups=[group], columns=columns):
                    yield pa.Table.from_batches([batch]), row, []
                    row += batch.num_rows
            except (OSError, pa.ArrowException) as error:
                why = f"row group {group} cannot be read: {str(error).splitlines()[0][:80]}"
                for start in range(row, end, ROWS):
                    numbers = range(start, min(start + ROWS, end))
                    yield pa.table({}), start, [quarantined_line(str(path), n, why, b"") for n in numbers]
            row = end


def _json_schema(schema: TableSchema, names: dict[str, str]) -> pa.Schema:
    """Loose types that accept what a JSON writer may have meant; strings for times."""
    fields = []
    for column in schema.columns:
        kind = pa.string() if pa.types.is_timestamp(column.type) else column.type
        fields.append(pa.field(names.get(column.name, column.name), kind))
    return pa.schema(fields)


def jsonl_batches(path: Path, schema: TableSchema, names: dict[str, str]) -> Iterator[Raw]:
    """Blocks of whole lines, parsed at once; a block that fails is parsed line by line."""
    explicit = _json_schema(schema, names)
    parse = pajson.ParseOptions(
        explicit_schema=explicit, newlines_in_values=False, unexpected_field_behavior="ignore"
    )
    line = 1
    with open_stream(path) as stream:
        rest = b""
        while True:
            block = stream.read(BLOCK)
            text = rest + block
            if stream.fault:
                cut = text.rfind(b"\n") + 1
                if text[:cut].strip():
                    yield _json_block(text[:cut], explicit, parse, path, line)
                line += text.count(b"\n")
                yield pa.table({}), line, [quarantined_line(str(path), line, stream.fault, text[cut:])]
                return
            if block:
                cut = text.rfind(b"\n") + 1
                if cut == 0:
                    rest = text
                    continue
                text, rest = text[:cut], text[cut:]
            if text.strip():
                yield _json_block(text, explicit, parse, path, line)
            line += text.count(b"\n")
            if not block:
                return


def _json_block(text: bytes, explicit: pa.Schema, parse: pajson.ParseOptions, path: Path, line: int) -> Raw:
    # Arrow's parser ends the process at a `null` before any object (apache/arrow#47409): lines that are not objects
    # never reach it.
    lines = text.count(b"\n") + (not text.endswith(b"\n"))
    objects = text.count(b"\n{") + text.startswith(b"{")
    if lines == objects and b"\r" not in text:
        try:
            options = pajson.ReadOptions(block_size=max(len(text), 1) + 1)
            return pajson.read_json(io.BytesIO(text), read_options=options, parse_options=parse), line, []
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
    rows: list[dict[str, Any]] = []
    lost: list[dict[str, object]] = []
    for number, raw in enumerate(text.split(b"\n"), start=line):
        if not raw.strip():
            continue
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            lost.append(quarantined_line(str(path), number, f"line is not JSON: {error.msg}", raw))
            continue
        if not isinstance(value, dict):
            lost.append(quarantined_line(str(path), number, "line is not a JSON object", raw))
            continue
        row: dict[str, Any] = {}
        for field in explicit:
            try:
                row[field.name] = pa.scalar(value.get(field.name), field.type).as_py()
            except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
                lost.append(quarantined_line(str(path), number, f"`{field.name}` has another type", raw))
                break
        else:
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=explicit), line, lost


def csv_batches(path: Path) -> Iterator[Raw]:
    """Batches of a CSV file with a header; every value is text, an empty one is null."""
    lost: list[dict[str, object]] = []

    def reject(row: pacsv.InvalidRow) -> str:
        raw = (row.text or "").encode()
        reason = f"row has {row.actual_columns} values, the header {row.expected_columns}"
        lost.append(quarantined_line(str(path), row.number or 0, reason, raw))
        return "skip"

    with open_stream(path) as stream:
        header = csv_header(path)
        text = Utf8(stream)
        reader = pacsv.open_csv(
            text,
            read_options=pacsv.ReadOptions(use_threads=False, block_size=BLOCK),
            parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=reject),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
                check_utf8=False,
            ),
        )
        row = 1
        for batch in reader:
            table = pa.Table.from_batches([batch])
            yield _unmarked(table) if text.marked else table, row, lost.copy()
            lost.clear()
            row += batch.num_rows
        if stream.fault:
            lost.append(quarantined_line(str(path), row, stream.fault, b""))
        if lost:
            yield pa.table({}), row, lost


def csv_header(path: Path) -> list[str]:
    """Column names of a CSV file."""
    with open_stream(path) as stream:
        text = io.TextIOWrapper(io.BufferedReader(Utf8(stream)), encoding="utf-8-sig", newline="")
        import csv

        return next(csv.reader(text), [])
