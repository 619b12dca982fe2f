"""Rows of group tests made by hand: members and others."""

import importlib.util
import sys
from pathlib import Path

import numpy as np


def load(name: str):
    """The group test, indicator or explanation of that name."""
    for kind in ("group_tests", "indicators", "explanations"):
        if importlib.util.find_spec(f"stillwatch.signals.{kind}.{name}"):
            return getattr(importlib.import_module(f"stillwatch.signals.{kind}.{name}"), name)
    raise LookupError(name)


def two_halves(members, others, clients=None):
    """One value per account, the same on both halves of the data; `members` come first. `clients` has one
    client an account.
    """
    value = np.concatenate([members, others]).astype(float)
    n = len(value)
    rows = {
        "value": np.tile(value, 2),
        "half": np.repeat([0, 1], n),
        "exchanges": np.full(2 * n, 10),
        "account": np.tile(np.arange(n), 2),
    }
    if clients is not None:
        rows["client"] = np.tile(clients, 2)
    return rows, np.tile(np.arange(n) < len(members), 2)


def reason(test, rows, member) -> str:
    """Why the group test has no finding about these rows."""
    from stillwatch.signals.registry import NoFinding

    found = test.statistic(rows, member)
    assert isinstance(found, NoFinding), found
    return found.reason


def log10(finding) -> float:
    """The finding's e-value as a power of ten."""
    return finding.log_e / np.log(10)


def indicator_values(name: str, **columns):
    """What an indicator makes of a table with these columns."""
    import ibis
    import pyarrow as pa

    table = ibis.memtable(
        pa.table({k: v if isinstance(v, pa.Array) else pa.array(v) for k, v in columns.items()})
    )
    return table.select(value=load(name).value(table)).to_pyarrow().column("value").to_pylist()


def traits(accounts, **columns):
    """Traits of so many accounts: unremarkable people, but for `columns`.

    A column is a field of `Traits`, a kind of value (codes, -1 for none) or `share_` and a kind; kinds have
    share 1 unless given.
    """
    from stillwatch.signals.traits import ATTRIBUTE_KINDS, MAIN_KINDS, Traits

    usual = {
        "exchanges": 100.0,
        "days": 10.0,
        "first": 10_000.0,
        "last": 10_240.0,
        "created": 8_000.0,
        "quiet": 2.0,
        "hourly": 0.3,
        "minute": 0.05,
        "brisk": 0.5,
        "follow": 0.3,
        "full_days": 0.1,
    }
    fields = {name: np.full(accounts, value) for name, value in usual.items()}
    value = {kind: np.full(accounts, -1) for kind in (*MAIN_KINDS, *ATTRIBUTE_KINDS)}
    share = {kind: np.ones(accounts) for kind in value}
    fields["owner"] = 1000 + np.arange(accounts)
    for name, given in columns.items():
        if name in value:
            value[name] = np.asarray(given)
        elif name.removeprefix("share_") in share:
            share[name.removeprefix("share_")] = np.asarray(given, float)
        elif name in ("owner", "text", "text_account"):
            fields[name] = np.asarray(given)
        else:
            fields[name] = np.asarray(given, float)
    return Traits(**fields, value=value, share=share)


def marked(name, known, members=None):
    """Which accounts the explanation of that name counts as one: the positions of each label, in the
    order of the first.
    """
    members = np.arange(len(known.exchanges)) if members is None else np.asarray(members)
    labels = load(name).mark(known, members)
    together = [members[labels == label].tolist() for label in np.unique(labels[labels >= 0])]
    return sorted(together)


sys.modules.setdefault("crowds", sys.modules[__name__])
ROOT = Path(__file__).parents[2]
