"""Score of a key over distinct windows, each with its own weight.

Given the weights, scores of distinct windows are independent under the null, so the moment generating
function of the weighted sum is known exactly. Chernoff's bound on its tail gives a conservative p-value,
and the mean of exponential tilts an e-value.
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
from stillwatch.stats.arrays import Floats, Ints, Uints

MOST_VALUES = 4_000  # most distinct weights for which the bound is computed exactly
MIN_EQUAL_WINDOWS = 50  # one window has at most one such part of the sum of squared weights


@dataclass(frozen=True, slots=True)
class Weighed:
    """Distinct windows: distinct contexts, shape (contexts, width), and for each window the row of its
    context (`place`), its token, and its weight.
    """

    contexts: Ints
    place: Ints
    tokens: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.tokens)


def counted(some: Windows, usual: Windows | None = None) -> Weighed:
    """Distinct windows of a suspect's text, weighted by their use.

    Let a context occur N times, followed by a token n times. Without `usual`, the weight is n N / (sum of
    n^2 over the context's tokens), proportional to use within a context and bounded by the context's
    variety. With `usual`, unmarked text of the same kind, the weight is n - N p, with p the token's share
    there (the score of a multinomial distribution), for every token in either text.

    Args:
        some: the suspect's windows, with repeats.
        usual: windows of unmarked text, with repeats; None or empty without any.
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
    """Distinct windows, weighted by the suspect's use minus the usual use of each token in its context.

    Both are scaled to the suspect's total N in the context. A context in which they differ by more than
    sampling error is down-weighted: its weights are multiplied by N / (N + sum of w^2). A context without
    usual use has weight 0.

    Args:
        some: windows, with repeats, of both.
        mine: the suspect's use of each window (counts or probabilities), shape (n,).
        theirs: the usual use of each window, shape (n,).
    """
    contexts, place, tokens, n, m = _tally(some, np.asarray(mine, np.float64), np.asarray(theirs, np.float64))
    total_n = np.bincount(place, weights=n, minlength=len(contexts))
    total_m = np.bincount(place, weights=m, minlength=len(contexts))
    weights = n - m * (total_n / np.maximum(total_m, 1e-12))[place]
    weights[(total_m == 0)[place]] = 0.0
    squares = np.bincount(place, weights=weights * weights, minlength=len(contexts))
    return Weighed(contexts, place, tokens, weights * (total_n / np.maximum(total_n + squares, 1e-12))[place])


def _tally(some: Windows, *values: Floats) -> tuple[Any, ...]:
    """Distinct contexts, the row of each distinct window's context, its token, and sums of each of `values`
    over repeats (counts without values).
    """
    names, first, which = np.unique(identities(some), return_index=True, return_inverse=True)
    which = which.ravel()
    one = some.keep(first)
    _, at, place = np.unique(contexts_of(one), return_index=True, return_inverse=True)
    sums = [
        np.bincount(which, weights=value, minlength=len(names)) for value in values or (np.ones(len(some)),)
    ]
    return one.contexts[at], place.ravel(), one.tokens, *sums


def tempered(weights: Floats) -> Floats:
    """Weights clipped so that none has more than 1 / `MIN_EQUAL_WINDOWS` of the sum of squares,
    approximately.

    A sum of many similar terms has thin tails, which makes the bound tight.
    """
    out = weights
    for _ in range(20):
        most = float(np.sqrt(out @ out / MIN_EQUAL_WINDOWS))
        if not len(out) or float(np.abs(out).max()) <= most * 1.01:
            break
        out = np.clip(out, -most, most)
    return out


def total(mark: Mark, key: Uints, some: Weighed) -> float:
    """Sum over windows of weight times (score - mean of the score under the null)."""
    scores = mark.score(bits_of(seeds(some.contexts, key)[some.place], some.tokens))
    return float(some.weights @ (scores - mark.mean))


def tails(mark: Mark, excess: float, weights: Floats) -> tuple[float, float]:
    """Natural logs of the p-value (Chernoff's bound) and of the e-value (mixture over the same tilts) of a
    weighted sum.

    `excess` is the sum as `total` returns it. Tilts with an infinite moment generating function are left
    out. Both are 0 without weights.
    """
    w = weights[weights != 0]
    spread = mark.sd * float(np.sqrt(w @ w))
    if spread == 0:
        return 0.0, 0.0
    values, times = np.unique(w, return_counts=True)
    if len(values) > MOST_VALUES:  # all tilts over a million weights would be slow
        values, times = _coarse(w)
    logs = []
    for tilt in TILTS / spread:
        cost = times @ (mark.log_mgf(tilt * values) - tilt * values * mark.mean)
        logs.append(tilt * excess - cost if np.isfinite(cost) else -np.inf)
    return float(min(0.0, -max(logs))), mixture_log_e(np.array(logs))


def _coarse(w: Floats) -> tuple[Floats, Ints]:
    """At most about `MOST_VALUES` weights with their counts; each keeps its sign and is rounded up in size,
    by at most 0.4 % or a millionth of the largest.

    The centred cost grows with size, so the bound stays valid. Sizes are in equal ratios, not in equal
    numbers of windows: the few largest weights make up most of the spread, and must not all count as the
    very largest.
    """
    size = np.abs(w)
    edges = size.max() * np.geomspace(1e-6, 1.0, MOST_VALUES)
    rounded = edges[np.clip(np.searchsorted(edges, size), 0, len(edges) - 1)]
    values, times = np.unique(np.sign(w) * rounded, return_counts=True)
    return values, times


@dataclass(slots=True)
class Findings:
    """Findings of several keys on the same windows, against their exact distribution and against decoys,
    which are scored once per mark.

    `said` is the statement's template, with the fields `windows` and `effect`.
    """

    test: str
    keyring: Keyring
    windows: Weighed
    decoys: int
    said: str
    _others: dict[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.windows = replace(self.windows, weights=tempered(self.windows.weights))

    def of(self, issued: Issued, mark: Mark) -> SuspectFinding:
        """The finding for one key."""
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

    def _decoys(self, mark: Mark) -> Floats:
        """Scores under keys that were never used, shape (decoys,)."""
        if mark.name not in self._others:
            keys = self.keyring.decoys(mark.name, self.decoys)
            parts = np.array_split(keys, max(len(keys) // 64, 1))
            scored = on_all_cores(lambda part: [total(mark, key, self.windows) for key in part], parts)
            self._others[mark.name] = np.array([one for part in scored for one in part])
        return self._others[mark.name]


def effective(weights: Floats) -> int:
    """Effective number of windows, (sum |w|)^2 / sum w^2 (Kish 1965); 0 without weights."""
    squares = float(weights @ weights)
    return round(float(np.abs(weights).sum()) ** 2 / squares) if squares else 0
