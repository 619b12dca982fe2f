"""Events in the form of Splunk's HTTP Event Collector."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

BESIDE = {"time", "host", "source", "sourcetype", "index", "fields"}  # fields of an event beside its content


@envelope(title="Splunk HEC event", source="Splunk: Format events for HTTP Event Collector", keys=("event",))
def splunk_hec(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """`event`, an object or text, where all other fields are the collector's."""
    event = record["event"]
    if not (record.keys() - {"event"} and record.keys() - {"event"} <= BESIDE):
        return None
    if isinstance(event, dict):
        return [event]
    return [Text(text=event, time=record.get("time"))] if isinstance(event, str) else None
