"""Builds the response to a client whose request is refused, in the form of its provider. It does not reveal
what was detected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from stillwatch.guard.core import PLAIN_MESSAGES
from stillwatch.guard.decision import Decision
from stillwatch.policy.rules import Policy

# Type of an error in OpenAI's form, by status.
OPENAI = {429: "rate_limit_exceeded", 403: "permission_denied", 503: "server_error"}
# Type of an error in Anthropic's form, by status.
ANTHROPIC = {429: "rate_limit_error", 403: "permission_error", 503: "overloaded_error"}
# Status of an error in Gemini's form, by HTTP status.
GEMINI = {429: "RESOURCE_EXHAUSTED", 403: "PERMISSION_DENIED", 503: "UNAVAILABLE"}


def words(decision: Decision, policy: Policy) -> str:
    """The message of a refusal: the policy's message or the default for the status, and the address for
    appeals where one is set.
    """
    message = decision.message or PLAIN_MESSAGES[decision.status]
    return f"{message} Appeal: {policy.appeal}" if policy.appeal else message


def body(decision: Decision, policy: Policy) -> bytes:
    """The JSON body of a refusal, in the form of the policy's provider."""
    status, message = decision.status, words(decision, policy)
    code = decision.reason
    shaped: Mapping[str, Any]
    if policy.provider == "anthropic":
        shaped = {
            "type": "error",
            "error": {"type": ANTHROPIC[status], "message": message, "details": {"error_code": code}},
            "request_id": decision.decision_id,
        }
    elif policy.provider == "gemini":
        shaped = {"error": {"code": status, "message": message, "status": GEMINI[status], "details": []}}
    elif policy.provider == "openai":
        shaped = {"error": {"message": message, "type": OPENAI[status], "param": None, "code": code}}
    else:
        shaped = {"message": message, "code": code, "request_id": decision.decision_id}
    return orjson.dumps(shaped)


def headers(decision: Decision) -> list[tuple[bytes, bytes]]:
    """The headers of a refusal. SDKs of OpenAI and Anthropic do not retry where `x-should-retry` is false."""
    made = [
        (b"content-type", b"application/json"),
        (b"x-request-id", decision.decision_id.encode()),
        (b"x-should-retry", b"false"),
    ]
    if decision.retry_after_s:
        made.append((b"retry-after", str(decision.retry_after_s).encode()))
    return made
