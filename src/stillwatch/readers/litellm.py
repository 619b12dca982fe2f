"""What LiteLLM's payloads and its spend logs have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stillwatch.readers.content import decoded
from stillwatch.readers.registry import Row, mapping

REDACTED = ("redacted-by-litellm", "default-message-value")
HEALTH = "litellm-internal-health-check"  # the account under which the proxy asks its own models
AGENT = "User-Agent: "
NO_CALLS = re.compile(
    r"_?a?(?:list|retrieve|get|delete|cancel|file|create_file|create_batch|create_thread|add_message)_?\w*|\w*mcp\w*"
)


def agent_in(tags: Any) -> str | None:  # noqa: ANN401  any JSON value
    """The user agent among a request's tags: its whole name follows its short one."""
    several = decoded(tags)
    told = [
        tag.removeprefix(AGENT)
        for tag in (several if isinstance(several, list) else ())
        if isinstance(tag, str) and tag.startswith(AGENT)
    ]
    return max(told, key=len, default=None) or None


def unredacted(row: Row) -> Row:
    """The row without the words that stand in place of text that the proxy left out."""
    return row | {name: None for name in ("prompt", "response", "system_prompt") if row.get(name) in REDACTED}


def is_no_call(record: Mapping[str, Any], meta: Any) -> bool:  # noqa: ANN401  any JSON value
    """Whether the proxy asked on its own account, or nothing was asked of a model."""
    told = mapping(meta)
    names = (
        told.get("user_api_key_team_id"),
        told.get("user_api_key_alias"),
        record.get("team_id"),
        record.get("api_key"),
    )
    kind = record.get("call_type")
    return HEALTH in names or (isinstance(kind, str) and NO_CALLS.fullmatch(kind) is not None)


def failure_code(error: Any, failed: bool) -> int | None:  # noqa: ANN401  any JSON value
    """The status of a call by its error's code."""
    code = str(mapping(decoded(error)).get("error_code"))
    return int(code) if code.isdecimal() and len(code) < 9 else 500 if failed else 200
