"""Pages of a list API."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

LISTS = (
    "data",
    "items",
    "results",
    "logs",
    "records",
    "value",
    "entries",
    "rows",
    "traces",
    "observations",
    "requests",
    "response",
    "Messages",
)
"""Fields that may hold the list."""
ABOUT = {
    "meta",
    "error",
    "errors",
    "object",
    "has_more",
    "hasMore",
    "next",
    "previous",
    "next_page",
    "nextPage",
    "next_cursor",
    "nextCursor",
    "cursor",
    "cursors",
    "after",
    "before",
    "first_id",
    "last_id",
    "total",
    "totalCount",
    "total_count",
    "total_items",
    "count",
    "page",
    "pages",
    "per_page",
    "limit",
    "offset",
    "links",
    "_links",
    "paging",
    "pagination",
    "status",
    "success",
    "took",
    "nextToken",
    "NextToken",
    "next_token",
    "nextPageToken",
    "nextLink",
    "@odata.nextLink",
    "@odata.context",
    "@odata.count",
    "metadata",
    "result_info",
    "messages",
    "warnings",
    "code",
    "message",
}
"""Fields that describe the page."""


@envelope(
    title="page of an API",
    source="Langfuse, Helicone, OpenAI, Datadog, Cloudflare, Azure: lists in an object beside what tells of "
    "the page",
    keys=LISTS,
    loose=True,
)
def api_page(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The objects in the one list of `LISTS`, where all other fields are in `ABOUT`."""
    lists = [name for name in LISTS if isinstance(record.get(name), list)]
    if len(lists) != 1 or not record.keys() - {lists[0]} <= ABOUT:
        return None
    several = record[lists[0]]
    return several if several and all(isinstance(one, dict) for one in several) else None
