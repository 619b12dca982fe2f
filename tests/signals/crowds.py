"""Rows of group tests made by hand: members and others."""

import importlib.util
import sys
from pathlib import Path

import numpy as np


def load(name: str):
    """The group test or indicator of that name."""
    for kind in ("group_tests", "indicators"):
        if importlib.util.find_spec(f"stillwatch.signals.{kind}.{name}"):
            return getattr(importlib.import_module(f"stillwatch.signals.{kind}.{name}"), name)
    raise LookupError(name)


def two_halves(members, others):
    """One value per account, the same on both halves of the data; `members` come first."""
    value = np.concatenate([members, others]).astype(float)
    n = len(value)
    rows = {
        "value": np.tile(value, 2),
        "half": np.repeat([0, 1], n),
        "exchanges": np.full(2 * n, 10),
        "account": np.tile(np.arange(n), 2),
    }
    return rows, np.tile(np.arange(n) < len(members), 2)


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


sys.modules.setdefault("crowds", sys.modules[__name__])
ROOT = Path(__file__).parents[2]
