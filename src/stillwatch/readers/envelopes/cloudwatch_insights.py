"""Results of CloudWatch Logs Insights from its API, and exported as CSV or JSON."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record


@envelope(
    title="CloudWatch Logs Insights results",
    source="AWS: GetQueryResults; the console's export",
    keys=("@message", "results"),
)
def cloudwatch_insights(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The `@message` of each row."""
    message = record.get("@message")
    if isinstance(message, dict):
        return [message]
    if isinstance(message, str):
        return [Text(text=message, time=record.get("@timestamp"))]
    several = record.get("results")
    if not isinstance(several, list) or not several or not all(isinstance(one, list) for one in several):
        return None
    rows = [
        {
            one["field"]: one.get("value")
            for one in row
            if isinstance(one, dict) and isinstance(one.get("field"), str)
        }
        for row in several
    ]
    return [one for one in rows if one]
