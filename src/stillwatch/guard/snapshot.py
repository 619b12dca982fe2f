"""All that a decision reads, made once from results, labels, policy and accounts, and replaced as a whole.

Members are found by a 64-bit keyed digest in two sorted arrays; what was asked for lately is in a dictionary
before them. A digest of 64 bits meets one of a million others by chance once in 2 · 10^13 look-ups; its key
is random, so that nobody can look for such a meeting.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.contract import results as contract
from stillwatch.engine.files import sha256
from stillwatch.errors import Problem, StateError
from stillwatch.memory.labels import Label, Labels, in_force
from stillwatch.memory.targets import folders_of
from stillwatch.policy.rollout import Standing, standing
from stillwatch.policy.rules import FACTS, Policy
from stillwatch.policy.subjects import UNKNOWN, Account, Campaign, read_accounts, read_campaigns
from stillwatch.results.folder import MANIFEST, check_results, read_json, read_table

KEPT = 1 << 16  # values whose look-up is remembered; all are forgotten when so many are
READ = (contract.CAMPAIGNS, contract.MEMBERS, contract.CLAIMS)
BY_HAND = "labelled"
"""Name of the campaign of accounts that people labelled and no scan found."""


class Index:
    """From a kind and a value to a row, or -1. `keys` are sorted digests, `rows` what they stand for."""

    def __init__(self, values: Sequence[tuple[str, str]], rows: npt.NDArray[np.int32]) -> None:
        self._key = secrets.token_bytes(16)
        digests = np.fromiter((self._digest(kind, value) for kind, value in values), np.uint64, len(values))
        order = np.argsort(digests, kind="stable")
        self._keys, self._rows = digests[order], rows[order]
        self._lately: dict[tuple[str, str], int] = {}

    def _digest(self, kind: str, value: str) -> int:
        text = f"{kind}\n{value}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=self._key).digest(), "little")

    def __len__(self) -> int:
        """Number of values."""
        return len(self._keys)

    def find(self, kind: str, value: str) -> int:
        """The row of a value; -1 where it has none."""
        lately = self._lately
        row = lately.get((kind, value))
        if row is None:
            digest = np.uint64(self._digest(kind, value))
            place = int(self._keys.searchsorted(digest))
            row = int(self._rows[place]) if place < len(self._keys) and self._keys[place] == digest else -1
            if len(lately) >= KEPT:
                lately.clear()
            lately[kind, value] = row
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One version of everything that a decision reads. Arrays have one entry a member."""

    policy: Policy
    standing: Standing
    labels: Labels
    campaigns: Sequence[Campaign]
    index: Index
    campaign: npt.NDArray[np.int32]
    probability: npt.NDArray[np.float32]
    exchanges: npt.NDArray[np.int64]
    accounts: Mapping[str, Account]
    scanned_at: float
    rules: dict[tuple[str, float], int] = field(default_factory=dict)

    def facts(
        self, row: int, account_id: str, request: Mapping[str, Any], label: str, now: float
    ) -> dict[str, Any]:
        """Facts of a member and his request."""
        return {
            "campaign": self.campaigns[self.campaign[row]].facts,
            "member": {
                "probability": float(self.probability[row]),
                "exchanges": int(self.exchanges[row]),
                "is_newcomer": False,
                "weight": 0.0,
            },
            "account": self.account_facts(account_id, request, label, now),
            "request": asked(request),
        }

    def account_facts(
        self, account_id: str, request: Mapping[str, Any], label: str, now: float
    ) -> dict[str, Any]:
        """Facts of an account: those of the account table, or else those that the request states."""
        facts = self.accounts.get(account_id, UNKNOWN).facts(account_id, label, now)
        for name, column in (("organization", "organization_id"), ("plan", "plan"), ("program", "program")):
            facts[name] = facts[name] or request.get(column) or ""
        return facts


def asked(request: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a request; what it does not state is empty, or -1."""
    return {
        name: request[name] if request.get(name) is not None else (-1 if isinstance(example, int) else "")
        for name, example in FACTS["request"].items()
    }


def make(
    results: Path,
    policy: Policy,
    state: Path | None = None,
    accounts: Path | None = None,
    labelled_in: Sequence[Path] = (),
) -> Snapshot:
    """A snapshot of what lies on the disk; labels are those of the results, of the state, and of the folders
    `labelled_in`.

    Raises `StateError` or `InputError` where a part cannot be used; then nothing of it is.
    """
    check_results(results)
    _check_digests(results)
    labels = in_force([*folders_of(results, state), *labelled_in])
    campaigns = read_campaigns(results, labels)
    table = read_table(results, contract.MEMBERS)
    names = table.column("account_id").to_pylist()
    number = {one.name: place for place, one in enumerate(campaigns)}
    try:
        places = [number[name] for name in table.column("campaign_id").to_pylist()]
    except KeyError as error:
        raise StateError(
            Problem(
                fact=f"`members.parquet` names a campaign that `campaigns.parquet` does not have: {error}",
                where=str(results),
                fix="stillwatch scan LOGS --out RESULTS",
            )
        ) from None
    by_hand = _labelled_by_hand(labels, set(names))
    if by_hand:
        campaigns.append(_campaign_by_hand(by_hand))
        names += [one.target for one in by_hand]
        places += [len(campaigns) - 1] * len(by_hand)
    probability = np.append(table.column("score").to_numpy(), np.ones(len(by_hand))).astype(np.float32)
    exchanges = np.append(table.column("exchanges").to_numpy(), np.zeros(len(by_hand))).astype(np.int64)
    campaign = np.array(places, np.int32)
    kept = _one_row_each(names, campaign, probability, campaigns)
    return Snapshot(
        policy=policy,
        standing=standing(state, policy, labels),
        labels=labels,
        campaigns=tuple(campaigns),
        index=Index([("account_id", names[row]) for row in kept], np.array(kept, np.int32)),
        campaign=campaign,
        probability=probability,
        exchanges=exchanges,
        accounts=read_accounts(accounts, frozenset(names)),
        scanned_at=(results / f"{contract.CAMPAIGNS.name}.parquet").stat().st_mtime,
    )


def _check_digests(results: Path) -> None:
    """Raises `StateError` where a table is not the one that the scan wrote: half of one scan and half of
    another must not act.
    """
    if not (results / MANIFEST).exists():
        return
    outputs = read_json(results, MANIFEST).get("outputs", {})
    for schema in READ:
        name = f"{schema.name}.parquet"
        path = results / name
        if name in outputs and (not path.exists() or sha256(path) != outputs[name]):
            raise StateError(
                Problem(
                    fact=f"`{name}` is not the file that the scan wrote",
                    where=str(path),
                    why="its digest is another than in the manifest",
                    fix="stillwatch scan LOGS --out RESULTS",
                )
            )


def _labelled_by_hand(labels: Labels, members: set[str]) -> list[Label]:
    return [
        one for one in labels.labels
        if one.kind == "account" and one.verdict == "campaign" and one.target not in members
    ]  # fmt: skip


def _campaign_by_hand(labels: Sequence[Label]) -> Campaign:
    facts = {
        "kind": "undetermined",
        "q_value": 0.0,
        "accounts": len(labels),
        "exchanges": 0,
        "explanation": "",
        "claims": [],
        "fpr_empirical": -1.0,
        "fpr_synthetic": -1.0,
        "label": "campaign",
    }
    return Campaign(name=BY_HAND, accounts=frozenset(one.target for one in labels), facts=facts, label=None)


def _one_row_each(
    names: Sequence[str],
    campaign: npt.NDArray[np.int32],
    probability: npt.NDArray[np.float32],
    campaigns: Sequence[Campaign],
) -> list[int]:
    """For each account the row that decides about it: of campaigns that are not labelled honest, the one
    it most probably belongs to.
    """
    spared = np.array([bool(one.label and one.label.is_sparing) for one in campaigns] or [False])
    strength = probability - 2.0 * spared[campaign] if len(campaign) else probability
    best: dict[str, int] = {}
    for row, name in enumerate(names):
        other = best.get(name)
        if other is None or strength[row] > strength[other]:
            best[name] = row
    return list(best.values())


def signature(results: Path, state: Path | None, policy: Path | None, accounts: Path | None) -> str:
    """What tells one version of the files from another; changes whenever one is replaced or grows."""
    files = [results / f"{schema.name}.parquet" for schema in READ]
    files += [results / MANIFEST, *(folder / contract.RECORD for folder in folders_of(results, state))]
    files += [one for one in (policy, accounts) if one]
    told = []
    for path in files:
        try:
            at = path.stat()
            told.append([at.st_ino, at.st_mtime_ns, at.st_size])
        except OSError:
            told.append([])
    return json.dumps(told)
