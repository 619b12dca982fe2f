"""Records in a field of a logger's or a shipper's record."""

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
    "Message",
    "Body",
    "LogMessage",
    "LogEntry",
    "log_processed",
    "event.original",
    "payload",
    "data",
    "detail",
    "raw",
    "json",
    "value",
    "full_message",
    "short_message",
    "Line",
    "_line",
)
"""Fields that may hold the record."""
TIMES = ("timestamp", "@timestamp", "time", "ts", "date", "asctime", "TimeGenerated", "_time")
"""Fields that may hold the time, in the order in which they are tried."""


@envelope(
    title="a field that holds the record: `message`, `log`, `_raw`, `MESSAGE`, `msg`, `payload`",
    source="Vector, Filebeat, Logstash, Azure Monitor's ContainerLog, Kafka Connect, CloudEvents, SNS, SQS, "
    "EventBridge, structlog, python-json-logger",
    keys=FIELDS,
    loose=True,
    either=True,
)
def message_field(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The object or text in each of `FIELDS`, as alternatives."""
    at = next((record[name] for name in TIMES if name in record), None)
    inner: list[Inner] = []
    for name in FIELDS:
        value = record.get(name)
        if isinstance(value, dict):
            inner.append(value)
        elif isinstance(value, str) and value.strip():
            inner.append(Text(text=value, time=at))
    return inner or None
