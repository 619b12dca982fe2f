"""The MMD window test on the pooled requests of each proposed group."""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.mmd_window import MOST_EXCHANGES, Discrepancy, reference
from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats


def mmd_pooled(traffic: Traffic) -> Floats:
    """Unbiased MMD² between a group's pooled requests, at most eight of each account, and the reference
    sample.

    Each account gets the highest value of its groups; NaN outside all groups.
    """
    rng = np.random.default_rng(1)
    places = traffic.of_accounts(8)
    discrepancy = Discrepancy(traffic.vectors[reference(traffic)])
    pooled = [
        rng.permutation(np.concatenate([places[a] for a in group]))[:MOST_EXCHANGES]
        for group in traffic.groups
    ]
    return traffic.spread([discrepancy(traffic.vectors[some]) for some in pooled])
