"""Test of whether counts vary less between accounts than customers of unequal rates would."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from stillwatch.stats.arrays import Floats, Ints
from stillwatch.stats.evalues import mean_log_e

# Gamma shapes of the null: a shape of 4 is a coefficient of variation of 1/2, smaller shapes vary more.
UNEQUAL = np.array([0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0])
# Gamma shapes of the alternative: coefficients of variation from 0.29 down to 0.001.
EVENED = np.array([12.0, 25.0, 60.0, 1e6])


def even_counts_log_e(counts: Ints) -> float:
    """Log e-value against "rates differ between accounts by a coefficient of variation of at least 1/2".

    `counts` has one non-negative count per account, at least one of them.

    Null: given their rates the counts are Poisson, and the rates are independent draws from one gamma law of
    shape at most 4 (coefficient of variation 1/sqrt(shape) >= 1/2). Given their total the counts are then
    Dirichlet-multinomial, whatever the mean. The statistic is the mean likelihood under the shapes `EVENED`
    over the largest under the null's, which is universal inference (Wasserman, Ramdas and Balakrishnan 2020,
    eq. 6): its mean under any law of the null is at most 1. Clustering in time only increases the variance of
    counts, so it does not break the bound.
    """
    seen, times = np.unique(counts, return_counts=True)
    under, above = (_log_likelihood(seen, times, shapes) for shapes in (UNEQUAL, EVENED))
    return mean_log_e(above) - float(under.max())


def _log_likelihood(seen: Ints, times: Ints, shapes: Floats) -> Floats:
    """Dirichlet-multinomial log likelihood for each of `shapes`, without terms that do not depend on it.

    The count `seen[i]` occurs at `times[i]` accounts.
    """
    accounts, total = int(times.sum()), int((seen * times).sum())
    each = gammaln(seen[None, :] + shapes[:, None]) - gammaln(shapes)[:, None]
    return np.asarray(gammaln(accounts * shapes) - gammaln(total + accounts * shapes) + each @ times)
