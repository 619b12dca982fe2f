"""Test of whether all accounts of a group draw from one mixture of kinds of work, as under a random
dispatcher.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from stillwatch.stats.arrays import Floats

OWN = np.array([0.1, 0.2, 0.4, 0.7])  # intraclass correlations of accounts with preferences of their own
BALANCED = np.array([0.2, 0.4, 0.6])  # variance relative to random draws, of accounts that follow a rota
FEWEST_FREEDOM = 8  # degrees of freedom below which nothing is tested


def one_mixture_log_e(counts: Floats, expected: Floats) -> float:
    """Log e-value against "accounts have preferences of their own, or keep a rota".

    `counts` are accounts × kinds of work; `expected` is the share of each kind, estimated on other data.
    Returns 0.0 where there are fewer than `FEWEST_FREEDOM` degrees of freedom.

    Null, first part: given its total, an account's counts are Dirichlet-multinomial with an intraclass
    correlation of at least `OWN[0]`, whatever the shares. Null, second part: the counts vary less than random
    draws do, with a Pearson statistic whose mean is at most `BALANCED[-1]` of its degrees of freedom. The
    alternative is one multinomial mixture for all. Against the first part the statistic is a ratio of
    likelihoods whose denominator is the largest under it (universal inference, Wasserman, Ramdas and
    Balakrishnan 2020); against the second a ratio of the approximate scaled chi-squared densities of the
    Pearson statistic. The smaller of both is an e-value against either part.
    """
    counts = counts[counts.sum(axis=1) >= 2]
    used = counts.sum(axis=0) > 0
    counts, expected = counts[:, used], expected[used]
    freedom = (len(counts) - 1) * (counts.shape[1] - 1)
    if freedom < FEWEST_FREEDOM:
        return 0.0
    expected = expected / expected.sum()
    pooled = counts.sum(axis=0) / counts.sum()
    over = _multinomial(counts, expected) - max(
        _dirichlet(counts, shares, own) for shares in (pooled, expected) for own in OWN
    )
    totals = counts.sum(axis=1, keepdims=True)
    pearson = float(((counts - totals * pooled) ** 2 / (totals * pooled)).sum())
    ratios = [
        0.5 * freedom * np.log(scale) - 0.5 * pearson * (1.0 - 1.0 / scale)
        for scale in np.minimum(BALANCED, max(pearson / freedom, BALANCED[0]))
    ]
    return float(min(over, *ratios))


def _multinomial(counts: Floats, shares: Floats) -> float:
    """Log likelihood of sequences with these counts under a multinomial law of these shares."""
    return float((counts @ np.log(np.maximum(shares, 1e-12))).sum())


def _dirichlet(counts: Floats, shares: Floats, correlation: float) -> float:
    """Log likelihood of sequences with these counts under a Dirichlet-multinomial law with the mean `shares`
    and the intraclass `correlation`.
    """
    total = (1.0 - correlation) / correlation
    a = np.maximum(total * shares, 1e-9)
    n = counts.sum(axis=1)
    each = gammaln(counts + a) - gammaln(a)
    return float(each.sum() + (gammaln(a.sum()) - gammaln(a.sum() + n)).sum())
