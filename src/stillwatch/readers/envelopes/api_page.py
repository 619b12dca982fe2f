"""Pages of a list API."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

LISTS = (
    "data",
    "result",
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
    "runs",
    "spans",
    "response",
    "Messages",
)
"""Fields that may hold the list."""
ABOUT = frozenset(
    (
        "after",
        "before",
        "code",
        "count",
        "currentpage",
        "cursor",
        "cursors",
        "error",
        "errors",
        "firstid",
        "from",
        "hasmore",
        "hasnext",
        "hasprevious",
        "lastid",
        "lastpage",
        "limit",
        "links",
        "message",
        "messages",
        "meta",
        "metadata",
        "next",
        "nextcursor",
        "nextlink",
        "nextpage",
        "nextpagetoken",
        "nexttoken",
        "numpages",
        "object",
        "odatacontext",
        "odatacount",
        "odatanextlink",
        "offset",
        "ok",
        "page",
        "pagenumber",
        "pages",
        "pagesize",
        "pagination",
        "paging",
        "perpage",
        "prev",
        "previous",
        "prevpage",
        "resultinfo",
        "size",
        "status",
        "success",
        "to",
        "took",
        "total",
        "totalcount",
        "totalitems",
        "totalpages",
        "totalresults",
        "warnings",
    )
)
"""Fields that describe the page, in lower case and without signs between words."""


@envelope(
    title="page of an API",
    source="Langfuse, Helicone, LiteLLM, OpenAI, Datadog, Cloudflare, Azure: lists in an object beside what "
    "tells of the page",
    keys=LISTS,
    loose=True,
)
def api_page(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The objects in the one list of `LISTS`, where all other fields are in `ABOUT`."""
    lists = [name for name in LISTS if isinstance(record.get(name), list)]
    if len(lists) != 1 or not {_plain(name) for name in record.keys() - {lists[0]}} <= ABOUT:
        return None
    several = record[lists[0]]
    return several if several and all(isinstance(one, dict) for one in several) else None


def _plain(name: str) -> str:
    """A field's name in lower case, without the signs between its words."""
    return "".join(sign for sign in name.lower() if sign.isalnum())
