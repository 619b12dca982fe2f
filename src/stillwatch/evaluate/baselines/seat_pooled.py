"""SEAT on the pooled requests of each proposed group."""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.evaluate.baselines.seat import MOST_REQUESTS, near_pairs
from stillwatch.stats.arrays import Floats


def seat_pooled(traffic: Traffic) -> Floats:
    """Share of a group's pooled requests that are near an earlier one; each account gets the highest value
    of its groups, NaN outside all.
    """
    places = traffic.of_accounts(8)
    pooled = [np.sort(np.concatenate([places[a] for a in group]))[:MOST_REQUESTS] for group in traffic.groups]
    return traffic.spread([near_pairs(traffic.vectors, some) for some in pooled])
