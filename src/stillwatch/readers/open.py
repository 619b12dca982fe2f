"""Reads Parquet, JSON Lines and CSV as batches of raw columns.

Every reader yields pairs of a batch with the file's own columns and the numbers of its rows; faults are added
to `Losses`. A batch has at most about `BLOCK` bytes of text beyond its largest row, whatever the file's
metadata claim.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq

from stillwatch.contract.table import MAX_NAME_BYTES, TableSchema
from stillwatch.readers.cast import cells, shortened
from stillwatch.readers.limits import FREE, Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.pages import page_sizes
from stillwatch.readers.places import LogPath, seekable
from stillwatch.readers.tolerant import is_broken, objects
from stillwatch.stats.arrays import Ints

ROWS = 65_536  # most rows of a batch
BLOCK = 16 << 20  # bytes that are read together
LINES = 1 << 20  # bytes of lines that are split together, so that they fit into the processor's cache
PIECE = 4096  # bytes of one read from a compressed file
COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
"""Codec by the first bytes of a file. Names are not used, since log rotation may change them."""
NOTHING = (
    "",
    "NULL",
    "null",
    "None",
    "\\N",
    "nan",
    "NaN",
)  # texts that mean null in a CSV file
DELIMITERS = ",;\t|"  # separators of columns that are tried
HEAD = 64 << 10  # bytes of a CSV file by which its dialect is recognised: chosen
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
"""Encoding by byte-order mark."""
PAGE = 8  # largest size of a Parquet page, as a multiple of the limit of a line: chosen
NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"  # value of a Hive partition that stands for null
FEWEST_ROWS_OF_BATCH, MOST_ROWS_OF_BATCH = 16, 4096  # rows of a Parquet file decoded together
CODED = 64  # bytes per row below which a dictionary column is read with its dictionary
FAULTS = (
    OSError,
    ValueError,
    pa.ArrowException,
    MemoryError,
    EOFError,
    csv.Error,
    LookupError,
    TypeError,
)  # exceptions that reading a damaged file raises

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Raw = tuple[pa.Table, Ints]
"""A batch with the file's own columns, and the numbers of its rows."""


def encoding_of(head: bytes) -> tuple[str, int]:
    """The encoding of a text by its first four bytes, and the length of its byte-order mark in bytes."""
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding, len(mark)
    if len(head) == 4 and all(head[::2]) and not any(head[1::2]):  # ASCII in two bytes each
        return "utf-16-le", 0
    if len(head) == 4 and all(head[1::2]) and not any(head[::2]):
        return "utf-16-be", 0
    return "utf-8", 0


class Stream(io.RawIOBase):
    """The decompressed bytes of a plain, gzip, zstd or bzip2 file, or bytes `span[0]` to `span[1]` of a plain
    one.

    It ends where the file is truncated, damaged or exceeds a limit; `fault` is then the reason, otherwise
    empty. A byte-order mark is removed, and UTF-16 is converted to UTF-8.
    """

    def __init__(self, path: LogPath, limits: Limits, span: tuple[int, int] | None = None) -> None:
        codec = codec_of(path)
        self._bytes = pa.input_stream(seekable(path), compression=codec)
        self._piece = PIECE if codec else BLOCK  # bytes that a failed read loses
        self._limits = limits
        self._left = limits.file
        self._done = 0
        self._most = max(FREE, limits.ratio * path.stat().st_size) if codec else limits.file
        self.fault = ""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ready = b""
        if span is not None:
            self._bytes.seek(span[0])
            self._left = span[1] - span[0]
            self._span = True
        else:
            self._span = False
        if not self._span or span == (0, self._left):
            self._begin()

    def _begin(self) -> None:
        """Detect a byte-order mark and the encoding."""
        head = self._raw(4)
        encoding, mark = encoding_of(head)
        head = head[mark:]
        if encoding != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
            head = self._decoder.decode(head).encode()
        self._ready = head

    def readable(self) -> bool:
        """Return True."""
        return True

    def _raw(self, size: int) -> bytes:
        """Up to `size` decompressed bytes in the file's encoding."""
        pieces: list[bytes] = []
        left = size
        while left > 0 and not self.fault:
            if self._left <= 0:
                if not self._span and self._bytes.read(1):
                    self.fault = self._limits.message("file", "file exceeds")
                break
            try:
                piece = self._bytes.read(min(left, self._piece, self._left))
            except OSError as error:
                self.fault = f"file is cut short or damaged: {type(error).__name__}"
                break
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
            self._left -= len(piece)
            self._done += len(piece)
            if self._done > self._most:
                self.fault = self._limits.message("ratio", "file expands beyond")
        return b"".join(pieces)

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes (negative: all). Fewer are returned only at the end, and in UTF-16."""
        size = size if size >= 0 else self._left + len(self._ready)
        ready, self._ready = self._ready[:size], self._ready[size:]
        more = self._raw(size - len(ready)) if size > len(ready) else b""
        if self._decoder is not None and more:
            more = self._decoder.decode(more).encode() or self.read(size)
        return ready + more if ready else more

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into a buffer; returns the number of bytes."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        self._ready = data[len(view) :] + self._ready
        data = data[: len(view)]
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()
        super().close()


class Utf8(io.RawIOBase):
    """A stream in valid UTF-8: invalid bytes are replaced by U+FFFD, and NUL is removed."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ready = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into a buffer; returns the number of bytes, 0 only at the end."""
        while not len(self._ready) and not self._ended:
            data = self._stream.read(BLOCK)
            self._ended = not data
            self._ready = memoryview(self._decoder.decode(data, final=self._ended).replace("\0", "").encode())
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(self._ready))
        view[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes (negative: all); fewer only at the end."""
        if size < 0:
            return self.readall()
        data = bytearray(size)
        view, done = memoryview(data), 0
        while done < size and (more := self.readinto(view[done:])):
            done += more
        return bytes(view[:done])


def codec_of(path: LogPath) -> str | None:
    """The compression of a file by its first bytes; None for an uncompressed one."""
    with path.open("rb") as file:
        head = file.read(max(map(len, COMPRESSED)))
    return next((codec for magic, codec in COMPRESSED.items() if head.startswith(magic)), None)


def open_stream(path: LogPath, limits: Limits, span: tuple[int, int] | None = None) -> Stream:
    """Open a plain, gzip, zstd or bzip2 file, or a range of bytes of a plain one."""
    return Stream(path, limits, span)


def text_of(stream: Stream) -> io.TextIOWrapper:
    """The stream as text; invalid UTF-8 is replaced."""
    return io.TextIOWrapper(io.BufferedReader(Utf8(stream), BLOCK), encoding="utf-8", newline="")


def text_lines(stream: Stream, limits: Limits) -> Iterator[str]:
    """Yield lines of a stream with their ends. Of a line that exceeds the limit, only the first `limits.line`
    + 1 characters are given.
    """
    text = text_of(stream)
    most = limits.line + 1
    while line := text.readline(most):
        yield line
        while len(line) == most and line[-1] not in "\r\n":
            line = text.readline(most)


def blocks(stream: Stream, losses: Losses, limits: Limits, size: int = BLOCK) -> Iterator[tuple[bytes, int]]:
    """Yield whole lines of a stream, about `size` bytes together, with the number of the first line.

    A line that exceeds the limit is quarantined and never held as a whole. So is an incomplete last line of a
    truncated file.
    """
    held: list[bytes] = []
    length = 0
    skipping = False
    number = losses.first_line
    too_long = limits.message("line", "line exceeds")
    while piece := stream.read(size):
        if skipping:
            cut = piece.find(b"\n") + 1
            if cut == 0:
                continue
            skipping, piece = False, piece[cut:]
            losses.row(number, too_long)
            number += 1
        cut = piece.rfind(b"\n") + 1
        if cut == 0:
            held.append(piece)
            length += len(piece)
            if length > limits.line:
                skipping, held, length = True, [], 0
            continue
        text = b"".join([*held, piece[:cut]])
        held, length = [piece[cut:]], len(piece) - cut
        yield from _short_enough(text, number, losses, limits, too_long)
        number += text.count(b"\n")
        losses.lines = number - 1
    rest = b"".join(held)
    if skipping or len(rest) > limits.line:
        losses.row(number, too_long)
    elif rest and not stream.fault:
        losses.lines = number
        yield rest, number
    if stream.fault:
        losses.row(number, stream.fault, rest)


def _short_enough(
    text: bytes, number: int, losses: Losses, limits: Limits, too_long: str
) -> Iterator[tuple[bytes, int]]:
    """Yield runs of at most `ROWS` lines, without lines that exceed the limit."""
    if len(text) <= limits.line and text.count(b"\n") <= ROWS:
        yield text, number
        return
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")) + 1
    long = np.flatnonzero(np.diff(ends, prepend=0) > limits.line + 1)
    cuts = np.unique(np.concatenate([np.arange(0, len(ends), ROWS), long, long + 1, [len(ends)]])).tolist()
    skipped = set(long.tolist())
    for first, last in pairwise(cuts):
        if first in skipped:
            losses.row(number + first, too_long)
        else:
            yield text[int(ends[first - 1]) if first else 0 : int(ends[last - 1])], number + first


def parquet_batches(
    path: LogPath, columns: Sequence[str], groups: range | None, losses: Losses, limits: Limits
) -> Iterator[Raw]:
    """Batches of a Parquet file, or of some of its row groups, with the named columns. Rows of a damaged row
    group are quarantined.
    """
    with pq.ParquetFile(seekable(path)) as plain:
        metadata = plain.metadata
        every = range(metadata.num_row_groups) if groups is None else groups
        row = 1 + sum(metadata.row_group(group).num_rows for group in range(every.start))
        left = limits.file - sum(metadata.row_group(group).total_byte_size for group in range(every.start))
        coded = _coded(metadata, every, columns)
    with pq.ParquetFile(seekable(path), read_dictionary=coded) as file:
        for group in every:
            row_group = metadata.row_group(group)
            end = row + row_group.num_rows
            left -= row_group.total_byte_size
            why = _refused(path, row_group, columns, left, limits)
            if why:
                losses.span(row, row_group.num_rows, why)
                row = end
                continue
            size = max(row_group.total_byte_size, 1) // max(row_group.num_rows, 1) + 1
            try:
                batches = file.iter_batches(
                    batch_size=min(max(BLOCK // size, FEWEST_ROWS_OF_BATCH), MOST_ROWS_OF_BATCH),
                    row_groups=[group],
                    columns=list(columns),
                )
                for table in _gathered(batches):
                    yield table, np.arange(row, row + table.num_rows)
                    row += table.num_rows
            except FAULTS as error:
                losses.span(row, end - row, f"row group {group} cannot be read: {type(error).__name__}")
            row = end


def _refused(
    path: LogPath, group: pq.RowGroupMetaData, columns: Sequence[str], left: int, limits: Limits
) -> str:
    """Why a row group is not read; empty where it is."""
    if left < 0:
        return limits.message("file", "file exceeds")
    try:
        if _largest_page(path, group, columns) > PAGE * limits.line:
            return limits.message("line", f"a page exceeds {PAGE} times")
    except ValueError as error:
        return f"row group cannot be read: {error}"
    return ""


def _largest_page(path: LogPath, group: pq.RowGroupMetaData, columns: Sequence[str]) -> int:
    """Decompressed bytes of the largest page of these columns; 0 where every column is too small to
    matter.
    """
    largest = 0
    with path.open("rb") as file:
        for place in range(group.num_columns):
            one = group.column(place)
            if one.path_in_schema.split(".")[0] in columns and one.total_uncompressed_size > BLOCK:
                begin = one.data_page_offset
                if one.has_dictionary_page and one.dictionary_page_offset:
                    begin = min(begin, one.dictionary_page_offset)
                largest = max(largest, *page_sizes(file, begin, one.total_compressed_size))
    return largest


def _coded(metadata: pq.FileMetaData, groups: range, columns: Sequence[str]) -> list[str]:
    """Dictionary columns of strings that are read with their dictionary, since their values may be large and
    repeated.
    """
    wanted, found = set(columns), set()
    for group in groups:
        row_group = metadata.row_group(group)
        for place in range(row_group.num_columns):
            one = row_group.column(place)
            name = one.path_in_schema
            if (
                name.split(".")[0] not in wanted
                or one.physical_type != "BYTE_ARRAY"
                or not one.has_dictionary_page
            ):
                continue
            if "." in name or one.total_uncompressed_size < CODED * max(row_group.num_rows, 1):
                found.add(name)
    return sorted(found)


def _gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Tables of at most `ROWS` rows and about `BLOCK` bytes without dictionaries, from batches of
    any size.
    """
    waiting: list[pa.Table] = []
    rows = size = 0
    try:
        for batch in batches:
            for part in _written_out(pa.Table.from_batches([batch])):
                held = part.nbytes
                if waiting and (rows + part.num_rows > ROWS or size + held > BLOCK):
                    yield pa.concat_tables(waiting)
                    waiting, rows, size = [], 0, 0
                waiting.append(part)
                rows, size = rows + part.num_rows, size + held
    except FAULTS:
        if waiting:
            yield pa.concat_tables(waiting)
        raise
    if waiting:
        yield pa.concat_tables(waiting)


def _written_out(table: pa.Table) -> Iterator[pa.Table]:
    """The table without dictionaries, in parts of about `BLOCK` bytes."""
    coded = [
        name
        for name, kind in zip(table.column_names, table.schema.types, strict=True)
        if pa.types.is_dictionary(kind) or (_is_list(kind) and pa.types.is_dictionary(kind.value_type))
    ]
    if not coded or not table.num_rows:
        yield table
        return
    weight = np.zeros(table.num_rows, np.int64)
    for name in coded:
        weight += np.concatenate([_decoded_bytes(chunk) for chunk in table.column(name).chunks])
    run = np.cumsum(weight) // BLOCK
    begin = 0
    for end in [*(np.flatnonzero(np.diff(run)) + 1).tolist(), table.num_rows]:
        part = table.slice(begin, end - begin)
        begin = end
        for name in coded:
            chunks = [_decoded(chunk) for chunk in part.column(name).chunks]
            part = part.set_column(part.column_names.index(name), name, pa.chunked_array(chunks))
        yield part


def _is_list(kind: pa.DataType) -> bool:
    """Whether a type is a list."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _decoded_bytes(chunk: pa.Array) -> Ints:
    """Bytes of each row's strings without the dictionary; a string in a list counts as `MAX_NAME_BYTES`
    bytes.
    """
    if _is_list(chunk.type):
        return (
            pc.fill_null(pc.list_value_length(chunk), 0).to_numpy(zero_copy_only=False).astype(np.int64)
            * MAX_NAME_BYTES
        )
    lengths = pc.binary_length(chunk.dictionary).cast(pa.int64())
    return np.asarray(pc.fill_null(lengths.take(chunk.indices), 0))


def _decoded(chunk: pa.Array) -> pa.Array:
    """The array without dictionaries; strings in lists are shortened to `MAX_NAME_BYTES` bytes."""
    if not _is_list(chunk.type):
        return chunk.dictionary_decode()
    inner = chunk.flatten()
    names = pa.array(
        [
            None if one is None else shortened(one.decode("utf-8", "replace"), MAX_NAME_BYTES)
            for one in inner.dictionary.cast(pa.binary()).to_pylist()
        ],
        pa.string(),
    )
    lengths = pc.list_value_length(chunk)
    offsets = pa.array(
        np.concatenate([[0], np.cumsum(pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False))]), pa.int32()
    )
    return pa.ListArray.from_arrays(offsets, names.take(inner.indices), mask=lengths.is_null())


def explicit_schema(schema: TableSchema, sources: Mapping[str, str]) -> pa.Schema | None:
    """Types of the file's columns for the fast JSON parser, with times as strings. `sources` maps columns to
    names in the file. None where two columns of different types have one name.
    """
    fields: dict[str, pa.DataType] = {}
    for column in schema.columns:
        kind = pa.string() if pa.types.is_timestamp(column.type) else column.type
        if fields.setdefault(sources[column.name], kind) != kind:
            return None
    return pa.schema(list(fields.items()))


def jsonl_batches(
    path: LogPath, schema: TableSchema, sources: Mapping[str, str], losses: Losses, limits: Limits
) -> Iterator[Raw]:
    """Batches of a JSON Lines file. Blocks of lines are parsed at once; where that fails, line by line."""
    explicit = explicit_schema(schema, sources)
    parse = pajson.ParseOptions(
        explicit_schema=explicit, newlines_in_values=False, unexpected_field_behavior="ignore"
    )
    with open_stream(path, limits) as stream:
        for text, line in blocks(stream, losses, limits):
            if text.strip():
                yield _json_block(text, explicit, parse, line, sources, losses)


def _json_block(
    text: bytes,
    explicit: pa.Schema | None,
    parse: pajson.ParseOptions,
    line: int,
    sources: Mapping[str, str],
    losses: Losses,
) -> Raw:
    """A batch from a block of lines whose first line has the number `line`."""
    # Arrow's parser aborts the process at a `null` before any object (apache/arrow#47409): it is given only
    # lines that are objects.
    lines = text.count(b"\n") + (not text.endswith(b"\n"))
    begun = text.count(b"\n{") + text.startswith(b"{")
    if explicit is not None and lines == begun and b"\r" not in text:
        try:
            options = pajson.ReadOptions(block_size=max(len(text), 1) + 1)
            table = pajson.read_json(io.BytesIO(text), read_options=options, parse_options=parse)
            if table.num_rows == lines:
                return table, np.arange(line, line + lines)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
    names = sorted(set(sources.values()))
    values: dict[str, list[Any]] = {name: [] for name in names}
    numbers: list[int] = []
    for number, raw in enumerate(text.split(b"\n"), start=line):
        if not raw.strip():
            continue
        several = objects(raw)
        if several is None:
            if is_broken(raw.decode("utf-8", "replace"), strict=True):
                losses.row(number, "line is not a JSON object", raw)
            else:
                losses.passed_over += 1
            continue
        for value in several:
            for name in names:
                values[name].append(value.get(name))
            numbers.append(number)
    kinds = dict(zip(explicit.names, explicit.types, strict=True)) if explicit is not None else {}
    table = pa.table({name: _any(values[name], kinds.get(name, pa.string())) for name in names})
    return table, np.array(numbers, np.int64)


def _any(values: list[Any], kind: pa.DataType) -> pa.Array:
    """The values as type `kind` where possible, otherwise as text, which `conform` converts cell by cell."""
    if pa.types.is_list(kind) and any(
        isinstance(one, str) for one in values
    ):  # which Arrow takes for lists of letters
        return cells(values, pa.string())[0]
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return cells(values, pa.string())[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The form of a CSV file: its `delimiter`, the number of lines to `skip` before the header, whether
    `blanks` follow delimiters, and whether `backslashes` escape quotes.
    """

    delimiter: str = ","
    skip: int = 0
    blanks: bool = False
    backslashes: bool = False

    def rows(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """The rows of these lines, the header first; a blank line is an empty row. Raises `csv.Error` for a
        value that exceeds the limit.
        """
        return csv.reader(
            islice(lines, self.skip, None),
            delimiter=self.delimiter,
            skipinitialspace=self.blanks,
            escapechar="\\" if self.backslashes else None,
        )


def csv_dialect(path: LogPath, limits: Limits) -> Dialect:
    """The dialect of a CSV file, recognised by its first lines."""
    csv.field_size_limit(limits.line)
    lines = _first_lines(path, limits)
    skip = int(bool(lines) and lines[0].strip()[:4].lower() == "sep=")
    signs = lines[0].strip()[4:5] or "," if skip else DELIMITERS
    header = "".join(lines[skip : skip + 1])
    dialect = Dialect(skip=skip, delimiter=max(signs, key=header.count))
    dialect = replace(dialect, blanks=any(name[:1] == " " for name in next(dialect.rows(lines), [])))
    if any('\\"' in line for line in lines):
        other = replace(dialect, backslashes=True)
        dialect = min((dialect, other), key=lambda one: _uneven(one, lines))
    return dialect


def _first_lines(path: LogPath, limits: Limits) -> list[str]:
    """The lines within the first `HEAD` bytes of a file."""
    with open_stream(path, limits) as stream:
        raw = stream.read(HEAD)
    lines = io.StringIO(raw.decode("utf-8", "replace").replace("\0", ""), newline="").readlines()
    return lines[:-1] if len(raw) >= HEAD and len(lines) > 1 else lines


def _uneven(dialect: Dialect, lines: list[str]) -> int:
    """Number of rows in these lines with another number of values than the header. The last line is ignored,
    since it may be cut.
    """
    try:
        rows = [row for row in dialect.rows(lines) if row][:-1]
    except csv.Error:
        return len(lines)
    return sum(len(row) != len(rows[0]) for row in rows)


def csv_batches(path: LogPath, losses: Losses, limits: Limits) -> Iterator[Raw]:
    """Batches of a CSV file with a header; every value is text, and empty values are null.

    Arrow's parser needs each row within one block. From a larger row on, Python's parser is used.
    """
    done = 0
    try:
        for table, numbers in _csv_fast(path, losses, limits):
            yield table, numbers
            done = int(numbers[-1]) if len(numbers) else done
    except (pa.ArrowInvalid, csv.Error):
        yield from _csv_slow(path, losses, limits, done)


def _csv_fast(path: LogPath, losses: Losses, limits: Limits) -> Iterator[Raw]:
    """Batches of a CSV file, with Arrow's parser."""
    dialect = csv_dialect(path, limits)
    if dialect.blanks:  # which Arrow takes for a part of the value
        raise csv.Error("blanks after delimiters")
    header = csv_header(path, limits)
    rejected = 0

    def reject(row: pacsv.InvalidRow) -> str:
        """Quarantine a row with too many or too few values, and skip it."""
        nonlocal rejected
        rejected += 1
        reason = f"row has {row.actual_columns} values, the header {row.expected_columns}"
        losses.row(max((row.number or 1) - 1, 1), reason, (row.text or "").encode("utf-8", "replace"))
        return "skip"

    with open_stream(path, limits) as stream:
        if not header:
            return
        reader = pacsv.open_csv(
            Utf8(stream),
            read_options=pacsv.ReadOptions(use_threads=False, block_size=BLOCK, skip_rows=dialect.skip),
            parse_options=pacsv.ParseOptions(
                delimiter=dialect.delimiter,
                escape_char="\\" if dialect.backslashes else False,
                newlines_in_values=True,
                invalid_row_handler=reject,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=NOTHING,
                check_utf8=False,
            ),
        )
        row = 1
        for batch in reader:
            yield pa.Table.from_batches([batch]), np.arange(row, row + batch.num_rows)
            row += batch.num_rows
        if stream.fault:
            losses.row(row, stream.fault)


def _csv_slow(path: LogPath, losses: Losses, limits: Limits, done: int) -> Iterator[Raw]:
    """Batches of the rows after the first `done`, with Python's parser."""
    dialect = csv_dialect(path, limits)
    with open_stream(path, limits) as stream:
        rows = dialect.rows(text_lines(stream, limits))
        header = next(rows, [])
        waiting: list[list[str]] = []
        numbers: list[int] = []
        size = number = 0
        while True:
            try:
                row = next(rows, None)
            except csv.Error:
                losses.row(number + 1, limits.message("line", "a value exceeds"))
                continue
            if row is None:
                break
            if not row:
                continue
            if len(row) != len(header):
                if number >= done:
                    losses.row(number + 1, f"row has {len(row)} values, the header {len(header)}")
                continue
            number += 1
            if number <= done:
                continue
            waiting.append(row)
            numbers.append(number)
            size += sum(map(len, row))
            if len(waiting) == ROWS or size > BLOCK:
                yield _columns(header, waiting), np.array(numbers, np.int64)
                waiting, numbers, size = [], [], 0
        if waiting:
            yield _columns(header, waiting), np.array(numbers, np.int64)
        if stream.fault:
            losses.row(number + 1, stream.fault)


def _columns(header: list[str], rows: list[list[str]]) -> pa.Table:
    """Rows of texts as a table; the texts in `NOTHING` become null."""
    arrays = [
        pa.array([None if value in NOTHING else value for value in column], pa.string())
        for column in zip(*rows, strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=header)


def partitions(path: LogPath) -> dict[str, str | None]:
    """Column → value from the folder names of a path, as Hive and Spark write them (`model=m-1/`); None for a
    null partition.
    """
    pairs = (unquote(part).partition("=") for part in path.parts[:-1] if "=" in part)
    return {name: None if value == NO_PARTITION else value for name, _sign, value in pairs}


def csv_header(path: LogPath, limits: Limits) -> list[str]:
    """Column names of a CSV file; empty where the header cannot be read."""
    dialect = csv_dialect(path, limits)
    lines = _first_lines(path, limits)
    try:
        if len(lines) > dialect.skip + 1:
            return next(dialect.rows(lines), [])
        with open_stream(path, limits) as stream:
            return next(dialect.rows(text_lines(stream, limits)), [])
    except csv.Error:
        return []
