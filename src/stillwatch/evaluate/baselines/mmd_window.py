"""Maximum mean discrepancy between an account's requests and a reference sample (Gretton et al. 2012)."""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats, Ints

# least requests of a window, most of a pooled group, most of the reference sample
FEWEST_EXCHANGES, MOST_EXCHANGES, REFERENCE_SIZE = 20, 500, 1000
WIDTHS = (0.5, 1.0, 2.0, 4.0)  # kernel widths, in multiples of the root of the median squared distance


def mmd_window(traffic: Traffic) -> Floats:
    """Unbiased MMD² between each account's requests and the reference sample; NaN for fewer than
    `FEWEST_EXCHANGES`.
    """
    places = traffic.of_accounts()
    discrepancy = Discrepancy(traffic.vectors[reference(traffic)])
    return np.array([discrepancy(traffic.vectors[some]) for some in places])


def reference(traffic: Traffic) -> Ints:
    """Rows of the reference sample: one request each of up to `REFERENCE_SIZE` accounts, drawn at random.

    Most accounts are honest, so the sample is treated as honest.
    """
    rng = np.random.default_rng(0)
    some = [rng.choice(places) for places in traffic.of_accounts() if len(places)]
    return np.asarray(rng.permutation(some)[:REFERENCE_SIZE], np.int64)


class Discrepancy:
    """Unbiased MMD² to a reference sample of unit vectors, under the mean of Gaussian kernels of several
    widths.
    """

    def __init__(self, reference: Floats) -> None:
        self.reference = reference
        squares = 2.0 - 2.0 * reference @ reference.T
        self.median = float(np.median(squares[np.triu_indices(len(reference), 1)]))
        n = len(reference)
        self.own = (self._kernel(squares).sum() - n) / (n * (n - 1))

    def _kernel(self, squares: Floats) -> Floats:
        """Mean of Gaussian kernels of several widths, from squared distances."""
        kernels = [np.exp(-squares / (2.0 * self.median * width**2)) for width in WIDTHS]
        return np.asarray(np.mean(kernels, axis=0))

    def __call__(self, window: Floats) -> float:
        """MMD² of a window of unit vectors, shape (n, d); NaN for n below `FEWEST_EXCHANGES`."""
        n = len(window)
        if n < FEWEST_EXCHANGES:
            return float("nan")
        within = (self._kernel(2.0 - 2.0 * window @ window.T).sum() - n) / (n * (n - 1))
        across = self._kernel(2.0 - 2.0 * window @ self.reference.T).mean()
        return float(within + self.own - 2.0 * across)
