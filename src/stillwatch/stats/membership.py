"""How likely is a count of hits among trials whose rate varies from account to account?"""

from __future__ import annotations

import numpy as np

from stillwatch.stats.evalues import Array

LEAST_MEAN, MOST_MEAN = 0.002, 0.98
LEAST_SPREAD, MOST_SPREAD = 0.5, 50.0


def moments(hits: Array, counts: Array) -> tuple[float, float]:
    """Beta parameters of rates whose binomial counts these are, by the method of moments (Kleinman 1973)."""
    if len(hits) == 0 or counts.sum() == 0:
        return 0.1, 10.0
    rates = hits / np.maximum(counts, 1)
    mean = float(np.clip(rates.mean(), LEAST_MEAN, MOST_MEAN))
    noise = float((mean * (1 - mean) / np.maximum(counts, 1)).mean())
    variance = max(float(rates.var()) - noise, 1e-6)
    spread = float(np.clip(mean * (1 - mean) / variance - 1, LEAST_SPREAD, MOST_SPREAD))
    return mean * spread, (1 - mean) * spread


def log_beta_binomial(hits: Array, counts: Array, a: float, b: float) -> Array:
    """Log probability of `hits` among `counts`, up to the binomial coefficient, under a Beta(a, b) rate."""
    from scipy.special import betaln

    return np.asarray(betaln(hits + a, counts - hits + b) - betaln(a, b))
