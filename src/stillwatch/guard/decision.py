"""What a decision says, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stillwatch.policy.rules import ALLOW, LIMITED, UNNOTICED, Mode

DENY = "deny"
"""The action where no decision can be made and the policy says `on_error = "deny"`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the caller is to do (`action`), and what the policy would do (`would`).

    `rule` and `campaign` are for the record alone. No client is shown them.
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

    @property
    def refuses(self) -> bool:
        """Whether the request must not go on to the model."""
        return self.action != ALLOW and self.action not in UNNOTICED

    @property
    def status(self) -> int:
        """The HTTP status for the client."""
        if not self.refuses:
            return 200
        if self.action == DENY:
            return 503
        return 429 if self.action in LIMITED else 403

    def as_json(self) -> dict[str, Any]:
        """The answer of `POST /v1/decide`."""
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
