"""The outcome of one test for one key or one teacher."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stillwatch.stats.arrays import Floats

EDGES = np.linspace(-5, 5, 41)  # bin edges of the decoys' standardised scores
TILTS = np.geomspace(
    1e-3, 30.0, 60
)  # tilts over which Chernoff's bound is minimised; each gives a valid bound


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectFinding:
    """Outcome of one test.

    `subject` is a key's name (mark/campaign/epoch) or what else was tested. `keyed` says whether the null
    comes from our own randomness. `units` is the number of independent pieces scored; `effect` the mean
    excess of a piece's score over the null, in its standard deviations; `log10_p` the log10 of an exact or
    conservative p-value; `log_e` the natural log of an e-value. `rank_p` is the p-value from the rank of
    the true key among `decoys` keys never used; None without decoys. `decoy_z` counts the decoys'
    standardised scores between successive `EDGES`.
    """

    test: str
    subject: str
    keyed: bool
    units: int
    effect: float
    log10_p: float
    log_e: float
    rank_p: float | None = None
    decoys: int = 0
    decoy_z: tuple[int, ...] = ()
    statement: str = ""


def rank_p(value: float, others: Floats) -> float:
    """Rank p-value: (1 + number of `others` at or above `value`) / (1 + number of others).

    It is exact where the key was drawn from the same distribution as the others.
    """
    return float((1 + np.count_nonzero(others >= value)) / (1 + len(others)))


def histogram(z: Floats) -> tuple[int, ...]:
    """Numbers of standardised scores between successive `EDGES`; scores beyond the ends count in the
    outermost bins.
    """
    return tuple(int(n) for n in np.histogram(np.clip(z, EDGES[0], EDGES[-1]), EDGES)[0])


def mixture_log_e(logs: Floats) -> float:
    """Natural log of the mean of e-values, from their natural logs."""
    return float(np.logaddexp.reduce(logs) - np.log(len(logs)))


def signed(weights: Floats, signs: Floats) -> tuple[float, float]:
    """Log p-value and log e-value of a weighted sign test; natural logs.

    The null: given the weights, each sign is a fair coin. With S the sum of weight times sign, p is
    Chernoff's bound, the minimum over t of prod cosh(t w) e^(-t S), which is conservative; e is the mean
    over fixed t of prod e^(t w s) / cosh(t w). Weights are scaled to at most 1. A weight of 0 (a tie) has
    no effect.

    Args:
        weights: non-negative, shape (n,).
        signs: -1, 0 or 1, shape (n,).
    """
    top = float(np.max(weights, initial=0.0))
    if top == 0:
        return 0.0, 0.0
    w = weights / top
    total = float(w @ signs)
    scale = np.sqrt(float(w @ w))
    tilts = np.concatenate((TILTS, TILTS / scale))
    logs = (
        tilts * total
        - np.logaddexp(np.outer(tilts, w), -np.outer(tilts, w)).sum(axis=1)
        + len(w) * np.log(2.0)
    )
    return float(min(0.0, -np.max(logs))), mixture_log_e(logs)
