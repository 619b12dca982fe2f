"""Q-values of hypotheses from their e-values, valid under any dependence."""

from __future__ import annotations

import numpy as np

from stillwatch.stats.arrays import Floats


def e_bh_q_values(log_e: Floats) -> Floats:
    """The smallest rate at which the e-BH procedure (Wang and Ramdas 2022) rejects each hypothesis.

    Takes natural-log e-values, one per hypothesis; returns q-values in the same order, each at most 1.

    With m hypotheses sorted by falling e-value, e-BH at rate a rejects the first k, where k is the largest
    with e_(k) >= m / (k a). Its false-discovery rate is at most a under arbitrary dependence.
    """
    m = len(log_e)
    if m == 0:
        return np.zeros(0)
    order = np.argsort(-log_e, kind="stable")
    raw = np.log(m) - np.log(np.arange(1, m + 1)) - log_e[order]
    running = np.minimum.accumulate(raw[::-1])[::-1]
    q = np.empty(m)
    q[order] = np.exp(np.minimum(running, 0.0))
    return q
