"""Prompts that are nearly identical to prompts of other accounts."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats


def near_duplicates(traffic: Traffic) -> Floats:
    """Exchanges that show a min-hash band shared with other accounts, summed over bands and divided by the
    account's exchanges.
    """
    links = traffic.links.filter(pc.equal(traffic.links.column("kind"), "prompt_near_duplicate"))
    place = {name: number for number, name in enumerate(traffic.names)}
    account = np.array([place[a] for a in links.column("account_id").to_pylist()], np.int64)
    shown = np.bincount(
        account, weights=links.column("exchanges").to_numpy().astype(float), minlength=len(traffic.names)
    )
    return np.asarray(shown / np.maximum(traffic.counts, 1))
