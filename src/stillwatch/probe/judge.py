"""Verdict on whether work moves to other accounts when a request is refused: evidence, level, share and
harm.

The null of the verdict: given the past, a refused request's work moves to others with probability at most
`tolerated`. Then each comparison is won by the refused slot with probability at most tolerated + (1 -
tolerated) / (1 + spared) (`compare.bounds`), whatever the traffic is. The e-value is a betting martingale
on these (`stats.evalues.bounded_log_e`), so the probe may be stopped at any trial.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stillwatch.probe import compare
from stillwatch.probe.compare import Compared, Draws, Follower, GroupTraffic, Slots
from stillwatch.stats.arrays import Floats
from stillwatch.stats.evalues import LN10, bounded_log_e, mean_log_e
from stillwatch.stats.intervals import Interval, of_share

ProbeVerdict = Literal["one_hand", "no_movement", "undecided"]
ComparisonBasis = Literal["coin", "times", "natural"]
ALPHA = 0.01  # level of the verdict: chosen
# share of refused requests that pairs of accounts in an honest group may move; chosen, docs/methods/probe.md
TOLERATED = 0.1
LEAST_SHARE = 0.25  # share of moved work below which the verdict is that none moves; chosen
WITHIN_S = 900.0  # seconds after a slot in which others' work is examined; chosen

# What holds of the level of the verdict, by what is compared.
GUARANTEE: dict[ComparisonBasis, str] = {
    "coin": "exact: who was refused was drawn by a coin, so the level holds whatever the traffic is",
    "times": (
        "weaker: moments with refusals are compared with other times of the log, which nobody drew; the "
        "level holds if the moments had "
        "nothing to do with what the other accounts did anyway"
    ),
    "natural": (
        "weaker: nobody drew who was refused; the level holds if the failure had nothing to do with what the "
        "other accounts did anyway"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """What the probe cost the group.

    `refusals`: slots to be refused; `met`: those with a request; `accounts`: accounts to be refused;
    `most_of_one_account`: most refusals of one account; `errors`: requests answered with an error within
    the window after a refused slot; `requests`: all requests of the group.
    """

    refusals: int
    met: int
    accounts: int
    most_of_one_account: int
    errors: int
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """Result of a probe.

    * `log10_e` and `p_value` are against the null of at most `tolerated` moved work; `pair_log10_e` and
      `pair_p_value` against none at all, which one user with two keys suffices to reject. `p_value` is valid
      where the number of trials was fixed beforehand, the e-value always.
    * `displaced` is the share of refused requests whose work others took up, with its interval at 95 %, None
      without comparisons; `measure` says how it was counted: `same_request` (the same content came at another
      account) or `at_least` (from how often the refused slot had the highest score; a lower bound, since
      unrelated work can hide a move).
    * `settled_after` counts the refusals at which the e-value first reached 1 / alpha, None where it did not.
    """

    verdict: ProbeVerdict
    basis: ComparisonBasis
    log10_e: float
    p_value: float
    pair_log10_e: float
    pair_p_value: float
    trials: int
    refusals: int
    comparisons: int
    hits: int
    hits_by_chance: float
    displaced: Interval | None
    measure: Literal["same_request", "at_least", "none"]
    settled_after: int | None
    harm: Harm
    alpha: float
    tolerated: float
    warnings: tuple[str, ...]

    @property
    def guarantee(self) -> str:
        """What the level of the verdict rests on, as a sentence."""
        return GUARANTEE[self.basis]


def judge(
    slots: Slots,
    traffic: GroupTraffic,
    *,
    within_s: float = WITHIN_S,
    hold_s: float | None = None,
    alpha: float = ALPHA,
    tolerated: float = TOLERATED,
    natural: bool = False,
    name: str = "stillwatch",
) -> ProbeResult:
    """Judge trials against a log.

    Args:
        slots: refused and spared slots of all trials.
        traffic: requests of the group.
        within_s: seconds after a slot in which others' work is examined.
        hold_s: seconds to wait for a slot's request; None to estimate them.
        alpha: level of the verdict.
        tolerated: share of moved work under the null.
        natural: whether an outage, and not a coin, decided who was refused.
        name: name that determines how ties are broken.
    """
    follower, draws = Follower(traffic, within_s, hold_s), Draws(name)
    in_log = compare.refusals_in_log(slots, follower)
    drawn = compare.requests(slots, follower, draws, in_log=in_log is not False)
    whole = compare.moments(slots, follower, draws) if not natural else Compared()
    basis: ComparisonBasis = "natural" if natural else "coin"
    parts = [one for one in (drawn, whole) if len(one)]
    if natural or not parts:
        placed = compare.other_times(slots, follower, draws, in_log=in_log is True)
        basis = "natural" if natural else "times"
        parts = [one for one in (*parts, placed) if len(one)]
    log_e = [bounded_log_e(np.array(one.hit), compare.bounds(one.spared, tolerated)) for one in parts]
    pair = [bounded_log_e(np.array(one.hit), compare.bounds(one.spared, 0.0)) for one in parts]
    p_values = [tail(one, tolerated) for one in parts]
    pair_p = [tail(one, 0.0) for one in parts]
    main = parts[int(np.argmax(log_e))] if parts else Compared()
    displaced, measure = _displaced(main)
    total = mean_log_e(np.array(log_e)) if parts else 0.0
    refusals = int(slots.failed.sum())
    verdict: ProbeVerdict = "undecided"
    if total >= -np.log(alpha):
        verdict = "one_hand"
    elif (
        measure == "same_request"
        and basis == "coin"
        and displaced is not None
        and displaced.high < LEAST_SHARE
    ):
        verdict = "no_movement"
    return ProbeResult(
        verdict=verdict,
        basis=basis,
        log10_e=total / LN10,
        p_value=_least(p_values),
        pair_log10_e=(mean_log_e(np.array(pair)) if parts else 0.0) / LN10,
        pair_p_value=_least(pair_p),
        trials=len(np.unique(slots.trial)),
        refusals=refusals,
        comparisons=len(main),
        hits=sum(main.hit),
        hits_by_chance=float(compare.bounds(main.spared, 0.0).sum()),
        displaced=displaced,
        measure=measure,
        settled_after=_settled(parts, slots, tolerated, alpha),
        harm=harm(slots, follower),
        alpha=alpha,
        tolerated=tolerated,
        warnings=_warnings(drawn, slots, in_log=in_log, basis=basis, compared=bool(parts)),
    )


def _least(p_values: list[float]) -> float:
    """The least of several p-values, multiplied by their number (Bonferroni); 1 without any."""
    return min(1.0, len(p_values) * min(p_values)) if p_values else 1.0


def tail(compared: Compared, tolerated: float) -> float:
    """p-value of the number of hits: the tail of a sum of independent trials with the largest probabilities
    that the null allows.
    """
    chance = np.ones(1)
    for bound in compare.bounds(compared.spared, tolerated):
        chance = np.convolve(chance, [1 - bound, bound])
    return float(min(1.0, chance[sum(compared.hit) :].sum())) if len(compared) else 1.0


def _displaced(compared: Compared) -> tuple[Interval | None, Literal["same_request", "at_least", "none"]]:
    """Share of refused work that moved to other accounts, with a 95 % interval, and how it was measured."""
    if not len(compared):
        return None, "none"
    known = ~np.isnan(np.array(compared.again))
    if known.mean() >= 0.5:
        again, spared = np.array(compared.again)[known], np.array(compared.again_spared)[known]
        number = np.array(compared.spared)[known]
        first = of_share(int(again.sum()), len(again))
        other = of_share(round(float((spared * number).sum())), int(number.sum()))
        assert first is not None
        assert other is not None
        return beyond(first, other), "same_request"
    chance = float(compare.bounds(compared.spared, 0.0).mean())
    won = of_share(sum(compared.hit), len(compared))
    assert won is not None
    low, value, high = (max(0.0, (x - chance) / (1 - chance)) for x in (won.low, won.value, won.high))
    return Interval(value=value, low=low, high=high, number=len(compared)), "at_least"


def beyond(one: Interval, other: Interval) -> Interval:
    """The share d with `one` = `other` + d (1 - `other`), with a 95 % interval: the excess of `one` over
    what happens anyway.

    The interval is that of the difference of two shares (Newcombe 1998, method 10, of exact intervals),
    divided by 1 - `other`.
    """
    room = max(1.0 - other.value, 1e-9)
    below = float(np.hypot(one.value - one.low, other.high - other.value))
    above = float(np.hypot(one.high - one.value, other.value - other.low))
    difference = one.value - other.value
    low, value, high = (
        min(1.0, max(0.0, x / room)) for x in (difference - below, difference, difference + above)
    )
    return Interval(value=value, low=low, high=high, number=one.number)


def _settled(parts: list[Compared], slots: Slots, tolerated: float, alpha: float) -> int | None:
    """Number of refusals up to the first trial after which the e-value reached 1 / alpha; None where it
    never did.
    """
    if not parts:
        return None
    for end in sorted({trial for one in parts for trial in one.trial}):
        if _at(parts, end, tolerated) >= -np.log(alpha):
            return int(slots.failed[slots.trial <= end].sum())
    return None


def _at(parts: list[Compared], trial: int, tolerated: float) -> float:
    """Natural log of the mean e-value of the comparisons, up to a trial."""
    logs: list[float] = []
    for one in parts:
        number = int(np.searchsorted(np.array(one.trial), trial, side="right"))
        bound: Floats = compare.bounds(one.spared[:number], tolerated)
        logs.append(bounded_log_e(np.array(one.hit[:number], dtype=bool), bound))
    return mean_log_e(np.array(logs))


def harm(slots: Slots, follower: Follower) -> Harm:
    """The cost of the trials for the group's accounts."""
    each = Counter(slots.account[slots.failed].tolist())
    accounts, at = slots.account[slots.failed], slots.at[slots.failed]
    ends = compare.ends_of(slots)[slots.failed]
    met = follower.requests(accounts, at, np.minimum(at + follower.hold(()), ends)) >= 0
    after = np.unique(follower.own_requests(accounts, at, np.minimum(at + follower.within, ends)))
    return Harm(
        refusals=int(slots.failed.sum()),
        met=int(met.sum()),
        accounts=len(each),
        most_of_one_account=max(each.values(), default=0),
        errors=int(follower.are_refused(after).sum()),
        requests=len(follower.traffic.at),
    )


def _warnings(
    drawn: Compared, slots: Slots, *, in_log: bool | None, basis: ComparisonBasis, compared: bool
) -> tuple[str, ...]:
    """What limits the verdict, as sentences."""
    out = []
    if not slots.failed.any():
        out.append("nobody was refused in any trial")
    if not compared:
        out.append(
            "no refused request could be compared: a trial needs refused and spared accounts with requests "
            "in the log"
        )
    if in_log is False:
        out.append(
            "refused requests are not in the log, so that what was asked in them is not known; log them with "
            "their status"
        )
    if in_log is None and compared and basis == "coin":
        out.append(
            "the log has no status: the first request after each moment is taken for the one that was "
            "refused or spared"
        )
    if basis == "times":
        out.append(
            "no spared slot could be compared; spare whole moments by the coin, or log refused requests, for "
            "an exact test"
        )
    if drawn.cut_off:
        out.append(
            f"{drawn.cut_off:,} slots were left out: the next trial began before anything could follow them"
        )
    return tuple(out)
