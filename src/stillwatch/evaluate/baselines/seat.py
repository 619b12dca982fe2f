"""How many pairs of an account's requests are nearly the same? (Zhang et al. 2021, SEAT)"""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.registry import Ints, Reals, Traffic

NEAR, FEWEST, MOST = 0.9, 10, 500


def seat(traffic: Traffic) -> Reals:
    """Share of an account's requests that have a near one before them; the encoder is LSA, not a trained
    one.
    """
    return np.array([near_pairs(traffic.vectors, places) for places in traffic.of_accounts()])


def near_pairs(vectors: Reals, places: Ints) -> float:
    """Share of the requests at `places` with an earlier one of cosine at least `NEAR`; NaN for fewer than
    `FEWEST`.
    """
    if len(places) < FEWEST:
        return float("nan")
    mine = vectors[places[:MOST]]
    close = np.tril(mine @ mine.T >= NEAR, -1)
    return float(close.any(axis=1).mean())
