"""The parts of a policy: actions, modes, facts for conditions, and rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Action = Literal[
    "log", "watch", "hide_reasoning", "pool_budget", "verify", "throttle", "suspend_new_keys", "suspend"
]
ACTIONS: tuple[Action, ...] = get_args(Action)
"""Actions by severity, from one that the customer does not notice to the suspension of the account."""
ALLOW = "allow"  # action that changes nothing
UNNOTICED: frozenset[Action] = frozenset({"log", "watch", "hide_reasoning"})
"""Actions with which the request is still passed on to the model."""
LIMITED: frozenset[Action] = frozenset({"throttle", "pool_budget"})
"""Actions that refuse a request with 429; other refusals answer 403."""

Mode = Literal["off", "shadow", "enforce"]
MODES: tuple[Mode, ...] = get_args(Mode)  # all modes of a policy
OnError = Literal["allow", "deny"]
Provider = Literal["openai", "anthropic", "gemini", "plain"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)  # all forms of error bodies

FACTS: Mapping[str, Mapping[str, object]] = {
    "campaign": {
        "kind": "harvest",
        "q_value": 0.001,
        "accounts": 100,
        "exchanges": 1000,
        "explanation": "course",
        "claims": [1],
        "fpr_empirical": 0.001,
        "fpr_synthetic": 0.001,
        "label": "",
    },
    "member": {"probability": 0.9, "exchanges": 100, "is_newcomer": False, "weight": 0.0},
    "account": {
        "id": "a17",
        "organization": "acme",
        "plan": "pro",
        "program": "standard",
        "age_days": 10.0,
        "spend": 100.0,
        "label": "",
    },
    "request": {
        "model": "m",
        "route": "/v1/messages",
        "operation": "chat",
        "country": "DE",
        "asn": 3320,
        "user_agent": "curl",
    },
}
"""Facts that a condition can use, with an example of each one's type. An unknown text is empty, an unknown
number -1.
"""

Condition = Callable[[Mapping[str, Mapping[str, Any]]], bool]
"""A compiled condition: a function of the facts, by group and name, that returns whether it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An action, the conditions on which it is taken, and the response to the client.

    All conditions must hold; an empty set or text is no condition. `share` is the share of accounts to which
    the rule applies, selected by a hash of the name. `approvals` is the number of people who must approve the
    policy before the rule acts. `expires_days` counts from the time of the results. `retry_after_s` and
    `ttl_s` are in seconds.
    """

    name: str
    action: Action
    reason: str = "account_review"
    message: str = ""
    kinds: frozenset[str] = frozenset()
    claims: frozenset[int] = frozenset()
    q_value_at_most: float = 1.0
    fpr_at_most: float = 1.0
    probability_at_least: float = 0.0
    newcomer_weight_at_least: float | None = None
    plans: frozenset[str] = frozenset()
    not_plans: frozenset[str] = frozenset()
    programs: frozenset[str] = frozenset()
    not_programs: frozenset[str] = frozenset()
    when: str = ""
    condition: Condition | None = None
    uses_request: bool = False
    share: float = 1.0
    approvals: int = 0
    mode: Mode = "enforce"
    retry_after_s: int = 60
    per_minute: float = 0.0
    per_hour: float = 0.0
    ttl_s: int = 60
    expires_days: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """An ordered list of rules, of which the first that applies is used, and settings for all of them.

    `digest` is the SHA-256 of the file, for which approvals hold. `deadline_ms` is the longest time of a
    decision. `stop_after_honest` is the number of accounts labelled honest that stops a roll-out (0: never).
    """

    name: str
    version: int
    rules: tuple[Rule, ...]
    mode: Mode = "enforce"
    on_error: OnError = "allow"
    deadline_ms: float = 50.0
    provider: Provider = "openai"
    appeal: str = ""
    key_routes: tuple[str, ...] = ()
    stop_after_honest: int = 0
    digest: str = ""
    text: str = field(default="", repr=False)

    @property
    def title(self) -> str:
        """Name and version, as in decisions."""
        return f"{self.name}@{self.version}"


def applies(rule: Rule, facts: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether all conditions of a rule hold for these facts of account, campaign and request. The cheapest
    are checked first.
    """
    campaign, member, account = facts["campaign"], facts["member"], facts["account"]
    if member["is_newcomer"]:
        if rule.newcomer_weight_at_least is None or member["weight"] < rule.newcomer_weight_at_least:
            return False
    elif member["probability"] < rule.probability_at_least:
        return False
    if rule.kinds and campaign["kind"] not in rule.kinds:
        return False
    if campaign["q_value"] > rule.q_value_at_most or _worst_rate(campaign) > rule.fpr_at_most:
        return False
    if rule.claims and not rule.claims.issubset(campaign["claims"]):
        return False
    if (rule.plans and account["plan"] not in rule.plans) or account["plan"] in rule.not_plans:
        return False
    if (rule.programs and account["program"] not in rule.programs) or account["program"] in rule.not_programs:
        return False
    return rule.condition is None or rule.condition(facts)


def _worst_rate(campaign: Mapping[str, Any]) -> float:
    """The larger of the campaign's two false-positive rates; 0 where neither is known."""
    return max(campaign["fpr_empirical"], campaign["fpr_synthetic"], 0.0)
