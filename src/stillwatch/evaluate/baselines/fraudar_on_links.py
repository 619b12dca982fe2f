"""FRAUDAR on the links that Stillwatch extracts, without Stillwatch's tests."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from stillwatch.evaluate.baselines.dense import blocks
from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats


def fraudar_on_links(traffic: Traffic) -> Floats:
    """Density of the densest block that contains each account, over all values that indicators extract; 0
    for accounts in none.
    """
    place = {name: number for number, name in enumerate(traffic.names)}
    account = np.array([place[a] for a in traffic.links.column("account_id").to_pylist()], np.int64)
    kinds, values = (traffic.links.column(c).to_pylist() for c in ("kind", "value"))
    named = pa.array([f"{k}\x1f{v}" for k, v in zip(kinds, values, strict=True)])
    value = named.dictionary_encode().indices.to_numpy().astype(np.int64)
    return blocks(account, value, len(traffic.names))
