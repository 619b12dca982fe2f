"""Beta-binomial law of hits among trials, for a hit rate that varies between accounts."""

from __future__ import annotations

import numpy as np

from stillwatch.stats.arrays import Floats

LEAST_MEAN, MOST_MEAN = 0.002, 0.98  # bounds on the fitted mean a / (a + b)
LEAST_SPREAD, MOST_SPREAD = 0.5, 50.0  # bounds on the fitted a + b


def moments(hits: Floats, counts: Floats) -> tuple[float, float]:
    """Parameters (a, b) of a beta law of hit rates, fitted by moments (Kleinman 1973).

    `hits` and `counts` have one entry per account. Returns (0.1, 10.0) where there is no trial.
    """
    if len(hits) == 0 or counts.sum() == 0:
        return 0.1, 10.0
    rates = hits / np.maximum(counts, 1)
    mean = float(np.clip(rates.mean(), LEAST_MEAN, MOST_MEAN))
    noise = float((mean * (1 - mean) / np.maximum(counts, 1)).mean())
    variance = max(float(rates.var()) - noise, 1e-6)
    spread = float(np.clip(mean * (1 - mean) / variance - 1, LEAST_SPREAD, MOST_SPREAD))
    return mean * spread, (1 - mean) * spread


def log_beta_binomial(hits: Floats, counts: Floats, a: float, b: float) -> Floats:
    """Natural-log probability of `hits` among `counts` trials, per account, under a Beta(a, b) hit rate; the
    binomial coefficient is left out.
    """
    from scipy.special import betaln

    return np.asarray(betaln(hits + a, counts - hits + b) - betaln(a, b))
