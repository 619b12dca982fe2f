"""Computes the decision on one request.

Rules:
    An error or a passed deadline gives the policy's `on_error`, never an action of a rule. An account that
    is labelled honest or allowed receives no action, whatever the policy contains.
    An action is carried out only where the guard's mode, the policy, the rule, its approvals, its roll-out
    and its expiry all permit it, and decisions can be written to the audit log.
"""

from __future__ import annotations

import itertools
import secrets
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from math import ceil
from typing import Any

from stillwatch.guard.audit import Audit
from stillwatch.guard.decision import DENY, ON_ERROR, TOO_LATE, Decision
from stillwatch.guard.limits import Buckets
from stillwatch.guard.newcomers import Matcher, NewcomerMatch
from stillwatch.guard.snapshot import Snapshot, asked
from stillwatch.guard.tracing import spans
from stillwatch.policy.rollout import effective
from stillwatch.policy.rules import ALLOW, Mode, Policy, Rule, applies
from stillwatch.policy.subjects import DAY_S, sparing

NO_MATCH, BY_LABEL, OFF = "no_match", "allowed_by_label", "switched_off"
"""Reasons of decisions that no rule made."""
PLAIN_MESSAGES = {
    429: "Too many requests. Please retry later.",
    403: "This request cannot be served for this account. Please contact support.",
    503: "The service is temporarily unavailable. Please retry.",
}
"""Default message to the client, by HTTP status."""
SECONDS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1)
"""Upper edges of the latency histogram, in seconds."""
MATCHERS = 4  # threads that match accounts which are no members yet
RULES_KEPT = 1 << 17  # most cached rules, one for each account and day; a full cache is emptied


class Core:
    """Decides on requests from a snapshot. `snapshot` may be replaced at any time.

    `clock` returns seconds since 1970, `ticks` monotonic seconds; tests replace both. `is_killed` True allows
    every request. `counts` counts decisions by action, would-be action, mode and reason; `seconds` is the
    latency histogram. `may_wait` is whether a decision may wait for the matcher. `spans` records decisions as
    spans, None where no tracer provider is configured.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        mode: Mode = "shadow",
        audit: Audit | None = None,
        matcher: Matcher | None = None,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.snapshot = snapshot
        self.mode, self.audit, self.matcher = mode, audit, matcher
        self.is_killed = False
        self.buckets = Buckets()
        self.counts: Counter[tuple[str, str, str, str]] = Counter()
        self.seconds = [0] * (len(SECONDS) + 1)
        self.seconds_sum = 0.0
        self.errors: Counter[str] = Counter()
        self.spans = spans()
        self._clock, self._ticks = clock, ticks
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self.may_wait = matcher is not None and bool(getattr(matcher, "may_wait", True))
        self._pool = ThreadPoolExecutor(MATCHERS, "guard-matcher") if self.may_wait else None

    def decide(self, request: Mapping[str, Any], arrived: float | None = None) -> Decision:
        """The decision on a request, given as columns of the contract with `account_id`.

        `arrived` is the request's arrival as a value of `ticks`; None means now. Never raises: exceptions are
        counted in `errors` by type and give the policy's `on_error`, as does a passed deadline.
        """
        began = self._ticks() if arrived is None else arrived
        snapshot = self.snapshot
        try:
            decision = self._decide(request, snapshot, began)
        except Late:
            decision = self._failed(snapshot.policy, TOO_LATE)
        except Exception as error:  # noqa: BLE001  a gateway waits for an answer
            self.errors[type(error).__name__] += 1
            decision = self._failed(snapshot.policy, ON_ERROR)
        took = self._ticks() - began
        if decision.reason != TOO_LATE and took > snapshot.policy.deadline_ms / 1000:
            decision = self._failed(snapshot.policy, TOO_LATE)
        self.counts[decision.action, decision.would, decision.mode, decision.reason] += 1
        self.seconds[bisect_left(SECONDS, took)] += 1
        self.seconds_sum += took
        self._write(decision, request)
        if self.spans is not None:
            try:
                self.spans.record(decision, request, took)
            except Exception as error:  # noqa: BLE001  a fault of an exporter costs no decision
                self.errors[type(error).__name__] += 1
        return decision

    def _write(self, decision: Decision, request: Mapping[str, Any]) -> None:
        """Write a decision to the audit log, or count it where it is a plain allow."""
        if self.audit is None:
            return
        if decision.would == ALLOW and decision.action == ALLOW:
            self.audit.note_plain(decision.policy)
        else:
            self.audit.note(decision, str(request.get("account_id") or ""))

    def _decide(self, request: Mapping[str, Any], snapshot: Snapshot, began: float) -> Decision:
        """The decision before error handling and the final check of the deadline."""
        policy = snapshot.policy
        if self.is_killed or self.mode == "off" or policy.mode == "off":
            return self._plain(policy, "off", OFF)
        account_id = request["account_id"]
        row = snapshot.index.find("account_id", account_id)
        if row >= 0:
            campaign = snapshot.campaigns[snapshot.campaign[row]]
            match = None
        elif self.matcher is None:
            return self._plain(policy, self.mode, NO_MATCH)
        else:
            match = self._match(request, policy, began)
            campaign = next(
                (one for one in snapshot.campaigns if match and one.name == match.campaign_id), None
            )
            if match is None or campaign is None:
                return self._plain(policy, self.mode, NO_MATCH)
        organization = request.get("organization_id") or ""
        if not organization and account_id in snapshot.accounts:
            organization = snapshot.accounts[account_id].organization
        label = sparing(
            snapshot.labels, account_id, organization, request.get("api_key_id") or "", campaign.label
        )
        if label is not None and label.is_sparing:
            return self._plain(policy, self.mode, BY_LABEL, campaign.name)
        now = self._clock()
        rule = self._rule(
            snapshot, row, account_id, request, match, campaign.facts, label.verdict if label else "", now
        )
        if rule is None:
            return self._plain(policy, self.mode, NO_MATCH, campaign.name)
        return self._carried_out(rule, snapshot, request, campaign.name, now)

    def _match(self, request: Mapping[str, Any], policy: Policy, began: float) -> NewcomerMatch | None:
        """The matcher's answer. Raises `TimeoutError` where the policy's deadline passes first."""
        if self.matcher is None:
            return None
        if self._pool is None:
            return self.matcher.match(request)
        left = policy.deadline_ms / 1000 - (self._ticks() - began)
        return self._pool.submit(self.matcher.match, request).result(max(left, 0.0))

    def _rule(
        self, snapshot: Snapshot, row: int, account_id: str, request: Mapping[str, Any],
        match: NewcomerMatch | None, campaign: Mapping[str, Any], label: str, now: float,
    ) -> Rule | None:  # fmt: skip
        """The first rule that applies; None where none does.

        The rule of an account is cached for a day where no condition depends on the request.
        """
        rules = snapshot.policy.rules
        depends = match is not None or any(rule.uses_request for rule in rules) or _states_facts(request)
        known = (account_id, now // DAY_S)
        if not depends and (place := snapshot.rules.get(known)) is not None:
            return rules[place] if place >= 0 else None
        if match is None:
            facts = snapshot.facts(row, account_id, request, label, now)
        else:
            facts = {
                "campaign": campaign,
                "member": {"probability": 0.0, "exchanges": 0, "is_newcomer": True, "weight": match.weight},
                "account": snapshot.account_facts(account_id, request, label, now),
                "request": asked(request),
            }
        place = next(
            (place for place, rule in enumerate(rules) if rule.mode != "off" and applies(rule, facts)), -1
        )
        if not depends:
            if len(snapshot.rules) >= RULES_KEPT:
                snapshot.rules.clear()
            snapshot.rules[known] = place
        return rules[place] if place >= 0 else None

    def _carried_out(
        self, rule: Rule, snapshot: Snapshot, request: Mapping[str, Any], campaign: str, now: float
    ) -> Decision:
        """The decision that a rule gives for a request to which it applies."""
        policy, account_id = snapshot.policy, request["account_id"]
        mode = effective(self.mode, policy, rule, snapshot.standing, account_id)
        if mode == "enforce" and now > snapshot.scanned_at + rule.expires_days * DAY_S:
            mode = "shadow"
        if mode == "enforce" and self.audit is not None and not self.audit.is_up:
            mode = "shadow"
        would, wait = self._limited(rule, policy, request, campaign, now)
        action = would if mode == "enforce" else ALLOW
        return Decision(
            action=action,
            would=would,
            mode=mode,
            reason=rule.reason,
            policy=policy.title,
            decision_id=self._id(),
            retry_after_s=max(rule.retry_after_s, ceil(wait)) if would != ALLOW else 0,
            ttl_s=0 if rule.action in ("throttle", "pool_budget") else rule.ttl_s,
            message=rule.message,
            rule=rule.name,
            campaign=campaign,
            account=account_id,
        )

    def _limited(
        self, rule: Rule, policy: Policy, request: Mapping[str, Any], campaign: str, now: float
    ) -> tuple[str, float]:
        """The rule's action for this request, or `allow` where its limit is not reached, and the seconds
        until the limit lets the next request pass.
        """
        if rule.action == "throttle":
            wait = self.buckets.take((rule.name, request["account_id"]), rule.per_minute, 60.0, now)
            return (rule.action, wait) if wait else (ALLOW, 0.0)
        if rule.action == "pool_budget":
            wait = self.buckets.take((rule.name, campaign), rule.per_hour, 3600.0, now)
            return (rule.action, wait) if wait else (ALLOW, 0.0)
        if rule.action == "suspend_new_keys":
            route = request.get("route") or ""
            return (rule.action, 0.0) if route in policy.key_routes else (ALLOW, 0.0)
        return rule.action, 0.0

    def _plain(self, policy: Policy, mode: Mode, reason: str, campaign: str = "") -> Decision:
        """A decision to allow, with this reason."""
        return Decision(
            action=ALLOW,
            would=ALLOW,
            mode=mode,
            reason=reason,
            policy=policy.title,
            decision_id=self._id(),
            campaign=campaign,
        )

    def _failed(self, policy: Policy, reason: str) -> Decision:
        """The decision after an error: the policy's `on_error` where guard and policy enforce, otherwise
        allow.
        """
        would = DENY if policy.on_error == "deny" else ALLOW
        enforces = self.mode == "enforce" and policy.mode == "enforce"
        return Decision(
            action=would if enforces else ALLOW,
            would=would,
            mode=self.mode,
            reason=reason,
            policy=policy.title,
            decision_id=self._id(),
            retry_after_s=1 if would == DENY else 0,
        )

    def _id(self) -> str:
        """The next identifier of a decision."""
        return f"{self._prefix}{next(self._numbers):010x}"


def _states_facts(request: Mapping[str, Any]) -> bool:
    """Whether a request carries facts of its account (plan, program, organization), which conditions may
    name.
    """
    return "plan" in request or "program" in request or "organization_id" in request
