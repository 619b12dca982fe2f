"""Docker's json-file driver, and agents that follow its files."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

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
    """`log` beside a stream or a time. A line beyond 16 KiB is cut into several records, all but the last
    without a line end.
    """
    text = record["log"]
    if not isinstance(text, str) or not any(name in record for name in BESIDE):
        return None
    at = next((record[name] for name in ("time", "@timestamp", "timestamp", "date") if name in record), None)
    of = f"{record.get('stream')} {record.get('container_id')}"
    return [Text(text=text, time=at, of=of, ends=True if text.endswith("\n") else None)]
