"""Exported Splunk search results."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

# Fields of a row of an export beside its result.
BESIDE = {
    "preview",
    "offset",
    "lastrow",
    "init_offset",
    "messages",
    "fields",
    "highlighted",
    "post_process_count",
}


@envelope(
    title="Splunk search results",
    source="Splunk REST: search/v2/jobs/export and results; the CSV export",
    keys=("result", "results", "_raw"),
)
def splunk_export(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """`result`, `results`, or the `_raw` of an event."""
    raw = record.get("_raw")
    if isinstance(raw, str) and raw:
        return [Text(text=raw, time=record.get("_time"))]
    if not BESIDE & record.keys():
        return None
    if isinstance(record.get("result"), dict):
        return [record["result"]]
    several = record.get("results")
    return [one for one in several if isinstance(one, dict)] if isinstance(several, list) else None
