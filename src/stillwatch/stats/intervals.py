"""Confidence intervals at 95 % of shares and means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate `value` with its 95 % interval from `low` to `high`, over `number` repetitions."""

    value: float
    low: float
    high: float
    number: int


def of_share(hits: int, trials: int) -> Interval | None:
    """The share `hits` / `trials` with its exact interval (Clopper and Pearson 1934), whose coverage is at
    least 95 %; None where there are no trials.
    """
    return of_bounded_sum(float(hits), trials)


def of_bounded_sum(total: float, trials: int) -> Interval | None:
    """The mean of `trials` values in [0, 1] whose sum is `total`, with a 95 % interval: Clopper and Pearson's
    with the sum as the count. None where there are no trials.

    The interval is exact where every value is 0 or 1. Other values vary less than a 0/1 variable of the same
    mean (Hoeffding 1963, section 3), so the interval is conservative for them. The bounds are beta quantiles,
    the same that `scipy.stats.binomtest` finds by numerical search.
    """
    from scipy.stats import beta

    if trials == 0:
        return None
    low = float(beta.ppf(0.025, total, trials - total + 1)) if total > 0 else 0.0
    high = float(beta.ppf(0.975, total + 1, trials - total)) if total < trials else 1.0
    return Interval(value=total / trials, low=low, high=high, number=trials)


def of_mean(values: Sequence[float], low: float = -np.inf, high: float = np.inf) -> Interval | None:
    """The mean of `values` with Student's 95 % interval, clipped to [`low`, `high`].

    The interval of a single value is [`low`, `high`]. None where there are no values.
    """
    from scipy.stats import t

    n = len(values)
    if n == 0:
        return None
    mean = float(np.mean(values))
    if n == 1:
        return Interval(value=mean, low=low, high=high, number=1)
    half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Interval(value=mean, low=max(mean - half, low), high=min(mean + half, high), number=n)
