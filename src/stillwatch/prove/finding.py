"""What did one test say about one key or one teacher?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
EDGES = np.linspace(-5, 5, 41)
TILTS = np.geomspace(1e-3, 30.0, 60)  # where Chernoff's bound is sought; any of them is valid


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectFinding:
    """One test's outcome.

    `subject` is a key's name (mark/campaign/epoch) or what else was tested; `units` how many independent
    pieces were scored; `effect` the mean excess of a piece's score over the null, in its standard deviations;
    `log10_p` the exact or conservative p-value; `rank_p` the rank of the true key among `decoys` never used;
    `log_e` the natural log of an e-value; `decoy_z` how many decoys' standardised scores lie in each of
    `EDGES`.
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


def rank_p(value: float, others: Array) -> float:
    """(1 + how many others reach it) / (1 + how many others): exact where the key was drawn as the others
    were.
    """
    return float((1 + np.count_nonzero(others >= value)) / (1 + len(others)))


def histogram(z: Array) -> tuple[int, ...]:
    """How many standardised scores lie between `EDGES`, those beyond at the ends."""
    return tuple(int(n) for n in np.histogram(np.clip(z, EDGES[0], EDGES[-1]), EDGES)[0])


def mixture_log_e(logs: Array) -> float:
    """Log of the mean of e-values given by their logs, each the product of conditionally fair bets."""
    return float(np.logaddexp.reduce(logs) - np.log(len(logs)))


def signed(weights: Array, signs: Array) -> tuple[float, float]:
    """Log p and log e against "each sign is a fair coin given the weights", from sum of weight times sign.

    Chernoff's bound min over t of prod cosh(t w) e^(-t S) for p (conservative), and the mean over fixed t of
    prod e^(t w s) / cosh(t w) for e. Weights are scaled to at most 1; ties (weight 0) say nothing.
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
