"""Google Cloud Logging entries from its API, exports to storage and BigQuery, and Pub/Sub messages."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.packed import unpacked
from stillwatch.readers.registry import Record, at

# Fields of an entry beside its payload.
BESIDE = ("logName", "insertId", "resource", "receiveTimestamp", "severity", "timestamp")


@envelope(
    title="Google Cloud LogEntry",
    source="Google Cloud Logging: LogEntry, sinks; Pub/Sub: push format",
    keys=("jsonPayload", "textPayload", "json_payload", "text_payload", "message"),
)
def google_cloud(record: Record, limits: Limits) -> Iterable[Inner] | None:
    """`jsonPayload` or `textPayload` of an entry, or the entry in a message's data."""
    data = at(record, "message", "data")
    if isinstance(data, str) and "subscription" in record:
        text = unpacked(data, limits)
        return None if text is None else [Text(text=text)]
    if not any(name in record for name in BESIDE):
        return None
    for name in ("jsonPayload", "json_payload"):
        if isinstance(record.get(name), dict):
            return [record[name]]
        if isinstance(record.get(name), str):  # of BigQuery
            return [Text(text=record[name], time=record.get("timestamp"))]
    text = record.get("textPayload") or record.get("text_payload")
    return [Text(text=text, time=record.get("timestamp"))] if isinstance(text, str) else None
