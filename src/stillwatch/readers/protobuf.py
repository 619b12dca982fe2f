"""Reads OTLP's protobuf messages in the form of OTLP's JSON.

Protobuf rejects text that is not UTF-8, which any sender can produce. A message with such text is parsed
again with descriptors in which every string field is bytes (the wire format is the same), and invalid bytes
are replaced by U+FFFD.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from stillwatch.errors import InputError, Problem
from stillwatch.readers.limits import Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.open import open_stream
from stillwatch.readers.places import LogPath
from stillwatch.readers.registry import Record


def protobuf_messages(path: LogPath, losses: Losses, limits: Limits) -> Iterator[tuple[int, Record]]:
    """Yield the OTLP messages of a file with their numbers: each preceded by its length in four bytes (file
    exporter), or a single message. Raises `InputError` where the protobuf package is not installed.
    """
    try:
        kinds = _kinds()
    except ImportError as error:
        raise InputError(
            Problem(
                fact="reading OTLP protobuf needs a package",
                where=str(path),
                fix="pip install 'stillwatch[otlp]'",
            )
        ) from error
    for number, message in _framed(path, losses, limits):
        for kind, name in kinds:
            record = _parsed(kind, message)
            if record is not None and _filled(record, name):
                yield number, record
                break
        else:
            losses.row(number, "message is neither spans nor log records", message)


@cache
def _kinds() -> tuple[tuple[Any, str], ...]:
    """The message classes for spans and log records, with the JSON name of their list."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return (ExportTraceServiceRequest, "resourceSpans"), (ExportLogsServiceRequest, "resourceLogs")


def _parsed(kind: Any, message: bytes) -> Record | None:  # noqa: ANN401  a message's class
    """A message in the form of OTLP's JSON; None where it is not of this type."""
    from google.protobuf.message import DecodeError

    for make in (_same, _of_bytes):
        try:
            return _plain(make(kind).FromString(message), kind.DESCRIPTOR)
        except (DecodeError, UnicodeDecodeError):
            continue
    return None


def _same(kind: Any) -> Any:  # noqa: ANN401  a message's class
    """The class as it is; stands in where a decorator is not needed."""
    return kind


@cache
def _of_bytes(kind: Any) -> Any:  # noqa: ANN401  a message's class
    """The message class with every string field changed to bytes."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    pool, added = DescriptorPool(), set()

    def loosen(message: Any) -> None:  # noqa: ANN401  a descriptor
        """Change the string fields of a message and of the messages in it to bytes."""
        for field in message.field:
            if field.type == field.TYPE_STRING:
                field.type = field.TYPE_BYTES
        for inner in message.nested_type:
            loosen(inner)

    def add(file: Any) -> None:  # noqa: ANN401  a descriptor
        """Add a file to the pool after the files that it imports, its string fields changed."""
        for other in file.dependencies:
            add(other)
        if file.name not in added:
            added.add(file.name)
            loose = FileDescriptorProto()
            file.CopyToProto(loose)
            for message in loose.message_type:
                loosen(message)
            pool.Add(loose)

    add(kind.DESCRIPTOR.file)
    return GetMessageClass(pool.FindMessageTypeByName(kind.DESCRIPTOR.full_name))


def _framed(path: LogPath, losses: Losses, limits: Limits) -> Iterator[tuple[int, bytes]]:
    """Yield the messages with their numbers. Reading stops at a message that exceeds the limit, which is
    quarantined.
    """
    with open_stream(path, limits) as stream:
        number, head = 1, stream.read(4)
        while head:
            size = int.from_bytes(head, "big")
            if not (len(head) == 4 and 0 < size <= limits.line):
                body = head + stream.read(limits.line + 1 - len(head)) if number == 1 else head
                if len(body) > limits.line:
                    losses.row(number, limits.message("line", "message exceeds"))
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


def _filled(record: Record, name: str) -> bool:
    """Whether a message has spans or log records."""
    inner, last = ("scopeSpans", "spans") if name == "resourceSpans" else ("scopeLogs", "logRecords")
    return any(scope.get(last) for resource in record.get(name, ()) for scope in resource.get(inner, ()))


def _plain(message: Any, kind: Any) -> dict[str, Any]:  # noqa: ANN401  any protobuf message
    """A message in the form of OTLP's JSON: camel case names, identifiers in hexadecimal. `kind` is its
    original descriptor, which distinguishes strings from bytes.
    """
    record: dict[str, Any] = {}
    for field, value in message.ListFields():
        known = kind.fields_by_name[field.name]
        if known.message_type is None:
            text = known.type == known.TYPE_STRING
            several = hasattr(value, "append")
            made = [_scalar(one, text) for one in value] if several else _scalar(value, text)
        elif hasattr(value, "ListFields"):
            made = _plain(value, known.message_type)
        else:
            made = [_plain(one, known.message_type) for one in value]
        record[known.json_name] = made
    return record


def _scalar(value: Any, text: bool) -> Any:  # noqa: ANN401  any protobuf value
    """A value in the form of OTLP's JSON: bytes of a string field as text, other bytes in hexadecimal."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") if text else value.hex()
    return value
