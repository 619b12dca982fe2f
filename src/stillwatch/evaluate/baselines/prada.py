"""PRADA: non-normality of the distances between an account's requests (Juuti et al. 2019)."""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats, Ints

FEWEST_PROMPTS, MOST_PROMPTS = 20, 500  # least and most requests of one account or group that are tested


def prada(traffic: Traffic) -> Floats:
    """1 - W for each account, with W of the Shapiro-Wilk test on each request's distance to the nearest
    earlier one; NaN for too few requests.
    """
    return np.array([abnormality(traffic.vectors, places) for places in traffic.of_accounts()])


def abnormality(vectors: Floats, places: Ints) -> float:
    """1 - W over the requests at `places`, in their order; NaN for fewer than `FEWEST_PROMPTS`.

    Only the first `MOST_PROMPTS` are used. Equal distances give 1.
    """
    from scipy.stats import shapiro

    if len(places) < FEWEST_PROMPTS:
        return float("nan")
    mine = vectors[places[:MOST_PROMPTS]]
    near = np.tril(mine @ mine.T, -1)
    near[np.triu_indices(len(mine))] = -np.inf
    least = np.sqrt(np.maximum(2.0 - 2.0 * near[1:].max(axis=1), 0.0))
    if np.ptp(least) == 0.0:
        return 1.0
    return 1.0 - float(shapiro(least).statistic)
