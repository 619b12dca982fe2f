"""Does an account's window of requests differ from everybody's? (maximum mean discrepancy; Gretton et al.
2012)
"""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.registry import Ints, Reals, Traffic

FEWEST_EXCHANGES, MOST_EXCHANGES, REFERENCE_SIZE = 20, 500, 1000
WIDTHS = (0.5, 1.0, 2.0, 4.0)  # times the median distance


def mmd_window(traffic: Traffic) -> Reals:
    """Unbiased MMD² of an account's requests to a sample of one request of each of many accounts."""
    places = traffic.of_accounts()
    discrepancy = Discrepancy(traffic.vectors[reference(traffic)])
    return np.array([discrepancy(traffic.vectors[some]) for some in places])


def reference(traffic: Traffic) -> Ints:
    """One request each of up to `REFERENCE_SIZE` accounts, drawn at random: most accounts are honest."""
    rng = np.random.default_rng(0)
    some = [rng.choice(places) for places in traffic.of_accounts() if len(places)]
    return np.asarray(rng.permutation(some)[:REFERENCE_SIZE], np.int64)


class Discrepancy:
    """Unbiased MMD² to a reference sample, under a mean of Gaussian kernels of several widths."""

    def __init__(self, reference: Reals) -> None:
        self.reference = reference
        squares = 2.0 - 2.0 * reference @ reference.T
        self.median = float(np.median(squares[np.triu_indices(len(reference), 1)]))
        n = len(reference)
        self.own = (self._kernel(squares).sum() - n) / (n * (n - 1))

    def _kernel(self, squares: Reals) -> Reals:
        kernels = [np.exp(-squares / (2.0 * self.median * width**2)) for width in WIDTHS]
        return np.asarray(np.mean(kernels, axis=0))

    def __call__(self, window: Reals) -> float:
        """MMD² of a window of unit vectors; NaN for fewer than `FEWEST_EXCHANGES`."""
        n = len(window)
        if n < FEWEST_EXCHANGES:
            return float("nan")
        within = (self._kernel(2.0 - 2.0 * window @ window.T).sum() - n) / (n * (n - 1))
        across = self._kernel(2.0 - 2.0 * window @ self.reference.T).mean()
        return float(within + self.own - 2.0 * across)
