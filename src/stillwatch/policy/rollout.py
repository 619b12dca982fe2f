"""Approvals, staged roll-outs and undos of policies, as entries of the record in a guard's state.

Rules:
    An approval holds for the SHA-256 of the policy file: any change of the file needs new approvals. Each
    person counts once. A roll-out sets the share of accounts on which a policy acts. Without a roll-out the
    share is 1; after an undo it is 0 until the next roll-out.
    Accounts are selected by a hash of their names, so that a larger share contains every smaller one.
    A roll-out stops once `stop_after_honest` of its accounts were labelled honest after its start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from stillwatch.contract.results import RECORD
from stillwatch.errors import Problem, UsageError
from stillwatch.memory import record
from stillwatch.memory.labels import LabelsInForce
from stillwatch.memory.record import RecordEntry
from stillwatch.policy.rules import Mode, Policy, Rule

# Kinds of entries in the state's record.
APPROVAL, ROLL_OUT, UNDO, STOP, GO = "approval", "roll-out", "undo", "stop", "go"
KILLED = "stopped"
"""File in a guard's state that disables all actions while it exists."""
SPACE = 1 << 32
"""Number of values of the hash by which accounts are selected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutState:
    """The state of a policy's roll-out: its approvers, the share of accounts on which it acts (0 to 1), the
    time of the last roll-out or undo (None: never), and the reason of an automatic stop (empty: none).
    """

    approvers: frozenset[str] = frozenset()
    share: float = 1.0
    since: datetime | None = None
    stopped: str = ""
    history: tuple[RecordEntry, ...] = field(default=(), repr=False)


def standing(state: Path | None, policy: Policy, labels: LabelsInForce | None = None) -> RolloutState:
    """The state of a policy's roll-out by the record in `state`. Without a state: no approvals, and
    share 1.
    """
    if state is None:
        return RolloutState()
    entries = record.read(state / RECORD).entries
    approvers = {
        one.author for one in entries if one.kind == APPROVAL and one.body.get("digest") == policy.digest
    }
    share, since = 1.0, None
    for one in entries:
        if one.kind == ROLL_OUT and one.body.get("policy") == policy.name:
            share, since = float(one.body["share"]), datetime.fromisoformat(one.at)
        elif one.kind == UNDO and one.body.get("policy") == policy.name:
            share, since = 0.0, datetime.fromisoformat(one.at)
    stopped = _stop(policy, share, since, labels)
    return RolloutState(
        approvers=frozenset(approvers),
        share=0.0 if stopped else share,
        since=since,
        stopped=stopped,
        history=tuple(entries),
    )


def _stop(policy: Policy, share: float, since: datetime | None, labels: LabelsInForce | None) -> str:
    """Why a roll-out stopped automatically; empty where it did not."""
    if not policy.stop_after_honest or since is None or labels is None:
        return ""
    honest = [
        one
        for one in labels.labels
        if one.kind == "account"
        and one.is_sparing
        and one.at >= since
        and in_share(policy.name, one.target, share)
    ]
    if len(honest) < policy.stop_after_honest:
        return ""
    return f"{len(honest)} of its accounts were labelled honest since it began"


def in_share(policy: str, account_id: str, share: float) -> bool:
    """Whether an account is in the selected share (0 to 1) of accounts; the selection depends on the policy's
    name.
    """
    if share >= 1.0:
        return True
    digest = hashlib.blake2b(
        f"{policy}\n{account_id}".encode("utf-8", "surrogatepass"), digest_size=4
    ).digest()
    return int.from_bytes(digest, "big") < share * SPACE


def effective(guard: Mode, policy: Policy, rule: Rule, held: RolloutState, account_id: str) -> Mode:
    """The mode in which a rule acts on an account: the weakest of the guard's, the policy's and the rule's
    modes, and `shadow` where approvals are missing or the account is outside the roll-out.
    """
    if "off" in (guard, policy.mode, rule.mode):
        return "off"
    if "shadow" in (guard, policy.mode, rule.mode) or len(held.approvers) < rule.approvals:
        return "shadow"
    if not in_share(policy.name, account_id, held.share) or not in_share(
        f"{policy.name}/{rule.name}", account_id, rule.share
    ):
        return "shadow"
    return "enforce"


def approve(state: Path, policy: Policy, author: str, reason: str) -> RecordEntry:
    """Record an approval of this version of the policy file. Raises `UsageError` where the author has
    approved it already.
    """
    if author in standing(state, policy).approvers:
        raise UsageError(
            Problem(
                fact=f"`{author}` has approved this policy already",
                why="two approvals are those of two people",
                fix="let somebody else approve it, with --author",
            )
        )
    return _note(state, APPROVAL, author, policy, reason=reason)


def roll_out(state: Path, policy: Policy, share: float, author: str, reason: str) -> RecordEntry:
    """Record a roll-out to a share (0 to 1) of accounts. Raises `UsageError` where a rule needs more
    approvals than the policy has.
    """
    needed = max(rule.approvals for rule in policy.rules)
    held = standing(state, policy)
    if len(held.approvers) < needed:
        raise UsageError(
            Problem(
                fact=f"the policy needs {needed} approvals and has {len(held.approvers)}",
                found=", ".join(sorted(held.approvers)) or "none",
                fix=f"stillwatch policy approve POLICY --state {state}",
            )
        )
    return _note(state, ROLL_OUT, author, policy, reason=reason, share=share)


def undo(state: Path, policy: Policy, author: str, reason: str) -> RecordEntry:
    """Record an undo: the policy acts on no account until the next roll-out, and still reports what it would
    do.
    """
    return _note(state, UNDO, author, policy, reason=reason)


def kill(state: Path, author: str, reason: str, *, stop: bool) -> RecordEntry:
    """Disable all actions of the guard (`stop` True) or enable them again, by a file in its state, and record
    it.
    """
    state.mkdir(parents=True, exist_ok=True)
    if stop:
        (state / KILLED).touch()
    else:
        (state / KILLED).unlink(missing_ok=True)
    return append_all(
        state,
        [RecordEntry(at=record.now(), kind=STOP if stop else GO, author=author, body={"reason": reason})],
    )


def _note(state: Path, kind: str, author: str, policy: Policy, **more: object) -> RecordEntry:
    """Append an entry about a policy to the state's record."""
    body = {"policy": policy.name, "version": policy.version, "digest": policy.digest, **more}
    return append_all(state, [RecordEntry(at=record.now(), kind=kind, author=author, body=body)])


def append_all(state: Path, entries: Iterable[RecordEntry]) -> RecordEntry:
    """Append entries to a state's record, creating the folder where it is missing; returns the last entry."""
    state.mkdir(parents=True, exist_ok=True)
    return record.append(state / RECORD, list(entries))[-1]
