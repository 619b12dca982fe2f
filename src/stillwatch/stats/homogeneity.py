"""Tests of whether members of a group are more alike in one measurement than independent accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from stillwatch.stats.arrays import Floats
from stillwatch.stats.evalues import binomial_log_e, mean_log_e

COVERS = (0.8, 0.95)  # shares of the proposed values that an interval must hold; each is tried
WIDEST_SHARE = 0.25  # largest share of the reference that an interval of `alike` may hold
# Of `even`: the largest share of the reference that an interval may hold, and the factor on that share under
# the null.
DENSEST, EVEN_ENRICHMENT = 0.35, 2.0
MIN_SUCCESS_PROBABILITY = 0.5  # least probability of a success that a null allows
ENRICHMENT = 3.0  # factor on the share of the reference under the null of `alike` and `beyond`
FEWEST_VALUES = 8  # finite values of members that each half of the data needs
FEWEST_REFERENCE = 50  # finite values of other accounts that are needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Result of `alike` or `even`: `inside` of `members` lie in [`low`, `high`].

    `reference` is the share of other accounts in that interval (`alike`), or in their densest interval of
    that width (`even`). `log_e` is the natural-log e-value over all of `COVERS`.
    """

    log_e: float
    low: float
    high: float
    inside: int
    members: int
    reference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """The reason why a comparison has no result.

    `of` is "proposed", "tested" or "reference" where that array has fewer than `limit` finite values. It is
    "contrast" where, for every share in `COVERS`, the share of the reference exceeds `limit`.
    """

    of: Literal["proposed", "tested", "reference", "contrast"]
    limit: float


def alike(proposed: Floats, tested: Floats, reference: Floats) -> Alike | Lack:
    """Test of whether members' values lie in an interval that holds few values of other accounts.

    The interval is the one that holds a share of the `proposed` values and the least of the reference,
    chosen on one half of the data; `tested` values of the other half are counted in it. Two such shares
    (`COVERS`) are tried and their e-values averaged. Null: a member independently falls into it with
    probability at most max(`MIN_SUCCESS_PROBABILITY`, `ENRICHMENT` times the share of other accounts that
    do). The bound is large on purpose: people who share a tool, a class or an office are more alike than
    strangers, and the null must hold for them too.

    Args:
        proposed: One value per member from the first half of the data; non-finite values are ignored.
        tested: The same from the second half.
        reference: One value per other account from the second half.
    """
    return _crowding(proposed, tested, reference, _rarest, WIDEST_SHARE, ENRICHMENT)


def even(proposed: Floats, tested: Floats, reference: Floats) -> Alike | Lack:
    """Test of whether members' values lie closer together than other accounts' values do anywhere.

    The width of the interval counts, not its place: a kind of customer may differ from the rest in its level
    and still vary as customers do. Arguments are those of `alike`.

    The narrowest interval that holds a share of the `proposed` values, chosen on one half of the data, is
    compared with the *densest* interval of its width among other accounts (Lévy's concentration
    function); `tested` values of the other half are counted in it. Two such shares (`COVERS`) are tried
    and their e-values averaged. Null: a member independently falls into it with probability at most
    max(`MIN_SUCCESS_PROBABILITY`, `EVEN_ENRICHMENT` times the share of others in their densest interval).
    The bound is large on purpose, as in `alike`.
    """
    return _crowding(proposed, tested, reference, _narrowest, DENSEST, EVEN_ENRICHMENT)


IntervalMethod = Callable[[Floats, Floats, int], tuple[float, float, float]]


def _crowding(
    proposed: Floats,
    tested: Floats,
    reference: Floats,
    choose: IntervalMethod,
    widest: float,
    enrichment: float,
) -> Alike | Lack:
    """Result of `alike` or `even`: `choose` gives the interval, `widest` and `enrichment` are its limits."""
    proposed, tested = proposed[np.isfinite(proposed)], tested[np.isfinite(tested)]
    reference = np.sort(reference[np.isfinite(reference)])
    if len(proposed) < FEWEST_VALUES:
        return Lack(of="proposed", limit=FEWEST_VALUES)
    if lack := _too_few(tested, reference):
        return lack
    values, found, logs = np.sort(proposed), [], []
    for cover in COVERS:
        low, high, share = choose(values, reference, max(int(np.ceil(cover * len(values))), 2))
        if share > widest:
            logs.append(0.0)
            continue
        inside = int(((tested >= low) & (tested <= high)).sum())
        logs.append(
            binomial_log_e(inside, len(tested), min(max(MIN_SUCCESS_PROBABILITY, enrichment * share), 0.95))
        )
        found.append(
            Alike(log_e=logs[-1], low=low, high=high, inside=inside, members=len(tested), reference=share)
        )
    if not found:
        return Lack(of="contrast", limit=widest)
    return replace(max(found, key=lambda f: f.log_e), log_e=mean_log_e(np.array(logs)))


def _too_few(tested: Floats, reference: Floats) -> Lack | None:
    """The lack of finite values in `tested` or `reference`; None where there are enough."""
    if len(tested) < FEWEST_VALUES:
        return Lack(of="tested", limit=FEWEST_VALUES)
    return Lack(of="reference", limit=FEWEST_REFERENCE) if len(reference) < FEWEST_REFERENCE else None


def _rarest(values: Floats, reference: Floats, take: int) -> tuple[float, float, float]:
    """Low and high end of the interval with `take` of `values` and the fewest of `reference`, and the share
    of `reference` in it, with one added to count and total. Both arrays are sorted.
    """
    lows, highs = values[: len(values) - take + 1], values[take - 1 :]
    mass = np.searchsorted(reference, highs, "right") - np.searchsorted(reference, lows, "left")
    best = int(np.lexsort((highs - lows, mass))[0])
    return float(lows[best]), float(highs[best]), float((mass[best] + 1) / (len(reference) + 1))


def _narrowest(values: Floats, reference: Floats, take: int) -> tuple[float, float, float]:
    """Low and high end of the narrowest interval with `take` of `values`, and the largest share of
    `reference` in any interval of that width, with one added to count and total. Both arrays are sorted.
    """
    widths = values[take - 1 :] - values[: len(values) - take + 1]
    low, width = float(values[int(np.argmin(widths))]), float(widths.min())
    dense = np.searchsorted(reference, reference + width, "right") - np.arange(len(reference))
    return low, low + width, float((dense.max() + 1) / (len(reference) + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """Result of the function `beyond`: `beyond` of `members` lie above `threshold`, as does a share
    `reference` of other accounts. `log_e` is the natural-log e-value.
    """

    log_e: float
    threshold: float
    beyond: int
    members: int
    reference: float


def beyond(tested: Floats, reference: Floats, tail: float = 0.1) -> Beyond | Lack:
    """Test of whether many members exceed the upper `tail` quantile of other accounts.

    `tested` and `reference` have one value per member and per other account; values that are not finite
    are ignored. Null: a member independently exceeds the quantile with probability at most
    max(`MIN_SUCCESS_PROBABILITY`, `ENRICHMENT` times the share of other accounts that do).
    """
    tested, reference = tested[np.isfinite(tested)], reference[np.isfinite(reference)]
    if lack := _too_few(tested, reference):
        return lack
    threshold = float(np.quantile(reference, 1 - tail))
    share = (float((reference > threshold).sum()) + 1) / (len(reference) + 1)
    above = int((tested > threshold).sum())
    return Beyond(
        log_e=binomial_log_e(above, len(tested), min(max(MIN_SUCCESS_PROBABILITY, ENRICHMENT * share), 0.95)),
        threshold=threshold,
        beyond=above,
        members=len(tested),
        reference=share,
    )
