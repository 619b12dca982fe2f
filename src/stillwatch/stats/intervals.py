"""How sure is a figure that was measured a few times?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with an interval at 95 %, over `number` repetitions."""

    value: float
    low: float
    high: float
    number: int


def of_share(hits: int, trials: int) -> Interval | None:
    """A share with its exact interval (Clopper and Pearson 1934); coverage at least 95 %."""
    from scipy.stats import beta

    if trials == 0:
        return None
    low = float(beta.ppf(0.025, hits, trials - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, trials - hits)) if hits < trials else 1.0
    return Interval(value=hits / trials, low=low, high=high, number=trials)


def of_mean(values: Sequence[float], low: float = -np.inf, high: float = np.inf) -> Interval | None:
    """A mean with Student's interval, kept within [`low`, `high`]; no width is known of one value."""
    from scipy.stats import t

    n = len(values)
    if n == 0:
        return None
    mean = float(np.mean(values))
    if n == 1:
        return Interval(value=mean, low=low, high=high, number=1)
    half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Interval(value=mean, low=max(mean - half, low), high=min(mean + half, high), number=n)
