"""How is a file split into records, whatever holds them?

JSON Lines, a JSON array, one JSON document, plain text lines, CSV and Parquet rows, and OTLP's protobuf: each record
comes with its number (line, element or row, from 1). What cannot be split is a reason in the record's place.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from stillwatch.errors import InputError, Problem
from stillwatch.readers.cast import quarantined_line
from stillwatch.readers.open import COMPRESSED, MARK, Stream, Utf8, open_stream
from stillwatch.readers.registry import Numbered, Record

JSON = (".json", ".jsonl", ".ndjson")
PROTOBUF = (".binpb", ".pb", ".otlp")
WHOLE = 1 << 30  # bytes of the largest document that is not split into lines
PEEK = 1 << 20
LINES = 1 << 20  # bytes of lines looked at together: what the processor's cache holds
ROWS = 8192

Lost = dict[str, object]


def records(path: Path, lost: list[Lost], part: bytes | None = None) -> Iterator[Numbered]:
    """Records of a file in order; what cannot be split goes to `lost` as quarantine rows.

    `part` are some whole lines of a file whose records are lines, instead of all of it; its first has number 1.
    """
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    if name.endswith(".parquet"):
        yield from _parquet(path)
    elif name.endswith(".csv"):
        yield from _csv(path)
    elif name.endswith(PROTOBUF):
        yield from _protobuf(path, lost)
    elif name.endswith(JSON):
        yield from _document(path, lost) if is_document(path) else _lines(path, lost, part)
    elif _is_text(path):
        yield from _text(path, part)
    else:
        yield from _lines(path, lost, part)


def in_lines(path: Path) -> bool:
    """Whether a file can be cut at its lines: it is not compressed, and each record is one line."""
    name = path.name.lower()
    if name.endswith((*COMPRESSED, ".parquet", ".csv", *PROTOBUF)):
        return False
    return not is_document(path)


def _is_text(path: Path) -> bool:
    with open_stream(path) as stream:
        return stream.read(4096).lstrip()[:1] != b"{"


def is_document(path: Path) -> bool:
    """Whether the file is one JSON value, an array or an object over several lines."""
    if not path.name.lower().removesuffix(".gz").removesuffix(".zst").endswith(JSON):
        return False
    with open_stream(path) as stream:
        head = stream.read(PEEK).lstrip()
    line, _, more = head.partition(b"\n")
    if len(line) >= PEEK - 64:
        return head[:1] == b"["
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return head[:1] == b"[" or line.rstrip().endswith((b"{", b"[", b","))
    return head[:1] == b"[" and not more.strip()  # an array and then more is one line among others


def _lines(path: Path, lost: list[Lost], part: bytes | None) -> Iterator[Numbered]:
    loads = orjson.loads
    with open_stream(path, part) as stream:
        number = 0
        for number, raw in enumerate(_split(stream), 1):
            try:
                value = loads(raw)
            except orjson.JSONDecodeError as error:
                if bytes(raw).strip():
                    lost.append(quarantined_line(str(path), number, f"line is not JSON: {error.msg}", raw))
                continue
            if isinstance(value, dict):
                yield number, value
            else:
                lost.append(quarantined_line(str(path), number, "line is not a JSON object", raw))
        if stream.fault:
            lost.append(quarantined_line(str(path), number + 1, stream.fault, b""))


def _split(stream: Stream) -> Iterator[memoryview]:
    """Lines of a stream without their ends, uncopied; a line longer than a block is looked for in ever larger ones."""
    rest, size = b"", LINES
    while block := stream.read(size):
        data = rest + block
        view, begin, find = memoryview(data), 0, data.find
        while (end := find(b"\n", begin)) >= 0:
            yield view[begin:end]
            begin = end + 1
        rest = data[begin:]
        size = LINES if begin else 2 * size
    yield memoryview(rest)


def _document(path: Path, lost: list[Lost]) -> Iterator[Numbered]:
    with open_stream(path) as stream:
        raw = stream.read(WHOLE + 1)
        fault = stream.fault
    if len(raw) > WHOLE:
        lost.append(
            quarantined_line(str(path), 1, "document is larger than 1 GiB: write one object per line", b"")
        )
        return
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        lost.append(quarantined_line(str(path), 1, fault or f"document is not JSON: {error.msg}", raw))
        return
    for number, one in enumerate(value if isinstance(value, list) else [value], 1):
        if isinstance(one, dict):
            yield number, one
        else:
            lost.append(
                quarantined_line(str(path), number, "element is not a JSON object", orjson.dumps(one))
            )


def _text(path: Path, part: bytes | None) -> Iterator[Numbered]:
    modified = path.stat().st_mtime
    with open_stream(path, part) as stream:
        lines = io.TextIOWrapper(io.BufferedReader(Utf8(stream)), encoding="utf-8", newline="\n")
        for number, line in enumerate(lines, 1):
            yield number, {"line": line.rstrip("\r\n").replace(MARK, "\ufffd"), "modified": modified}


def _csv(path: Path) -> Iterator[Numbered]:
    csv.field_size_limit(1 << 30)
    with open_stream(path) as stream:
        text = io.TextIOWrapper(io.BufferedReader(Utf8(stream)), encoding="utf-8-sig", newline="")
        for number, row in enumerate(csv.DictReader(line.replace("\0", "") for line in text), 1):
            yield number, {name: _cell(value) for name, value in row.items() if name is not None}


def _cell(value: Any) -> Any:  # noqa: ANN401  any text
    """A cell as a number where it is one; empty is nothing."""
    if not isinstance(value, str) or value == "":
        return None
    if len(value) < 18 and value.lstrip("-").replace(".", "", 1).isdigit() and not value.startswith("00"):
        return float(value) if "." in value else int(value)
    return value


def _parquet(path: Path) -> Iterator[Numbered]:
    number = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS):
            for row in batch.to_pylist():
                number += 1
                yield number, row


def _protobuf(path: Path, lost: list[Lost]) -> Iterator[Numbered]:
    """OTLP messages, each after its length in four bytes (file exporter) or a varint, or one alone."""
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
    with open_stream(path) as stream:
        raw = stream.read(WHOLE)
    for number, message in enumerate(_framed(raw), 1):
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
            lost.append(
                quarantined_line(str(path), number, "message is neither spans nor log records", message)
            )


def _framed(raw: bytes) -> Iterator[bytes]:
    if len(raw) >= 4 and 0 < int.from_bytes(raw[:4], "big") <= len(raw) - 4:
        place = 0
        while place + 4 <= len(raw):
            size = int.from_bytes(raw[place : place + 4], "big")
            yield raw[place + 4 : place + 4 + size]
            place += 4 + size
    elif raw:
        yield raw


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
