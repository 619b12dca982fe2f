"""CloudWatch Logs events from its API and from subscriptions."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

# Fields of an event beside its message.
BESIDE = {
    "logStreamName",
    "ingestionTime",
    "eventId",
    "logGroupName",
    "logGroupIdentifier",
    "id",
    "extractedFields",
}


@envelope(
    title="CloudWatch Logs events",
    source="AWS: FilterLogEvents, GetLogEvents; subscription filters",
    keys=("events", "logEvents", "message", "messageType"),
)
def cloudwatch_events(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The messages of events; empty for a control message of a subscription."""
    if record.get("messageType") == "CONTROL_MESSAGE":
        return []
    several = record.get("logEvents") if "messageType" in record else record.get("events")
    if isinstance(several, list):
        some = [one for one in several if isinstance(one, dict)]
        if not some or any(
            not (isinstance(one.get("message"), str | dict) and "timestamp" in one) for one in some
        ):
            return None
    elif (
        isinstance(record.get("timestamp"), int)
        and BESIDE & record.keys()
        and not {"level", "name"} & record.keys()
    ):
        some = [dict(record)]
    else:
        return None
    return [
        one["message"]
        if isinstance(one["message"], dict)
        else Text(text=one["message"], time=one["timestamp"])
        for one in some
        if isinstance(one.get("message"), str | dict)
    ]
