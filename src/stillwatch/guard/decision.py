"""The result of a decision, and its form for clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stillwatch.policy.rules import ALLOW, LIMITED, UNNOTICED, Mode

DENY = "deny"
"""The action where no decision can be made and the policy has `on_error = "deny"`."""
ON_ERROR, TOO_LATE = "guard_error", "deadline"
"""Reasons of decisions that could not be made: an error, and a passed deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The result for one request.

    `action` is what the caller must do; `would` is the action if the policy were enforced. `retry_after_s` is
    the number of seconds for `Retry-After` (0: none); `ttl_s` is how long the caller may cache the decision,
    in seconds. `rule`, `campaign` and `account` are for the audit log and the model server and are not shown
    to clients.
    """

    action: str
    would: str
    mode: Mode
    reason: str
    policy: str
    decision_id: str
    retry_after_s: int = 0
    ttl_s: int = 0
    message: str = ""
    rule: str = ""
    campaign: str = ""
    account: str = ""

    @property
    def refuses(self) -> bool:
        """Whether the request must not be passed on to the model."""
        return self.action != ALLOW and self.action not in UNNOTICED

    @property
    def has_failed(self) -> bool:
        """Whether no decision could be made, so that the policy's `on_error` applies."""
        return self.reason in (ON_ERROR, TOO_LATE)

    @property
    def status(self) -> int:
        """The HTTP status for the client: 200, 403, 429, or 503 for `deny`."""
        if not self.refuses:
            return 200
        if self.action == DENY:
            return 503
        return 429 if self.action in LIMITED else 403

    def as_json(self) -> dict[str, Any]:
        """The response body of `POST /v1/decide`."""
        return {
            "action": self.action,
            "would": self.would,
            "mode": self.mode,
            "reason": self.reason,
            "policy": self.policy,
            "retry_after_s": self.retry_after_s,
            "ttl_s": self.ttl_s,
            "decision_id": self.decision_id,
        }
