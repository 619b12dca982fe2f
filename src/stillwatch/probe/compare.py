"""Comparison of refused with spared requests by what followed each at other accounts.

A *slot* is a time of one account at which its next request was refused or spared. The work of *others* is
that of accounts that were refused nothing in the trial. Rules on which the exactness of the probe rests:

1. A slot's request is the account's first one at or after the slot's time. It is made before the account can
   know of its own refusal.
2. Others are chosen before their work is examined: accounts outside the trial or, where these are few, a
   random half of the spared accounts, whose own slots are then left out.
3. What follows a slot ends after `within_s`, or where the next trial begins. Nothing later is used.
4. A slot's score is a function of others' work and of the request itself. If no account's work depends on
   what another was refused, scores are what they would have been under any other outcome of the coin, and a
   refused slot ranks among spared ones at random.
5. Accounts of one declared organization are not others to each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SECOND = 1_000_000  # microseconds; `HOUR` and `DAY` too
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
MAX_SPARED = 19  # most spared slots that one refused slot is compared with; chosen, chance 1 in 20
MIN_OTHERS = 3  # least accounts outside the trial for these to be the others; chosen
# least share of refused slots whose request has an error status, for refusals to be in the log; chosen
MIN_REFUSED_SEEN = 0.2
FEWEST_DELAYS = 3  # least earlier refusals from which the waiting time is estimated; chosen
FIRST_ERROR = 400  # least HTTP status of a refused request
# successive trials that are compared where whole trials were spared; the least number, so that many accounts
# stay unrefused
SHAM_BLOCK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Requests of a group's accounts in time order, as columns of one length.

    * `at`: microseconds since 1970. `account`: position in `organization`.
    * `work`: number of the request's content, equal for equal content, -1 where unknown.
    * `status`: HTTP status, -1 where unknown.
    * `organization`: of each account, a number that accounts of one declared organization share, -1 for none.
    """

    at: Ints
    account: Ints
    work: Ints
    status: Ints
    organization: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Times of accounts at which a request was refused (`failed`) or spared, in the order of trials.

    `trial` is numbered from 0 in time order; `at` is in microseconds since 1970.
    """

    trial: Ints
    at: Ints
    account: Ints
    failed: Bools

    def __len__(self) -> int:
        return len(self.at)

    def take(self, rows: npt.NDArray[np.int64] | Bools) -> Slots:
        """The slots at these positions or under this mask."""
        return Slots(
            trial=self.trial[rows], at=self.at[rows], account=self.account[rows], failed=self.failed[rows]
        )


@dataclass(slots=True, kw_only=True)
class Compared:
    """Comparisons in time order, as columns of one length, and counts of slots left out.

    * `trial`: number of the trial. `spared`: number of slots that the refused one was compared with.
    * `hit`: whether the refused slot had the highest score; ties are broken at random.
    * `again`, `again_spared`: whether the same request came at another account: of the refused slot, and the
      share of its spared ones; NaN where requests have no content to compare.
    * `without_request`: slots without a request. `cut_off`: slots followed too soon by the next trial.
    """

    trial: list[int] = field(default_factory=list)
    spared: list[int] = field(default_factory=list)
    hit: list[bool] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    again_spared: list[float] = field(default_factory=list)
    without_request: int = 0
    cut_off: int = 0

    def __len__(self) -> int:
        return len(self.trial)

    def add(self, trial: int, hit: bool, again: float, again_spared: Floats | None, spared: int) -> None:
        """Append one comparison."""
        self.trial.append(trial)
        self.hit.append(hit)
        self.spared.append(spared)
        self.again.append(again)
        self.again_spared.append(
            float(np.mean(again_spared)) if again_spared is not None and len(again_spared) else np.nan
        )


@dataclass(frozen=True, slots=True)
class Draws:
    """Pseudo-random draws that depend only on names, so that anyone can repeat them."""

    name: str

    def of(self, *parts: object) -> float:
        """A number in [0, 1), determined by the name and `parts`."""
        told = "|".join([self.name, *map(str, parts)]).encode()
        return int.from_bytes(hashlib.sha256(told).digest()[:7], "big") / (1 << 56)

    def order(self, number: int, *parts: object) -> Ints:
        """A permutation of 0 to `number` - 1, determined by the name and `parts`."""
        seed = int.from_bytes(
            hashlib.sha256("|".join([self.name, *map(str, parts)]).encode()).digest()[:8], "big"
        )
        return np.random.default_rng(seed).permutation(number).astype(np.int64)


class Follower:
    """Others' work after a slot: the slot's score, and whether its request came again."""

    def __init__(self, traffic: Traffic, within_s: float, hold_s: float | None = None) -> None:
        self.traffic = traffic
        self.within = int(within_s * SECOND)
        self.known_hold = None if hold_s is None else int(hold_s * SECOND)
        self.norm = float(np.log1p(within_s))
        self.accounts = len(traffic.organization)
        order = np.lexsort((traffic.at, traffic.account))
        self._by_account = order
        self._begins = np.searchsorted(traffic.account[order], np.arange(self.accounts + 1))
        self._account_at = traffic.at[order]
        known = np.flatnonzero(traffic.work >= 0)
        by_work = known[np.lexsort((traffic.at[known], traffic.work[known]))]
        self._by_work, self._works = by_work, traffic.work[by_work]
        self.start = int(traffic.at[0]) if len(traffic.at) else 0

    def hold(self, delays: Sequence[int]) -> int:
        """Time to wait for a slot's request, in microseconds.

        The given value or, without one, an estimate from `delays` of at least `FEWEST_DELAYS` earlier
        refusals, else the window.
        """
        if self.known_hold is not None:
            return self.known_hold
        if len(delays) < FEWEST_DELAYS:
            return self.within
        return int(1.2 * float(np.quantile(np.asarray(delays), 0.9))) + SECOND

    def is_refused(self, request: int) -> bool:
        """Whether the request at this position has an error status; false for position -1."""
        return request >= 0 and int(self.traffic.status[request]) >= FIRST_ERROR

    def request(self, account: int, at: int, end: int) -> int:
        """Position of the account's first request in [at, end), or -1."""
        low, high = self._begins[account], self._begins[account + 1]
        place = low + int(np.searchsorted(self._account_at[low:high], at))
        if place < high and self._account_at[place] < end:
            return int(self._by_account[place])
        return -1

    def work_of(self, others: Bools, start: int, end: int) -> tuple[Ints, Ints]:
        """Positions and times of others' requests in [start, end)."""
        low, high = np.searchsorted(self.traffic.at, [start, end])
        rows = np.arange(low, high)[others[self.traffic.account[low:high]]]
        return rows, self.traffic.at[rows]

    def rate(self, others: Bools, end: int) -> float:
        """Others' requests per second before `end`, over at most thirteen windows."""
        start = max(self.start, end - 13 * self.within)
        rows, _ = self.work_of(others, start, end)
        return (len(rows) + 1.0) / max((end - start) / SECOND, 1.0)

    def rate_of(self, work: int, others: Bools, end: int) -> float:
        """Others' requests per second with this content, before `end`."""
        low, high = np.searchsorted(self._works, [work, work + 1])
        rows = self._by_work[low:high]
        rows = rows[self.traffic.at[rows] < end]
        count = int(others[self.traffic.account[rows]].sum())
        return (count + 1.0) / max((end - self.start) / SECOND, 1.0)

    def score(
        self, others: Bools, slot: tuple[int, int, int], end: int, rate: float, *, by_content: bool
    ) -> tuple[float, float]:
        """Score of a slot (request, account, time) from others' work before `end`, and whether its request
        came again (0 or 1, NaN where unknown).

        The score is the sum of density(lag) / rate over others' requests: up to a constant, the likelihood
        ratio of one further request at that lag in a Poisson stream. The density is that of a lag spread
        evenly on a logarithmic scale from a second to the window's end: 1 / (lag + 1 s). With `by_content`,
        requests with the slot's own content also count against the rate of that content. A slot of no
        account (-1) is a whole moment: its score is the number of others' requests over the number
        expected.
        """
        request, account, at = slot
        rows, times = self.work_of(others, at + 1, end)
        if account >= 0 and (own := self.traffic.organization[account]) >= 0:
            keep = self.traffic.organization[self.traffic.account[rows]] != own
            rows, times = rows[keep], times[keep]
        lag = (times - at) / SECOND
        if not by_content and account < 0:  # a whole moment: what was refused comes over the whole window
            return len(rows) / (rate * (end - at) / SECOND), np.nan
        density = 1.0 / ((lag + 1.0) * self.norm)
        score = float(density.sum()) / rate
        work = int(self.traffic.work[request]) if request >= 0 and by_content else -1
        if work < 0:
            return score, np.nan
        again = float(self._came_again(work, account, at, end))
        same = self.traffic.work[rows] == work
        if not same.any():
            return score, again
        return score + float(density[same].sum()) / self.rate_of(work, others, end), again

    def _came_again(self, work: int, account: int, at: int, end: int) -> bool:
        """Whether a request with this content came in (at, end) from an account other than the slot's own
        and those of its organization.
        """
        low, high = np.searchsorted(self._works, [work, work + 1])
        rows = self._by_work[low:high]
        rows = rows[(self.traffic.at[rows] > at) & (self.traffic.at[rows] < end)]
        senders = self.traffic.account[rows]
        own = self.traffic.organization[account]
        strange = (own < 0) | (self.traffic.organization[senders] != own)
        return bool(((senders != account) & strange).any())


def in_order(slots: Slots) -> Iterator[tuple[Ints, int]]:
    """Yield the positions of each trial's slots, and the time at which the next trial begins."""
    if not len(slots):
        return
    edges = np.flatnonzero(np.r_[True, slots.trial[1:] != slots.trial[:-1]])
    ends = np.r_[edges[1:], len(slots)]
    never = np.iinfo(np.int64).max
    starts = [int(slots.at[low:high].min()) for low, high in zip(edges, ends, strict=True)]
    for number, (low, high) in enumerate(zip(edges, ends, strict=True)):
        following = starts[number + 1] if number + 1 < len(starts) else never
        yield np.arange(low, high), following


def refusals_in_log(slots: Slots, follower: Follower) -> bool | None:
    """Whether refused requests are in the log with their status; None where no status is known."""
    first: list[bool] = []
    known = False
    for rows, following in in_order(slots):
        for row in rows[slots.failed[rows]].tolist():
            at = int(slots.at[row])
            request = follower.request(int(slots.account[row]), at, min(at + follower.hold(()), following))
            known |= request >= 0 and int(follower.traffic.status[request]) >= 0
            if request >= 0:
                first.append(follower.is_refused(request))
    return float(np.mean(first)) >= MIN_REFUSED_SEEN if known else None


def requests(slots: Slots, follower: Follower, draws: Draws, *, in_log: bool) -> Compared:
    """Compare refused requests with spared ones of the same trial.

    Where refusals are not in the log (`in_log` false), a slot is defined by its time alone.
    """
    out = Compared()
    delays: list[int] = []
    for rows, following in in_order(slots):
        hold = follower.hold(delays)  # of earlier trials: nothing of this one decides which slots count
        delays += _delays(slots, rows, following, follower)
        trial = int(slots.trial[rows[0]])
        refused_accounts = np.unique(slots.account[rows[slots.failed[rows]]])
        if len(refused_accounts) in (0, len(np.unique(slots.account[rows]))):
            continue
        others, compared = _others(slots, rows, refused_accounts, follower.accounts, draws)
        found: list[tuple[int, tuple[int, int, int], int]] = []
        for row in compared:
            at, account = int(slots.at[row]), int(slots.account[row])
            request = follower.request(account, at, min(at + hold, following))
            if in_log and request < 0:
                out.without_request += 1
                continue
            began = int(follower.traffic.at[request]) if in_log else at
            until = min(began + follower.within, following)
            if until - began < SECOND:
                out.cut_off += 1
                continue
            found.append((int(row), (request if in_log else -1, account, began), until))
        if not found or (len({slot[2] for _, slot, _ in found}) == 1 and not in_log):
            continue
        rate = follower.rate(others, max(until for *_, until in found))
        scored = [follower.score(others, slot, until, rate, by_content=in_log) for _, slot, until in found]
        failed = slots.failed[np.array([row for row, *_ in found])]
        _rank(out, trial, np.array(scored), failed, draws)
    return out


def _delays(slots: Slots, rows: Ints, following: int, follower: Follower) -> list[int]:
    """Delays between refused slots and the requests refused in them, in microseconds."""
    out = []
    for row in rows[slots.failed[rows]].tolist():
        at = int(slots.at[row])
        request = follower.request(int(slots.account[row]), at, min(at + DAY, following))
        if follower.is_refused(request):
            out.append(int(follower.traffic.at[request]) - at)
    return out


def _others(slots: Slots, rows: Ints, refused: Ints, accounts: int, draws: Draws) -> tuple[Bools, Ints]:
    """Mask of the accounts whose work is examined, and the slots that are compared."""
    inside = np.unique(slots.account[rows])
    others = np.ones(accounts, dtype=np.bool_)
    others[inside] = False
    if others.sum() >= max(MIN_OTHERS, len(inside) / 2):
        return others, rows
    spared = np.setdiff1d(inside, refused)
    chosen = spared[draws.order(len(spared), "others", int(slots.trial[rows[0]]))[: len(spared) // 2]]
    others[chosen] = True
    return others, rows[~others[slots.account[rows]]]


def _rank(out: Compared, trial: int, scored: npt.NDArray[np.float64], failed: Bools, draws: Draws) -> None:
    """Assign the spared slots to the refused ones, each to one, and compare their scores."""
    refused, spared = np.flatnonzero(failed), np.flatnonzero(~failed)
    if not len(refused) or not len(spared):
        return
    refused = refused[draws.order(len(refused), "refused", trial)][: len(spared)]
    spared = spared[draws.order(len(spared), "spared", trial)]
    each = min(len(spared) // len(refused), MAX_SPARED)
    for number, one in enumerate(refused.tolist()):
        mine = spared[number * each : (number + 1) * each]
        ties = [draws.of("tie", trial, number, place) for place in range(each + 1)]
        keys = list(zip(scored[mine, 0].tolist(), ties[1:], strict=True))
        hit = (float(scored[one, 0]), ties[0]) > max(keys)
        out.add(trial, hit, float(scored[one, 1]), scored[mine, 1], each)


def moments(slots: Slots, follower: Follower, draws: Draws) -> Compared:
    """Compare trials with refusals with trials without any, over runs of `SHAM_BLOCK` trials.

    It needs trials in which nobody was refused, drawn by the same coin. Others are accounts that were
    refused nothing in the whole run.
    """
    out = Compared()
    trials = list(in_order(slots))
    for first in range(0, len(trials), SHAM_BLOCK):
        block = trials[first : first + SHAM_BLOCK]
        failed = np.array([slots.failed[rows].any() for rows, _ in block])
        if failed.all() or not failed.any():
            continue
        others = np.ones(follower.accounts, dtype=np.bool_)
        for rows, _ in block:
            others[slots.account[rows[slots.failed[rows]]]] = False
        if not others.any():
            continue
        scored = []
        for rows, following in block:
            at = int(slots.at[rows].min())
            until = min(at + follower.within, following)
            rate = follower.rate(others, until) if until > at else 1.0
            scored.append(follower.score(others, (-1, -1, at), until, rate, by_content=False))
        _rank(out, int(slots.trial[block[-1][0][0]]), np.array(scored), failed, draws)
    return out


def other_times(slots: Slots, follower: Follower, draws: Draws, *, in_log: bool) -> Compared:
    """Compare trials with refusals with the same clock time on other days, or the same minute of other
    hours.

    Where refusals are in the log, trials without a refused request are left out. These times were not
    drawn: the comparison is valid where the time of the trial was independent of the others' own activity.
    """
    out = Compared()
    if not len(follower.traffic.at):
        return out
    low, high = int(follower.traffic.at[0]), int(follower.traffic.at[-1])
    busy = np.unique(slots.at[slots.failed])
    steps = [sign * k * unit for unit in (DAY, HOUR) for k in range(1, 40) for sign in (-1, 1)]
    for rows, following in in_order(slots):
        hit_rows = rows[slots.failed[rows]]
        if not len(hit_rows) or (in_log and not _delays(slots, hit_rows, following, follower)):
            continue
        at = int(slots.at[hit_rows].min())
        width = min(follower.within, following - at)
        others = np.ones(follower.accounts, dtype=np.bool_)
        others[slots.account[hit_rows]] = False
        if width < SECOND or not others.any():
            out.cut_off += 1
            continue
        times = [at + step for step in steps if low <= at + step and at + step + width <= high]
        times = [t for t in times if not len(busy) or np.abs(busy - t).min() > width][:MAX_SPARED]
        if not times:
            out.cut_off += 1
            continue
        rate = follower.rate(others, at + width)
        scored = [
            follower.score(others, (-1, -1, t), t + width, rate, by_content=False) for t in [at, *times]
        ]
        failed = np.r_[True, np.zeros(len(times), dtype=np.bool_)]
        _rank(out, int(slots.trial[rows[0]]), np.array(scored), failed, draws)
    return out


def bounds(spared: Sequence[int], tolerated: float) -> Floats:
    """Largest probability of each comparison's hit, given the past, if at most a share `tolerated` of
    refused requests moves to other accounts.
    """
    by_chance = 1.0 / (1.0 + np.asarray(spared, dtype=float))
    return np.asarray(tolerated + (1 - tolerated) * by_chance)
