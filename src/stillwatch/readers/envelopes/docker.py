"""Logs of Docker's json-file driver, and of agents that read them."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

# Fields of a record beside its line, one of which it has.
BESIDE = (
    "stream",
    "time",
    "attrs",
    "date",
    "@timestamp",
    "timestamp",
    "kubernetes",
    "tag",
    "container_id",
    "container_name",
    "docker",
)


@envelope(
    title="Docker json-file, Fluent Bit, Fluentd",
    source="moby/moby daemon/logger/jsonfilelog; fluent/fluent-bit parsers; kubernetes#70539",
    keys=("log",),
)
def docker(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The text in `log`, where there is a stream or a time. Lines beyond 16 KiB are split over records, of
    which only the last ends with a line end.
    """
    text = record["log"]
    if not isinstance(text, str) or not any(name in record for name in BESIDE):
        return None
    at = next((record[name] for name in ("time", "@timestamp", "timestamp", "date") if name in record), None)
    of = f"{record.get('stream')} {record.get('container_id')}"
    return [Text(text=text, time=at, of=of, ends=True if text.endswith("\n") else None)]
