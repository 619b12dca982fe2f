"""E-values, and the combination of several into one.

An e-value is a non-negative statistic with mean at most 1 under its null (Vovk and Wang 2021); by Markov's
inequality P(e >= 1/a) <= a. All functions take and return natural logarithms, since group evidence is
easily above 1e300.
"""

from __future__ import annotations

import numpy as np

from stillwatch.stats.arrays import Bools, Floats

LN10 = float(np.log(10))  # natural logarithms in one decade


def binomial_log_e(successes: int, trials: int, at_most: float) -> float:
    """Log e-value against "each of `trials` succeeds with probability at most `at_most`, given those before
    it".

    The likelihood ratio of a uniform mixture over twelve success probabilities q > `at_most` (a betting
    martingale with fixed bets; Waudby-Smith and Ramdas 2024). Trials may depend on each other as long as each
    one's success probability, given the earlier trials, is at most `at_most`. Returns 0.0 for no trials.
    """
    if trials == 0:
        return 0.0
    q = at_most + (1 - at_most) * np.linspace(0.1, 0.98, 12)
    logs = successes * np.log(q / at_most) + (trials - successes) * np.log((1 - q) / (1 - at_most))
    return float(np.logaddexp.reduce(logs) - np.log(len(q)))


def bounded_log_e(successes: Bools, at_most: Floats) -> float:
    """Log e-value against "trial i succeeds with probability at most `at_most[i]`, given those before it":
    `binomial_log_e` for bounds that differ. Both arrays have one entry per trial. Returns 0.0 for no trials.
    """
    if len(successes) == 0:
        return 0.0
    q = at_most + (1 - at_most) * np.linspace(0.1, 0.98, 12)[:, None]
    logs = np.where(successes, np.log(q / at_most), np.log((1 - q) / (1 - at_most))).sum(axis=1)
    return float(np.logaddexp.reduce(logs) - np.log(len(q)))


def p_to_log_e(log_p: float, kappa: float = 0.5) -> float:
    """Log e-value from the natural logarithm of a p-value, by the calibrator e = kappa * p^(kappa-1) with
    0 < kappa < 1 (Vovk and Wang 2021, eq. 1).
    """
    return float(np.log(kappa) + (kappa - 1) * log_p)


def mean_log_e(logs: Floats) -> float:
    """Logarithm of the mean of e-values given as logarithms; the mean is an e-value under any dependence.

    Returns 0.0 for an empty array.
    """
    if len(logs) == 0:
        return 0.0
    return float(np.logaddexp.reduce(logs) - np.log(len(logs)))


def partial_conjunction_log_e(logs: Floats, at_least: int) -> float:
    """Log e-value against "fewer than `at_least` of these nulls are false" (after Benjamini and Heller 2008).

    If fewer than u of n nulls are false, some n-u+1 of them are true, and the mean of their e-values is an
    e-value; the mean of the n-u+1 smallest is no larger, whatever the dependence. Raises `ValueError` unless
    `at_least` is from 1 to the number of `logs`.
    """
    n = len(logs)
    if not 1 <= at_least <= n:
        raise ValueError(f"at_least must lie in 1..{n}, got {at_least}")
    return mean_log_e(np.sort(logs)[: n - at_least + 1])
