"""SEAT: pairs of nearly identical requests of an account (Zhang et al. 2021)."""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats, Ints

NEAR_COSINE = 0.9  # least cosine of a near pair
FEWEST_REQUESTS, MOST_REQUESTS = 10, 500  # requests of an account that are used


def seat(traffic: Traffic) -> Floats:
    """Share of each account's requests that are near an earlier one; the encoder is LSA, not a trained
    one.
    """
    return np.array([near_pairs(traffic.vectors, places) for places in traffic.of_accounts()])


def near_pairs(vectors: Floats, places: Ints) -> float:
    """Share of the requests at `places` whose cosine with an earlier one is at least `NEAR_COSINE`; NaN
    for fewer than `FEWEST_REQUESTS`.
    """
    if len(places) < FEWEST_REQUESTS:
        return float("nan")
    mine = vectors[places[:MOST_REQUESTS]]
    close = np.tril(mine @ mine.T >= NEAR_COSINE, -1)
    return float(close.any(axis=1).mean())
