"""Change of a rate at a given moment, estimated from counts before and after it (interrupted time series)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stillwatch.stats.arrays import Floats

FEWEST_BINS = 3  # counts that each side needs so that a variance can be estimated; chosen
MOST_MEMORY = 0.8  # upper bound on the estimated correlation of neighbouring counts; chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Mean counts per bin before and after, and the ratio after/before with its 95 % interval.

    `spread` is a count's variance in excess of Poisson's, divided by the squared mean; `memory` is the
    correlation of neighbouring counts, 0 where it is negative.
    """

    before: float
    after: float
    ratio: float
    low: float
    high: float
    spread: float
    memory: float


def change(before: Floats, after: Floats) -> Change:
    """Ratio of the mean counts after and before a moment: segmented regression with a level and no trend.

    `before` and `after` have one count per bin, in time order; all bins have one length.

    A count's variance is mean + spread mean² (negative binomial), with the spread estimated from both sides
    by moments. The variance of a side's log mean is (1 / mean + spread (1 + memory) / (1 - memory)) / bins,
    as for a first-order autoregression (Wagner et al. 2002 for the design); a side whose sum is 0 counts as
    half a request in the interval. The interval is Student's, on the logarithm, with the effective number of
    independent counts minus 2 degrees of freedom, at least 2.

    Raises `ValueError` where a side has fewer than `FEWEST_BINS` counts, or the sum before is not positive.
    """
    if min(len(before), len(after)) < FEWEST_BINS:
        raise ValueError(
            f"{FEWEST_BINS} counts on each side are needed, there are {len(before)} and {len(after)}"
        )
    if before.sum() <= 0:
        raise ValueError("nothing was counted before")
    sides = [before.astype(float), after.astype(float)]
    means = [max(float(one.sum()), 0.5) / len(one) for one in sides]
    beyond = sum(
        (len(one) - 1) * (float(one.var(ddof=1)) - mean) for one, mean in zip(sides, means, strict=True)
    )
    scale = sum((len(one) - 1) * mean**2 for one, mean in zip(sides, means, strict=True))
    spread = max(0.0, beyond / scale)
    memory = _memory(sides, means, spread)
    inflation = (1 + memory) / (1 - memory)
    variance = sum((1 / mean + spread * inflation) / len(one) for one, mean in zip(sides, means, strict=True))
    free = max(2.0, (len(before) + len(after)) / inflation - 2)
    half = _quantile(free) * float(np.sqrt(variance))
    log_ratio = float(np.log(means[1]) - np.log(means[0]))
    return Change(
        before=float(before.mean()),
        after=float(after.mean()),
        ratio=float(after.mean() / before.mean()),
        low=float(np.exp(log_ratio - half)),
        high=float(np.exp(log_ratio + half)),
        spread=spread,
        memory=memory,
    )


def _memory(sides: list[Floats], means: list[float], spread: float) -> float:
    """Correlation r of neighbouring counts over both sides, corrected for its bias of about (1 + 3 r) / n in
    short series (Kendall 1954); from 0 to `MOST_MEMORY`.
    """
    rest = [
        (one - one.mean()) / np.sqrt(mean + spread * mean**2) for one, mean in zip(sides, means, strict=True)
    ]
    total = sum(float((one**2).sum()) for one in rest)
    if total <= 0:
        return 0.0
    raw = sum(float((one[1:] * one[:-1]).sum()) for one in rest) / total
    number = sum(len(one) for one in rest)
    return (
        float(np.clip(raw + (1 + 3 * max(raw, 0.0)) * len(rest) / number, 0.0, MOST_MEMORY))
        if raw > 0
        else 0.0
    )


def _quantile(free: float) -> float:
    """The 97.5 % quantile of Student's law with `free` degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf(0.975, free))


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUp:
    """Increase in the requests of other accounts as a share of the requests lost, with a 95 % interval."""

    share: float
    low: float
    high: float


def taken_up(before: Floats, after: Floats, lost: float) -> TakenUp:
    """Increase of other accounts' mean count per bin, as a share of `lost` requests per bin.

    `before` and `after` are the other accounts' counts, one per bin. The interval is Welch's for a difference
    of means, with a variance of at least Poisson's; negative values become 0.
    """
    variance = [
        max(float(one.var(ddof=1)) if len(one) > 1 else 0.0, float(one.mean()), 0.5 / len(one)) / len(one)
        for one in (before, after)
    ]
    total = sum(variance)
    free = total**2 / sum(
        v**2 / max(len(one) - 1, 1) for v, one in zip(variance, (before, after), strict=True)
    )
    more = float(after.mean() - before.mean())
    half = _quantile(max(free, 1.0)) * float(np.sqrt(total))
    share, low, high = (max(0.0, x / lost) for x in (more, more - half, more + half))
    return TakenUp(share=share, low=low, high=high)
