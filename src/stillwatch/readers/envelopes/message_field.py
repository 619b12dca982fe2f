"""Records in a field of what a logger or a shipper wrote."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

FIELDS = (
    "message",
    "log",
    "_raw",
    "MESSAGE",
    "msg",
    "event",
    "LogMessage",
    "LogEntry",
    "log_processed",
    "event.original",
    "payload",
    "data",
    "raw",
    "json",
    "value",
)
TIMES = ("timestamp", "@timestamp", "time", "ts", "date", "asctime", "TimeGenerated", "_time")


@envelope(
    title="a field that holds the record: `message`, `log`, `_raw`, `MESSAGE`, `msg`, `payload`",
    source="Vector, Filebeat, Logstash, Azure Monitor's ContainerLog, Kafka Connect, structlog, python-json-logger",
    keys=FIELDS,
    loose=True,
)
def message_field(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The first of `FIELDS` that holds an object or its text, else the first that holds a line."""
    at = next((record[name] for name in TIMES if name in record), None)
    lines: list[Inner] = []
    for name in FIELDS:
        value = record.get(name)
        if isinstance(value, dict):
            return [value]
        if isinstance(value, str) and value.strip():
            text = Text(text=value, time=at)
            if value.lstrip()[:1] in '{["':
                return [text]
            lines.append(text)
    return lines[:1] or None
