"""Functions for both LiteLLM formats, payloads and spend logs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stillwatch.readers.content import decoded
from stillwatch.readers.registry import Row, mapping

REDACTED = ("redacted-by-litellm", "default-message-value")
"""Texts with which the proxy replaces content that it does not log."""
HEALTH = "litellm-internal-health-check"  # the account of the proxy's own health checks
AGENT = "User-Agent: "  # start of the tag with the user agent
NO_CALLS = re.compile(
    r"_?a?(?:list|retrieve|get|delete|cancel|file|create_file|create_batch|create_thread|add_message)_?\w*|\w*mcp\w*"
)
"""Call types that call no model."""
# A note on both formats, for their pages.
PASSED_OVER = (
    "Words that stand in place of redacted text are no text. The proxy's own health checks and calls of no "
    "model are passed over."
)


def agent_in(tags: Any) -> str | None:  # noqa: ANN401  any JSON value
    """The user agent in a request's tags (the longest, since a short form may be there too); None where there
    is none.
    """
    several = decoded(tags)
    agents = [
        tag.removeprefix(AGENT)
        for tag in (several if isinstance(several, list) else ())
        if isinstance(tag, str) and tag.startswith(AGENT)
    ]
    return max(agents, key=len, default=None) or None


def unredacted(row: Row) -> Row:
    """The row with None in place of the texts in `REDACTED`."""
    return row | {name: None for name in ("prompt", "response", "system_prompt") if row.get(name) in REDACTED}


def is_no_call(record: Mapping[str, Any], meta: Any) -> bool:  # noqa: ANN401  any JSON value
    """Whether a record is a health check of the proxy or no model call."""
    metadata = mapping(meta)
    names = (
        metadata.get("user_api_key_team_id"),
        metadata.get("user_api_key_alias"),
        record.get("team_id"),
        record.get("api_key"),
    )
    kind = record.get("call_type")
    return HEALTH in names or (isinstance(kind, str) and NO_CALLS.fullmatch(kind) is not None)


def failure_code(error: Any, failed: bool) -> int | None:  # noqa: ANN401  any JSON value
    """The HTTP status of a call: its error's code, else 500 where it failed and 200 where it did not."""
    code = str(mapping(decoded(error)).get("error_code"))
    return int(code) if code.isdecimal() and len(code) < 9 else 500 if failed else 200
