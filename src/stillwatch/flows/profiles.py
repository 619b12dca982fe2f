"""The tables `profiles` and `common`: each account of a group, and how many of the accounts have one
value in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.contract import results as contract
from stillwatch.detect.judge import Bench, Judged
from stillwatch.results.folder import write_table
from stillwatch.signals import marks
from stillwatch.signals.traits import Traits

Ints = npt.NDArray[np.int64]
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
"""Kinds of which an account has one value, or shows one most."""
MIDDLE = (0.05, 0.95)  # the middle nine tenths of some ages, as the first glance gives them
ACTIVE = (
    0.1,
    0.9,
)  # quantiles of first and last hours between which most of the activity lies, as the first glance gives it
HALF = 0.5  # of the accounts, who send a text for it to be common


def write_profiles(folder: Path, groups: Mapping[str, Judged], bench: Bench | None) -> None:
    """Write both tables for the groups, by name; empty where nothing was judged."""
    profiles = [row for name, one in groups.items() for row in _profiles(name, one, bench)] if bench else []
    common = [row for name, one in groups.items() for row in _common(name, one, bench)] if bench else []
    write_table(folder, contract.PROFILES, pa.Table.from_pylist(profiles, contract.PROFILES.arrow))
    write_table(folder, contract.COMMON, pa.Table.from_pylist(common, contract.COMMON.arrow))


def _profiles(name: str, one: Judged, bench: Bench) -> Iterator[dict[str, Any]]:
    """A row for each account, in the order of their names. Accounts of one owner carry the marks of the
    first of them, as in the trial.
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
    return datetime.fromtimestamp(hours * 3600, UTC) if np.isfinite(hours) else None


def _common(name: str, one: Judged, bench: Bench) -> Iterator[dict[str, Any]]:
    """A row for each trait of which something is known."""
    places, traits = bench.places(one.accounts), bench.traits
    n = len(places)
    if n == 0:
        return

    def row(trait: str, known: int, **counted: float) -> dict[str, Any]:
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
    """For each text that several accounts of the log sent and a member did: the number of members who
    sent it.
    """
    inside = np.zeros(len(traits.exchanges), bool)
    inside[places] = True
    return np.unique(traits.text[inside[traits.text_account]], return_counts=True)[1]
