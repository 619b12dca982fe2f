"""Do counts vary less from one account to the next than the rates of unequal customers would have them?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from stillwatch.stats.evalues import Array, mean_log_e

UNEQUAL = np.array([0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0])
EVENED = np.array([12.0, 25.0, 60.0, 1e6])


def even_counts_log_e(counts: npt.NDArray[np.int64]) -> float:
    """Log e-value against "rates differ between accounts by a coefficient of variation of at least 1/2".

    Null: given their rates the counts are Poisson, and the rates are independent draws from one gamma law of
    shape at most 4 (coefficient of variation 1/sqrt(shape) >= 1/2). Given their total the counts are then
    Dirichlet-multinomial, whatever the mean. The statistic is the mean likelihood under the shapes `EVENED`
    over the largest under the null's, which is universal inference (Wasserman, Ramdas and Balakrishnan 2020,
    eq. 6): its mean under any law of the null is at most 1. Counts that are clustered in time only vary more.
    """
    seen, times = np.unique(counts, return_counts=True)
    under, above = (_log_likelihood(seen, times, shapes) for shapes in (UNEQUAL, EVENED))
    return mean_log_e(above) - float(under.max())


def _log_likelihood(seen: npt.NDArray[np.int64], times: npt.NDArray[np.int64], shapes: Array) -> Array:
    """Log likelihood of Dirichlet-multinomial counts for each shape, up to what does not depend on it."""
    accounts, total = int(times.sum()), int((seen * times).sum())
    each = gammaln(seen[None, :] + shapes[:, None]) - gammaln(shapes)[:, None]
    return np.asarray(gammaln(accounts * shapes) - gammaln(total + accounts * shapes) + each @ times)
