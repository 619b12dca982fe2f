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

from stillwatch.stats.arrays import Bools, Floats, Ints

SECOND = 1_000_000  # microseconds; `HOUR` and `DAY` too
# Microseconds.
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
class GroupTraffic:
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

    def take(self, rows: Ints | Bools) -> Slots:
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
        seed = "|".join([self.name, *map(str, parts)]).encode()
        return int.from_bytes(hashlib.sha256(seed).digest()[:7], "big") / (1 << 56)

    def order(self, number: int, *parts: object) -> Ints:
        """A permutation of 0 to `number` - 1, determined by the name and `parts`."""
        seed = int.from_bytes(
            hashlib.sha256("|".join([self.name, *map(str, parts)]).encode()).digest()[:8], "big"
        )
        return np.random.default_rng(seed).permutation(number).astype(np.int64)


class Follower:
    """Others' work after slots: the slots' scores, and whether their requests came again.

    Arguments in the plural are arrays with one entry for each slot.
    """

    def __init__(self, traffic: GroupTraffic, within_s: float, hold_s: float | None = None) -> None:
        self.traffic = traffic
        self.within = int(within_s * SECOND)
        self.known_hold = None if hold_s is None else int(hold_s * SECOND)
        self.norm = float(np.log1p(within_s))
        self.accounts = len(traffic.organization)
        self.start = int(traffic.at[0]) if len(traffic.at) else 0
        self._stride = len(traffic.at) + 1
        self._by_account = np.argsort(traffic.account, kind="stable")
        # The key of a request: its account, then its position in time.
        self._keys = traffic.account[self._by_account] * self._stride + self._by_account
        known = np.flatnonzero(traffic.work >= 0)
        self._by_work = known[np.argsort(traffic.work[known], kind="stable")]
        self._works = traffic.work[self._by_work]

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

    def are_refused(self, requests: Ints) -> Bools:
        """Whether the requests at these positions have an error status; false for position -1."""
        out = requests >= 0
        out[out] = self.traffic.status[requests[out]] >= FIRST_ERROR
        return out

    def requests(self, accounts: Ints, starts: Ints, ends: Ints) -> Ints:
        """Position of each account's first request in [start, end), or -1."""
        lows, highs = self._from(accounts, starts), self._from(accounts, ends)
        out = np.full(len(accounts), -1, dtype=np.int64)
        out[lows < highs] = self._by_account[lows[lows < highs]]
        return out

    def own_requests(self, accounts: Ints, starts: Ints, ends: Ints) -> Ints:
        """Positions of the accounts' requests in [start, end), one after another."""
        places, _slot = _ranges(self._from(accounts, starts), self._from(accounts, ends))
        return self._by_account[places]

    def _from(self, accounts: Ints, times: Ints) -> Ints:
        """Place in `_by_account` of each account's first request at or after a time."""
        return np.searchsorted(
            self._keys, accounts * self._stride + np.searchsorted(self.traffic.at, times)
        ).astype(np.int64)

    def rate(self, others: Bools, end: int) -> float:
        """Others' requests per second before `end`, over at most thirteen windows."""
        start = max(self.start, end - 13 * self.within)
        low, high = np.searchsorted(self.traffic.at, [start, end])
        count = int(others[self.traffic.account[low:high]].sum())
        return (count + 1.0) / max((end - start) / SECOND, 1.0)

    def windows(self, others: Bools, starts: Ints, ends: Ints, rates: Floats | float) -> Floats:
        """Scores of whole moments: others' requests in (start, end) over the number expected; 0 where the
        window has no length.

        What was refused in a moment comes over the whole window.
        """
        rows, slot = _ranges(*np.searchsorted(self.traffic.at, [starts + 1, ends]))
        count = np.bincount(slot[others[self.traffic.account[rows]]], minlength=len(starts))
        expected = rates * np.maximum(ends - starts, 1) / SECOND
        return np.asarray(count / expected)

    def scores(
        self, others: Bools, requests: Ints, accounts: Ints, starts: Ints, ends: Ints, rate: float
    ) -> tuple[Floats, Floats]:
        """Scores of slots from others' work before `ends`, and whether their requests came again (0 or 1,
        NaN where unknown).

        The score is the sum of density(lag) / rate over others' requests: up to a constant, the likelihood
        ratio of one further request at that lag in a Poisson stream. The density is that of a lag spread
        evenly on a logarithmic scale from a second to the window's end: 1 / (lag + 1 s). For a slot with a
        known request, requests with the same content also count against the rate of that content.
        """
        traffic, slots = self.traffic, len(starts)
        rows, slot = _ranges(*np.searchsorted(traffic.at, [starts + 1, ends]))
        own = traffic.organization[accounts]
        keep = others[traffic.account[rows]]
        keep &= (own[slot] < 0) | (traffic.organization[traffic.account[rows]] != own[slot])
        rows, slot = rows[keep], slot[keep]
        density = 1.0 / (((traffic.at[rows] - starts[slot]) / SECOND + 1.0) * self.norm)
        scores = np.bincount(slot, density, minlength=slots) / rate
        work = np.full(slots, -1, dtype=np.int64)
        work[requests >= 0] = traffic.work[requests[requests >= 0]]
        known = work >= 0
        again = np.full(slots, np.nan)
        if known.any():
            again[known] = self._came_again(work[known], accounts[known], starts[known], ends[known])
            same = known[slot] & (traffic.work[rows] == work[slot])
            of_work = np.bincount(slot[same], density[same], minlength=slots)
            hit = of_work > 0
            scores[hit] += of_work[hit] / self._rates_of(work[hit], others, ends[hit])
        return scores, again

    def _with_work(self, works: Ints) -> tuple[Ints, Ints]:
        """Positions of the requests with each content, and the number of the slot that each belongs to."""
        places, slot = _ranges(*(np.searchsorted(self._works, works + step) for step in (0, 1)))
        return self._by_work[places], slot

    def _rates_of(self, works: Ints, others: Bools, ends: Ints) -> Floats:
        """Others' requests per second with each content, before `ends`."""
        rows, slot = self._with_work(works)
        counted = (self.traffic.at[rows] < ends[slot]) & others[self.traffic.account[rows]]
        count = np.bincount(slot[counted], minlength=len(works))
        return np.asarray((count + 1.0) / np.maximum((ends - self.start) / SECOND, 1.0))

    def _came_again(self, works: Ints, accounts: Ints, starts: Ints, ends: Ints) -> Floats:
        """Whether a request with each content came in (start, end) from an account other than the slot's own
        and those of its organization.
        """
        rows, slot = self._with_work(works)
        at, senders = self.traffic.at[rows], self.traffic.account[rows]
        own = self.traffic.organization[accounts]
        strange = (own[slot] < 0) | (self.traffic.organization[senders] != own[slot])
        again = (at > starts[slot]) & (at < ends[slot]) & (senders != accounts[slot]) & strange
        return (np.bincount(slot[again], minlength=len(works)) > 0).astype(float)


def _ranges(lows: Ints, highs: Ints) -> tuple[Ints, Ints]:
    """The integers of each range [low, high), one range after another, and the number of each one's range."""
    lengths = np.maximum(highs - lows, 0)
    number = np.repeat(np.arange(len(lengths)), lengths)
    begins = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) - begins[number] + lows[number], number


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


def ends_of(slots: Slots) -> Ints:
    """For each slot, the time at which the next trial begins."""
    out = np.empty(len(slots), dtype=np.int64)
    for rows, following in in_order(slots):
        out[rows] = following
    return out


def refusals_in_log(slots: Slots, follower: Follower) -> bool | None:
    """Whether refused requests are in the log with their status; None where no status is known."""
    at, ends = slots.at[slots.failed], ends_of(slots)[slots.failed]
    first = follower.requests(slots.account[slots.failed], at, np.minimum(at + follower.hold(()), ends))
    first = first[first >= 0]
    if not (follower.traffic.status[first] >= 0).any():
        return None
    return float(np.mean(follower.are_refused(first))) >= MIN_REFUSED_SEEN


def requests(slots: Slots, follower: Follower, draws: Draws, *, in_log: bool) -> Compared:
    """Compare refused requests with spared ones of the same trial.

    Where refusals are not in the log (`in_log` false), a slot is defined by its time alone.
    """
    out = Compared()
    delays: list[int] = []
    for rows, following in in_order(slots):
        hold = follower.hold(delays)  # of earlier trials: nothing of this one decides which slots count
        if follower.known_hold is None:
            delays += _delays(slots, rows, following, follower).tolist()
        trial = int(slots.trial[rows[0]])
        refused_accounts = np.unique(slots.account[rows[slots.failed[rows]]])
        if len(refused_accounts) in (0, len(np.unique(slots.account[rows]))):
            continue
        others, compared = _others(slots, rows, refused_accounts, follower.accounts, draws)
        accounts, began = slots.account[compared], slots.at[compared]
        positions = np.full(len(compared), -1, dtype=np.int64)
        if in_log:
            positions = follower.requests(accounts, began, np.minimum(began + hold, following))
            met = positions >= 0
            out.without_request += int((~met).sum())
            compared, positions, accounts = compared[met], positions[met], accounts[met]
            began = follower.traffic.at[positions]
        until = np.minimum(began + follower.within, following)
        long = until - began >= SECOND
        out.cut_off += int((~long).sum())
        compared, positions, accounts = compared[long], positions[long], accounts[long]
        began, until = began[long], until[long]
        if not len(compared) or (not in_log and (began == began[0]).all()):
            continue
        rate = follower.rate(others, int(until.max()))
        scored = follower.scores(others, positions, accounts, began, until, rate)
        _rank(out, trial, *scored, slots.failed[compared], draws)
    return out


def _delays(slots: Slots, rows: Ints, following: int, follower: Follower) -> Ints:
    """Delays between refused slots and the requests refused in them, in microseconds."""
    failed = rows[slots.failed[rows]]
    at = slots.at[failed]
    found = follower.requests(slots.account[failed], at, np.minimum(at + DAY, following))
    refused = follower.are_refused(found)
    return follower.traffic.at[found[refused]] - at[refused]


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


def _rank(out: Compared, trial: int, scores: Floats, again: Floats, failed: Bools, draws: Draws) -> None:
    """Assign the spared slots to the refused ones, each to one, and compare their scores."""
    refused, spared = np.flatnonzero(failed), np.flatnonzero(~failed)
    if not len(refused) or not len(spared):
        return
    refused = refused[draws.order(len(refused), "refused", trial)][: len(spared)]
    spared = spared[draws.order(len(spared), "spared", trial)]
    each = min(len(spared) // len(refused), MAX_SPARED)
    for number, one in enumerate(refused.tolist()):
        mine = spared[number * each : (number + 1) * each]
        hit = bool((scores[one] > scores[mine]).all())
        if not hit and scores[one] == scores[mine].max():
            ties = [draws.of("tie", trial, number, place) for place in range(each + 1)]
            equal = np.flatnonzero(scores[mine] == scores[one])
            hit = ties[0] > max(ties[place + 1] for place in equal.tolist())
        out.add(trial, hit, float(again[one]), again[mine], each)


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
        starts = np.array([int(slots.at[rows].min()) for rows, _ in block])
        ends = np.minimum(starts + follower.within, [following for _, following in block])
        rates = np.array([follower.rate(others, end) for end in ends.tolist()])
        scores = follower.windows(others, starts, ends, rates)
        _rank(out, int(slots.trial[block[-1][0][0]]), scores, np.full(len(block), np.nan), failed, draws)
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
        if not len(hit_rows) or (in_log and not len(_delays(slots, hit_rows, following, follower))):
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
        starts = np.array([at, *times])
        scores = follower.windows(others, starts, starts + width, rate)
        failed = np.r_[True, np.zeros(len(times), dtype=np.bool_)]
        _rank(out, int(slots.trial[rows[0]]), scores, np.full(len(starts), np.nan), failed, draws)
    return out


def bounds(spared: Sequence[int], tolerated: float) -> Floats:
    """Largest probability of each comparison's hit, given the past, if at most a share `tolerated` of
    refused requests moves to other accounts.
    """
    by_chance = 1.0 / (1.0 + np.asarray(spared, dtype=float))
    return np.asarray(tolerated + (1 - tolerated) * by_chance)
