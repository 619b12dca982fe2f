"""Grafana Loki lines from queries, exports of logcli and Grafana, and pushes of agents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from stillwatch.readers.envelope import Inner, Text, envelope, is_line
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record, at


@envelope(
    title="Grafana Loki",
    source="Loki HTTP API: query_range, push; logcli --output=jsonl; Grafana's download",
    keys=("line", "streams", "data", "values"),
)
def loki(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """`line` where `labels`, `timestamp` or `fields` are present, or the values of streams."""
    line = record.get("line")
    if (
        isinstance(line, str)
        and not is_line(record)
        and {"labels", "timestamp", "fields", "date"} & record.keys()
    ):
        return [Text(text=line, time=record.get("timestamp"))]
    if isinstance(line, dict) and {"labels", "timestamp"} & record.keys():
        return [line]
    streams = record.get("streams")
    if at(record, "data", "resultType") == "streams":
        streams = at(record, "data", "result")
    elif "stream" in record and "values" in record:
        streams = [record]
    if (
        not isinstance(streams, list)
        or not streams
        or not all(isinstance(at(one, "values"), list) for one in streams)
    ):
        return None
    return list(_lines(streams))


def _lines(streams: list[Any]) -> Iterator[Inner]:
    """Yield the lines of streams with their times."""
    for stream in streams:
        for value in stream["values"]:
            if isinstance(value, list) and len(value) > 1 and isinstance(value[1], str):
                yield Text(text=value[1], time=value[0])
