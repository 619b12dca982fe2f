"""Everything that a decision reads, built from results, labels, policy and account table, and replaced as a
whole.

Members are looked up by a 64-bit keyed digest in sorted arrays, with a cache of recent look-ups. With a
million members, a look-up of an absent account hits a wrong member with probability 1 in 2 · 10^13; the key
is random, so that nobody can search for a collision.
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
from stillwatch.memory.labels import Label, LabelsInForce, in_force
from stillwatch.memory.targets import folders_of
from stillwatch.policy.rollout import RolloutState, standing
from stillwatch.policy.rules import FACTS, Policy
from stillwatch.policy.subjects import UNKNOWN, Account, SubjectCampaign, read_accounts, read_campaigns
from stillwatch.results.folder import MANIFEST, check_results, read_json, read_table
from stillwatch.stats.arrays import Ints

KEPT = 1 << 16  # most cached look-ups; a full cache is emptied
READ = (contract.CAMPAIGNS, contract.MEMBERS, contract.CLAIMS)
"""Tables of the results that a snapshot reads."""
BY_HAND = "labelled"
"""Name of the campaign that holds accounts which people labelled as members and no scan found."""


class Index:
    """Maps a kind and a value to a row number. Values are kept only as keyed digests."""

    def __init__(self, values: Sequence[tuple[str, str]], rows: npt.NDArray[np.int32]) -> None:
        self._key = secrets.token_bytes(16)
        digests = np.fromiter((self._digest(kind, value) for kind, value in values), np.uint64, len(values))
        order = np.argsort(digests, kind="stable")
        self._keys, self._rows = digests[order], rows[order]
        self._lately: dict[tuple[str, str], int] = {}

    def _digest(self, kind: str, value: str) -> int:
        """The keyed 64-bit digest of a kind and a value."""
        text = f"{kind}\n{value}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=self._key).digest(), "little")

    def __len__(self) -> int:
        """Number of values."""
        return len(self._keys)

    def find(self, kind: str, value: str) -> int:
        """The row of a value; -1 where it is not in the index."""
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
    """One version of everything that a decision reads.

    `campaign` (index into `campaigns`), `probability` and `exchanges` have one entry for each row of the
    members; `index` maps an account to its row. `scanned_at` is the time of the results in seconds since
    1970. `rules` caches the rule of an account for a day.
    """

    policy: Policy
    standing: RolloutState
    labels: LabelsInForce
    campaigns: Sequence[SubjectCampaign]
    index: Index
    campaign: npt.NDArray[np.int32]
    probability: npt.NDArray[np.float32]
    exchanges: Ints
    accounts: Mapping[str, Account]
    scanned_at: float
    rules: dict[tuple[str, float], int] = field(default_factory=dict)

    def facts(
        self, row: int, account_id: str, request: Mapping[str, Any], label: str, now: float
    ) -> dict[str, Any]:
        """Facts of a member and its request, in the form of `policy.rules.FACTS`. `now` is in seconds since
        1970.
        """
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
        """Facts of an account; where the account table has none, organization, plan and program come from the
        request.
        """
        facts = self.accounts.get(account_id, UNKNOWN).facts(account_id, label, now)
        for name, column in (("organization", "organization_id"), ("plan", "plan"), ("program", "program")):
            facts[name] = facts[name] or request.get(column) or ""
        return facts


def asked(request: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a request; a missing text is empty, a missing number is -1."""
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
    """Build a snapshot from the files. Labels come from the results, the state and the folders in
    `labelled_in`.

    Raises `StateError` or `InputError` where one of the files cannot be used.
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
    """Raise `StateError` where a table's SHA-256 differs from the manifest's, so that tables of two scans are
    never mixed.
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


def _labelled_by_hand(labels: LabelsInForce, members: set[str]) -> list[Label]:
    """Labels that declare an account a member which no scan found."""
    return [
        one for one in labels.labels
        if one.kind == "account" and one.verdict == "campaign" and one.target not in members
    ]  # fmt: skip


def _campaign_by_hand(labels: Sequence[Label]) -> SubjectCampaign:
    """The campaign `BY_HAND` of these labels' accounts."""
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
    return SubjectCampaign(
        name=BY_HAND, accounts=frozenset(one.target for one in labels), facts=facts, label=None
    )


def _one_row_each(
    names: Sequence[str],
    campaign: npt.NDArray[np.int32],
    probability: npt.NDArray[np.float32],
    campaigns: Sequence[SubjectCampaign],
) -> list[int]:
    """For each account, the row that decides on it: the one with the highest probability, rows of campaigns
    labelled honest or allowed last.
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
    """Text that changes whenever one of the files is replaced or grows (inode, modification time, size)."""
    files = [results / f"{schema.name}.parquet" for schema in READ]
    files += [results / MANIFEST, *(folder / contract.RECORD for folder in folders_of(results, state))]
    files += [one for one in (policy, accounts) if one]
    parts = []
    for path in files:
        try:
            at = path.stat()
            parts.append([at.st_ino, at.st_mtime_ns, at.st_size])
        except OSError:
            parts.append([])
    return json.dumps(parts)
