"""How much does a key's score of many different windows exceed chance, each window with its own weight?

Given the weights, scores of different windows are independent under the null, so the weighted sum has a
moment generating function that is known exactly. Chernoff's bound on its tail is a p-value that is never too
small, and a mean of its exponential tilts an e-value.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.engine.cores import on_all_cores
from stillwatch.prove.finding import TILTS, SuspectFinding, histogram, mixture_log_e, rank_p
from stillwatch.prove.keyring import Issued, Keyring
from stillwatch.prove.registry import Mark
from stillwatch.prove.windows import Windows, bits_of, contexts_of, identities, seeds

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MOST_VALUES = 4_000
LOUDEST = 50  # one window's part in the sum of squares is at most one in so many


@dataclass(frozen=True, slots=True)
class Weighed:
    """Different windows: distinct contexts, which of them each window has, its token, and its weight."""

    contexts: Ints
    place: Ints
    tokens: Ints
    weights: Array

    def __len__(self) -> int:
        return len(self.tokens)


def counted(some: Windows, usual: Windows | None = None) -> Weighed:
    """Windows with repeats, each once, weighed by how far the suspect's use of it may speak.

    A context that came N times, and one of its tokens n times, has two parts: what language does there, and
    what the mark added. Without knowing the first, a window's weight is n N / (sum of n^2 over the context's
    tokens): in proportion to use within a context, and no context louder than its variety. With `usual`, text
    of the same kind that nobody marked, the weight is n - N p, p the share there (the score of a multinomial
    law), for every token that either has.
    """
    contexts, place, tokens, n = _tally(some)
    if usual is None or not len(usual):
        times = np.bincount(place, weights=n, minlength=len(contexts))
        squares = np.bincount(place, weights=n * n, minlength=len(contexts))
        return Weighed(contexts, place, tokens, n * (times / np.maximum(squares, 1))[place])
    known = usual.keep(np.isin(contexts_of(usual), contexts_of(some)))
    both = Windows(
        np.concatenate((some.contexts, known.contexts)), np.concatenate((some.tokens, known.tokens))
    )
    is_theirs = np.arange(len(both)) >= len(some)
    return differing(both, ~is_theirs, is_theirs)


def differing(some: Windows, mine: npt.NDArray[np.generic], theirs: npt.NDArray[np.generic]) -> Weighed:
    """Windows with repeats, weighed by what the suspect puts on them (`mine`) less what is usual (`theirs`),
    per context.

    Both are scaled to the suspect's total in the context. Where suspect and usual differ by more than
    sampling would make them, for reasons of their own, the context is turned down: its weights are multiplied
    by N / (N + sum of w^2).
    """
    contexts, place, tokens, n, m = _tally(some, np.asarray(mine, np.float64), np.asarray(theirs, np.float64))
    total_n = np.bincount(place, weights=n, minlength=len(contexts))
    total_m = np.bincount(place, weights=m, minlength=len(contexts))
    weights = n - m * (total_n / np.maximum(total_m, 1e-12))[place]
    weights[(total_m == 0)[place]] = 0.0
    squares = np.bincount(place, weights=weights * weights, minlength=len(contexts))
    return Weighed(contexts, place, tokens, weights * (total_n / np.maximum(total_n + squares, 1e-12))[place])


def _tally(some: Windows, *values: Array) -> tuple[Any, ...]:
    """Distinct contexts, each distinct window's place among them and its token, and sums of `values` (or
    counts) over repeats.
    """
    names, first, which = np.unique(identities(some), return_index=True, return_inverse=True)
    which = which.ravel()
    one = some.keep(first)
    _, at, place = np.unique(contexts_of(one), return_index=True, return_inverse=True)
    sums = [
        np.bincount(which, weights=value, minlength=len(names)) for value in values or (np.ones(len(some)),)
    ]
    return one.contexts[at], place.ravel(), one.tokens, *sums


def tempered(weights: Array) -> Array:
    """Weights cut so that none has more than a fiftieth of the sum of squares: a sum of many alike has
    thin tails, and a tight bound.
    """
    out = weights
    for _ in range(20):
        most = float(np.sqrt(out @ out / LOUDEST))
        if not len(out) or float(np.abs(out).max()) <= most * 1.01:
            break
        out = np.clip(out, -most, most)
    return out


def total(mark: Mark, key: npt.NDArray[np.uint64], some: Weighed) -> float:
    """Sum of weight times the score's excess over its mean under the null."""
    scores = mark.score(bits_of(seeds(some.contexts, key)[some.place], some.tokens))
    return float(some.weights @ (scores - mark.mean))


def tails(mark: Mark, excess: float, weights: Array) -> tuple[float, float]:
    """Log p by Chernoff's bound and log e by a mixture over the same tilts; tilts without a mean are left
    out.
    """
    w = weights[weights != 0]
    spread = mark.sd * float(np.sqrt(w @ w))
    if spread == 0:
        return 0.0, 0.0
    values, times = np.unique(w, return_counts=True)
    if len(values) > MOST_VALUES:  # sixty tilts over a million weights would be slow
        values, times = _coarse(w)
    logs = []
    for tilt in TILTS / spread:
        cost = times @ (mark.log_mgf(tilt * values) - tilt * values * mark.mean)
        logs.append(tilt * excess - cost if np.isfinite(cost) else -np.inf)
    return float(min(0.0, -max(logs))), mixture_log_e(np.array(logs))


def _coarse(w: Array) -> tuple[Array, Ints]:
    """A few thousand values, each of a weight's own sign and no smaller in size: the centred cost grows
    with size, so the bound holds.
    """
    edges = np.unique(np.quantile(np.abs(w), np.linspace(0, 1, MOST_VALUES + 1)))
    size = edges[np.clip(np.searchsorted(edges, np.abs(w)), 0, len(edges) - 1)]
    values, times = np.unique(np.sign(w) * size, return_counts=True)
    return values, times


@dataclass(slots=True)
class Findings:
    """What keys' scores of the same windows say, against their exact law and against decoys', which are
    scored once for all.

    `said` has a place for windows and effect.
    """

    test: str
    keyring: Keyring
    windows: Weighed
    decoys: int
    said: str
    _others: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.windows = replace(self.windows, weights=tempered(self.windows.weights))

    def of(self, issued: Issued, mark: Mark) -> SuspectFinding:
        """One key's finding."""
        some = self.windows
        n = len(some)
        if not n:
            return SuspectFinding(
                test=self.test, subject=issued.name, keyed=True, units=0, effect=0.0, log10_p=0.0, log_e=0.0,
                statement="no window could be scored",
            )  # fmt: skip
        excess = total(mark, self.keyring.key_of(issued), some)
        log_p, log_e = tails(mark, excess, some.weights)
        spread = mark.sd * float(np.sqrt(some.weights @ some.weights))
        units = effective(some.weights)
        effect = excess / spread / np.sqrt(units) if spread else 0.0
        others = self._decoys(mark)
        return SuspectFinding(
            test=self.test,
            subject=issued.name,
            keyed=True,
            units=units,
            effect=effect,
            log10_p=log_p / np.log(10),
            rank_p=rank_p(excess, others),
            decoys=self.decoys,
            decoy_z=histogram(others / spread) if spread else (),
            log_e=log_e,
            statement=self.said.format(windows=f"{n:,}", effect=f"{effect:+.4f}"),
        )

    def _decoys(self, mark: Mark) -> Array:
        if mark.name not in self._others:
            keys = self.keyring.decoys(mark.name, self.decoys)
            parts = np.array_split(keys, max(len(keys) // 64, 1))
            scored = on_all_cores(lambda part: [total(mark, key, self.windows) for key in part], parts)
            self._others[mark.name] = np.array([one for part in scored for one in part])
        return self._others[mark.name]


def effective(weights: Array) -> int:
    """How many windows of equal weight tell as much: (sum |w|)^2 / sum w^2 (Kish 1965)."""
    squares = float(weights @ weights)
    return round(float(np.abs(weights).sum()) ** 2 / squares) if squares else 0
