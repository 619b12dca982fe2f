"""How are Parquet, JSON Lines and CSV read as batches of raw columns?

Every reader yields `(raw batch, number of its first row, quarantine rows)`, where the batch has the file's own
columns, and touches single rows only where a whole block could not be parsed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq

from stillwatch.contract.table import TableSchema
from stillwatch.readers.cast import quarantined_line

ROWS = 65_536
BLOCK = 16 << 20

Raw = tuple[pa.Table, int, list[dict[str, object]]]


def open_stream(path: Path) -> pa.NativeFile:
    """Bytes of a plain, gzip or zstd file."""
    codec = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
    return pa.input_stream(str(path), compression=codec)


def parquet_batches(path: Path, columns: list[str] | None) -> Iterator[Raw]:
    """Batches of a Parquet file, restricted to the named columns."""
    with pq.ParquetFile(path) as file:
        row = 1
        for batch in file.iter_batches(batch_size=ROWS, columns=columns):
            yield pa.Table.from_batches([batch]), row, []
            row += batch.num_rows


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
            try:
                block = stream.read(BLOCK)
            except OSError as error:
                raw = rest
                yield (
                    explicit.empty_table(),
                    line,
                    [quarantined_line(str(path), line, f"file is cut short: {type(error).__name__}", raw)],
                )
                return
            text = rest + block
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
    blank = text.count(b"\n\n") or text.startswith(b"\n") or b"\r" in text
    if not blank:
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
        reader = pacsv.open_csv(
            stream,
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
            yield pa.Table.from_batches([batch]), row, lost.copy()
            lost.clear()
            row += batch.num_rows
        if lost:
            yield pa.table({}), row, lost


def csv_header(path: Path) -> list[str]:
    """Column names of a CSV file."""
    with open_stream(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        import csv

        return next(csv.reader(text), [])
