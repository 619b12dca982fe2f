"""Datadog logs from archives, the API and exports."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

# Fields of an event beside its attributes.
BESIDE = {
    "_id",
    "id",
    "date",
    "Date",
    "timestamp",
    "service",
    "Service",
    "status",
    "host",
    "Host",
    "source",
    "tags",
    "message",
    "type",
    "content",
}


@envelope(
    title="Datadog log",
    source="Datadog: Log Archives, Logs API v2 (`type: log`), CSV export",
    keys=("attributes", "content", "Content", "Message"),
)
def datadog(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The attributes of a log, which hold its parsed JSON; otherwise its message."""
    if not BESIDE & record.keys() or {"spanId", "traceId", "resource"} & record.keys():
        return None
    inner = record.get("attributes", record.get("content"))
    if isinstance(inner, dict):
        if "attributes" in inner and {"timestamp", "service", "message", "status"} & inner.keys():
            return [dict(inner)]
        text = record.get("message")
        if isinstance(text, str) and text.lstrip()[:1] == "{":
            return [Text(text=text, time=record.get("date", record.get("timestamp")))]
        return [dict(inner)] if len(inner) > 1 or not text else None
    for name in ("Content", "Message"):
        if isinstance(record.get(name), str):
            return [Text(text=record[name], time=record.get("Date"))]
    return None
