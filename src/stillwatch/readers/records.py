"""How is a file split into records, whatever holds them?

JSON Lines, a JSON array, one JSON document, plain text lines, CSV and Parquet rows, and OTLP's protobuf: each record
comes with its number (line, element or row, from 1). What cannot be split goes to the file's `Losses`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from stillwatch.errors import InputError, Problem
from stillwatch.readers.limits import Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.open import (
    BLOCK,
    COMPRESSED,
    LINES,
    MARKS,
    blocks,
    open_stream,
    parquet_batches,
    text_lines,
    text_of,
)
from stillwatch.readers.registry import Numbered, Record
from stillwatch.readers.tolerant import DECODER, end_of, loads

JSON = (".json", ".jsonl", ".ndjson")
PROTOBUF = (".binpb", ".pb", ".otlp")
WHOLE = 8 << 20  # bytes of the largest document that is parsed at once: chosen
PEEK = 1 << 20
FILLING = re.compile(r"[\s,]*")
NOTHING = ("", "NULL", "null", "None", "\\N", "nan", "NaN")  # of a cell of a CSV file
PYTHON = 1024  # rows of a table that are Python objects at a time: chosen
Span = tuple[int, int]


def records(path: Path, losses: Losses, limits: Limits, span: Span | None = None) -> Iterator[Numbered]:
    """Records of a file in order; what cannot be split goes to `losses`.

    `span` are the first and the last byte of some whole lines of a file whose records are lines; the first of them has number 1.
    """
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    if name.endswith(".parquet"):
        yield from _parquet(path, losses, limits)
    elif name.endswith(".csv"):
        yield from _csv(path, losses, limits)
    elif name.endswith(PROTOBUF):
        yield from _protobuf(path, losses, limits)
    elif name.endswith(JSON):
        document = is_document(path, limits)
        yield from _document(path, losses, limits) if document else _lines(path, losses, limits, span)
    elif _is_text(path, limits):
        yield from _text(path, losses, limits, span)
    else:
        yield from _lines(path, losses, limits, span)


def in_lines(path: Path, limits: Limits) -> bool:
    """Whether a file can be cut at its lines: it is not compressed, one byte is one letter, and each record is one line."""
    name = path.name.lower()
    if name.endswith((*COMPRESSED, ".parquet", ".csv", *PROTOBUF)):
        return False
    with path.open("rb") as file:
        head = file.read(4)
    wide = any(head.startswith(mark) for mark, encoding in MARKS.items() if encoding != "utf-8")
    return not wide and not is_document(path, limits)


def _is_text(path: Path, limits: Limits) -> bool:
    with open_stream(path, limits) as stream:
        return stream.read(4096).lstrip()[:1] != b"{"


def is_document(path: Path, limits: Limits) -> bool:
    """Whether the file is one JSON value, an array or an object over several lines."""
    if not path.name.lower().removesuffix(".gz").removesuffix(".zst").endswith(JSON):
        return False
    with open_stream(path, limits) as stream:
        head = stream.read(PEEK).lstrip()
    line, _, more = head.partition(b"\n")
    if len(line) >= PEEK - 64:
        return head[:1] == b"["
    try:
        loads(line)
    except orjson.JSONDecodeError:
        return head[:1] == b"[" or line.rstrip().endswith((b"{", b"[", b","))
    return head[:1] == b"[" and not more.strip()  # an array and then more is one line among others


def _lines(path: Path, losses: Losses, limits: Limits, span: Span | None) -> Iterator[Numbered]:
    with open_stream(path, limits, span) as stream:
        for text, first in blocks(stream, losses, limits, LINES):
            for number, raw in _split(text, first):
                try:
                    value = loads(raw)
                except orjson.JSONDecodeError as error:
                    if bytes(raw).strip():
                        losses.row(number, f"line is not JSON: {error.msg}", raw)
                    continue
                if isinstance(value, dict):
                    yield number, value
                else:
                    losses.row(number, "line is not a JSON object", raw)


def _split(text: bytes, number: int) -> Iterator[tuple[int, memoryview]]:
    """Lines with their numbers and without their ends, uncopied."""
    view, begin, find = memoryview(text), 0, text.find
    while (end := find(b"\n", begin)) >= 0:
        yield number, view[begin:end]
        begin = end + 1
        number += 1
    if begin < len(text):
        yield number, view[begin:]


def _document(path: Path, losses: Losses, limits: Limits) -> Iterator[Numbered]:
    """Elements of an array, or a value alone. A small document is parsed at once, a large one element by element."""
    with open_stream(path, limits) as stream:
        raw = stream.read(WHOLE + 1)
        whole = len(raw) <= WHOLE and not stream.fault
    if not whole:
        with open_stream(path, limits) as stream:
            yield from _elements(text_of(stream), losses, limits)
            if stream.fault:
                losses.row(losses.lines + 1, stream.fault)
        return
    try:
        value = loads(raw)
    except orjson.JSONDecodeError as error:
        losses.row(1, f"document is not JSON: {error.msg}", raw)
        return
    for number, one in enumerate(value if isinstance(value, list) else [value], 1):
        if isinstance(one, dict):
            yield number, one
        else:
            losses.row(number, "element is not a JSON object", orjson.dumps(one))


def _elements(text: io.TextIOWrapper, losses: Losses, limits: Limits) -> Iterator[Numbered]:
    """Elements of an array, or values one after the other, of which no more than one is held."""
    held, at, number, size = text.read(BLOCK), 0, 1, BLOCK
    at = FILLING.match(held).end()  # type: ignore[union-attr]  # it matches everywhere
    at += held[at : at + 1] == "["
    while True:
        at = FILLING.match(held, at).end()  # type: ignore[union-attr]
        end = at
        try:
            value, end = DECODER.raw_decode(held, at)
            lone = "\\u" in held[at:end]
        except (json.JSONDecodeError, RecursionError):
            value, end, lone = None, end_of(held, at), True
        if end is None or end == at:  # cut, or no value
            more = text.read(size)
            if more and len(held) - at <= limits.line:
                held, at, size = held[at:] + more, 0, 2 * size
                continue
            if held[at:].strip("] \t\r\n"):
                why = (
                    limits.told("line", "an element exceeds") if more else "document is not JSON from here on"
                )
                losses.row(number, why)
            return
        size = BLOCK
        try:
            value = loads(held[at:end]) if lone else value
        except orjson.JSONDecodeError as error:
            losses.row(number, f"element is not JSON: {error.msg}", held[at:end].encode("utf-8", "replace"))
        else:
            if isinstance(value, dict):
                yield number, value
            else:
                losses.row(number, "element is not a JSON object", held[at:end].encode("utf-8", "replace"))
        losses.lines = number
        number, at = number + 1, end


def _text(path: Path, losses: Losses, limits: Limits, span: Span | None) -> Iterator[Numbered]:
    modified = path.stat().st_mtime
    with open_stream(path, limits, span) as stream:
        for text, first in blocks(stream, losses, limits, LINES):
            for number, line in enumerate(text.decode("utf-8", "replace").split("\n"), first):
                if line:
                    yield number, {"line": line.rstrip("\r"), "modified": modified}


def _csv(path: Path, losses: Losses, limits: Limits) -> Iterator[Numbered]:
    csv.field_size_limit(limits.line)
    with open_stream(path, limits) as stream:
        rows = csv.DictReader(text_lines(stream, limits))
        number = 0
        while True:
            number += 1
            try:
                row = next(rows, None)
            except csv.Error:
                losses.row(number, limits.told("line", "a value exceeds"))
                continue
            if row is None:
                break
            yield number, {name: _cell(value) for name, value in row.items() if name is not None}
        if stream.fault:
            losses.row(number, stream.fault)


def _cell(value: Any) -> Any:  # noqa: ANN401  any text
    """A cell as it stands, since ids may look like numbers; None for what databases write in place of nothing."""
    return None if not isinstance(value, str) or value.strip() in NOTHING else value


def _parquet(path: Path, losses: Losses, limits: Limits) -> Iterator[Numbered]:
    names = list(dict.fromkeys(pq.read_schema(path).names))
    for table, numbers in parquet_batches(path, names, None, losses, limits):
        for begin in range(0, table.num_rows, PYTHON):
            some = slice(begin, begin + PYTHON)
            yield from zip(numbers[some].tolist(), table.slice(begin, PYTHON).to_pylist(), strict=True)


def _protobuf(path: Path, losses: Losses, limits: Limits) -> Iterator[Numbered]:
    """OTLP messages, each after its length in four bytes (file exporter), or one alone."""
    try:
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    except ImportError as error:
        raise InputError(
            Problem(
                fact="reading OTLP protobuf needs a package",
                where=str(path),
                fix="pip install 'stillwatch[otlp]'",
            )
        ) from error
    for number, message in _framed(path, losses, limits):
        for kind, name in (
            (ExportTraceServiceRequest, "resourceSpans"),
            (ExportLogsServiceRequest, "resourceLogs"),
        ):
            try:
                parsed = kind.FromString(message)
                told = _plain(parsed)
            except (DecodeError, UnicodeDecodeError):
                continue
            if _filled(told, name):
                yield number, told
                break
        else:
            losses.row(number, "message is neither spans nor log records", message)


def _framed(path: Path, losses: Losses, limits: Limits) -> Iterator[tuple[int, bytes]]:
    """Messages with their numbers; of one that exceeds the limit nothing is kept, and no more is read."""
    with open_stream(path, limits) as stream:
        number, head = 1, stream.read(4)
        while head:
            size = int.from_bytes(head, "big")
            if not (len(head) == 4 and 0 < size <= limits.line):
                body = head + stream.read(limits.line + 1 - len(head)) if number == 1 else head
                if len(body) > limits.line:
                    losses.row(number, limits.told("line", "message exceeds"))
                elif number == 1:
                    yield number, body
                else:
                    losses.row(number, "message has no length that can be", head)
                break
            body = stream.read(size)
            if len(body) < size and number == 1:
                body = head + body
            yield number, body
            number, head = number + 1, stream.read(4)
        if stream.fault:
            losses.row(number, stream.fault)


def _filled(told: Record, name: str) -> bool:
    inner, last = ("scopeSpans", "spans") if name == "resourceSpans" else ("scopeLogs", "logRecords")
    return any(scope.get(last) for resource in told.get(name, ()) for scope in resource.get(inner, ()))


def _plain(message: Any) -> Any:  # noqa: ANN401  any protobuf message
    """A message as the JSON of OTLP has it: camel case, ids in hexadecimal."""
    told: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.message_type is None:
            several = (
                field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
            )
            told[field.json_name] = (
                list(value) if several else value.hex() if isinstance(value, bytes) else value
            )
        elif hasattr(value, "ListFields"):
            told[field.json_name] = _plain(value)
        else:
            told[field.json_name] = [_plain(one) for one in value]
    return told
