"""The tables `profiles` (one row for each account of a group) and `common` (values shared in a group)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.contract import results as contract
from stillwatch.detect.judge import Bench, Judged
from stillwatch.results.folder import write_table
from stillwatch.signals import marks
from stillwatch.signals.traits import Traits
from stillwatch.stats.arrays import Ints

KINDS = (
    "payment_fingerprint",
    "email_domain",
    "signup_address",
    "client_prefix",
    "asn",
    "user_agent",
    "tls_fingerprint",
    "system_prompt",
)
"""Indicators for which an account has one value, or a most frequent one."""
MIDDLE = (0.05, 0.95)  # quantiles of account ages that are shown, as in `detect.glance`
# Quantile of the accounts' first hours and quantile of their last hours: span of the activity, as in
# `detect.glance`.
ACTIVE = (0.1, 0.9)
HALF = 0.5  # smallest share of the accounts that sent a text for it to count as common


def write_profiles(folder: Path, groups: Mapping[str, Judged], bench: Bench | None) -> None:
    """Write both tables for `groups` (judgements by name); empty tables where `bench` is None."""
    profiles = [row for name, one in groups.items() for row in _profiles(name, one, bench)] if bench else []
    common = [row for name, one in groups.items() for row in _common(name, one, bench)] if bench else []
    write_table(folder, contract.PROFILES, pa.Table.from_pylist(profiles, contract.PROFILES.arrow))
    write_table(folder, contract.COMMON, pa.Table.from_pylist(common, contract.COMMON.arrow))


def _profiles(name: str, one: Judged, bench: Bench) -> Iterator[dict[str, Any]]:
    """One row for each account, sorted by name. Accounts of one owner have the marks of the owner's first
    account, as in the judgement.
    """
    places, traits = bench.places(one.accounts), bench.traits
    owners = bench.owners[places]
    shared = np.bincount(bench.owners)[owners] > 1
    _owners, first, whose = np.unique(owners, return_index=True, return_inverse=True)
    carried = {
        trial.explanation.card.name: (trial.explanation.mark(traits, places[np.sort(first)]) >= 0)[
            np.argsort(np.argsort(first))[whose]
        ]
        for trial in one.trials
    }
    rows = [
        {
            "group_id": name,
            "account_id": bench.names[place],
            "owner": int(owners[i]) if shared[i] else None,
            "created_at": _moment(traits.created[place]),
            "first_seen": _moment(traits.first[place]),
            "last_seen": _moment(traits.last[place]),
            "exchanges": int(traits.exchanges[place]),
            "marks": sorted(explanation for explanation, who in carried.items() if who[i]),
        }
        for i, place in enumerate(places.tolist())
    ]
    yield from sorted(rows, key=lambda row: str(row["account_id"]))


def _moment(hours: float) -> datetime | None:
    """The time of a number of hours since 1970; None for NaN and infinities."""
    return datetime.fromtimestamp(hours * 3600, UTC) if np.isfinite(hours) else None


def _common(name: str, one: Judged, bench: Bench) -> Iterator[dict[str, Any]]:
    """One row for each trait that is known for at least one account of the group."""
    places, traits = bench.places(one.accounts), bench.traits
    n = len(places)
    if n == 0:
        return

    def row(trait: str, known: int, **counted: float) -> dict[str, Any]:
        """A row of `common`: a trait, the number of accounts of which it is known, and its counts."""
        return {"group_id": name, "trait": trait, "known": known} | counted

    values: dict[str, Ints] = {kind: traits.value[kind][places] for kind in KINDS if kind in traits.value}
    for kind, codes in (values | {"owner": bench.owners[places]}).items():
        known = codes[codes >= 0]
        if len(known):
            _codes, counts = np.unique(known, return_counts=True)
            yield row(kind, len(known), different=len(counts), most=int(counts.max()))
    holders = _holders(traits, places)
    if len(holders):
        yield row("texts", n, different=int((holders >= HALF * n).sum()), most=int(holders.max()))
    created = traits.created[places]
    ages = (traits.last[places] - created)[np.isfinite(created)] / 24
    if len(ages):
        low, high = np.quantile(ages, MIDDLE)
        yield row("age", len(ages), low_days=float(low), high_days=float(high))
    begin, end = np.quantile(traits.first[places], ACTIVE[0]), np.quantile(traits.last[places], ACTIVE[1])
    yield row("span", n, low_days=0.0, high_days=float(max(1, round((end - begin) / 24))))
    yield row("nights", n, most=int(marks.human(traits, places).sum()))


def _holders(traits: Traits, places: Ints) -> Ints:
    """Numbers of members that sent a text, for each text that a member and another account of the log
    sent.
    """
    inside = np.zeros(len(traits.exchanges), bool)
    inside[places] = True
    return np.unique(traits.text[inside[traits.text_account]], return_counts=True)[1]
