"""Ordinary traffic: times, conversations and kinds of words of an account's exchanges."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.simulate.population import (
    DAY,
    EVENING,
    HOUR,
    HOURS_CUMULATED,
    NEW_MODEL,
    NIGHTLY,
    SECOND,
    Population,
)
from stillwatch.simulate.prompts import mix
from stillwatch.stats.arrays import Bools, Floats, Ints, Uints

OPENING, FOLLOW_UP, EDIT, TRANSCRIPT, HARVEST = range(5)  # kinds of words of an exchange


@dataclass(slots=True, kw_only=True)
class TrafficRows:
    """Exchanges without their words: columns of one length; `account` is a position in a population.

    `at` is in microseconds since 1970. Conversation 0 is none; campaign -1 is ordinary traffic; `want` is
    the number of a template's root rule, or -1.
    """

    account: Ints
    at: Ints
    conversation: Uints
    turn: Ints
    words: Ints
    root: Ints
    key: Uints
    opening: Uints
    want: Ints
    want_key: Uints
    place: Ints
    model: Ints
    shape: Ints
    tools: Ints
    campaign: Ints

    def __len__(self) -> int:
        return len(self.account)

    def take(self, rows: npt.NDArray[Any]) -> TrafficRows:
        """The exchanges at these positions or under this mask."""
        return TrafficRows(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def concatenate(parts: list[TrafficRows]) -> TrafficRows:
    """All exchanges of all parts, in order."""
    return TrafficRows(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(TrafficRows)}
    )


@dataclass(slots=True)
class Counter:
    """Produces keys that are unique in this world."""

    salt: int
    used: int = 0

    def keys(self, n: int) -> Uints:
        """`n` keys of texts that no exchange had before, shape (n,)."""
        numbers = np.arange(self.used, self.used + n, dtype=np.uint64)
        self.used += n
        return mix(numbers, self.salt)


def within_group(groups: Ints) -> Ints:
    """Position of every row in its run of equal, adjacent group numbers."""
    n = len(groups)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    begins = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    return np.arange(n) - np.repeat(begins, np.diff(np.r_[begins, n]))


def moment(rng: np.random.Generator, profile: Ints, zone: Floats, cron: Floats) -> Ints:
    """Session starts drawn from daily profiles, in microseconds after UTC midnight, shape (n,).

    Args:
        rng: random generator.
        profile: number of each session's profile, shape (n,).
        zone: hours from UTC, shape (n,).
        cron: UTC hour of nightly jobs, shape (n,).
    """
    u = rng.random(len(profile))
    hour = np.empty(len(profile), dtype=np.float64)
    for kind in range(len(HOURS_CUMULATED)):
        rows = profile == kind
        hour[rows] = np.searchsorted(HOURS_CUMULATED[kind], u[rows])
    hour += rng.random(len(profile))
    nightly = profile == NIGHTLY
    hour[nightly] = (cron + zone)[nightly] + rng.exponential(0.25, int(nightly.sum()))
    return ((hour - zone) % 24 * HOUR).astype(np.int64)


def sit_down(
    rng: np.random.Generator, people: Population, counts: Ints, day: int
) -> tuple[Ints, Ints, Ints, Ints]:
    """Spread each account's number of exchanges over sessions of the day.

    `counts` has one entry per account; `day` is UTC midnight in microseconds since 1970. Returns account,
    time (microseconds since 1970), conversation number and turn of every exchange; conversations never span
    accounts.
    """
    account = np.repeat(np.arange(len(people)), counts)
    if not len(account):
        return account, account, account, account
    sessions = np.maximum(1, np.round(counts / people.session)).astype(np.int64)
    sessions[counts == 0] = 0
    base = np.cumsum(sessions) - sessions
    session = np.sort(base[account] + (rng.random(len(account)) * sessions[account]).astype(np.int64))
    owner = np.repeat(np.arange(len(people)), sessions)
    account = owner[session]
    start = moment(rng, people.profile[owner], people.zone[owner], people.cron[owner])
    gap = rng.exponential(people.gap[account]) * SECOND
    first = np.r_[True, session[1:] != session[:-1]]
    gap[first] = 0
    walked = np.cumsum(gap)
    begins = np.flatnonzero(first)
    lengths = np.diff(np.r_[begins, len(session)])
    offset = walked - np.repeat(walked[begins], lengths)
    ends = start[session[begins]] + offset[begins + lengths - 1]
    late = np.maximum(0, ends - (DAY - SECOND))
    shifted = start[session] - np.repeat(late, lengths)
    at = day + np.maximum(0, shifted + offset).astype(np.int64)
    opens = first | (rng.random(len(session)) > people.follow[account])
    conversation = np.cumsum(opens)
    return account, at, conversation, within_group(conversation)


def day_counts(rng: np.random.Generator, people: Population, day: int) -> Ints:
    """Number of exchanges of each account on the day that starts at `day` (microseconds since 1970)."""
    weekday = (day // DAY + 3) % 7
    present = (people.first < day + DAY) & (people.last > day) & (rng.random(len(people)) < people.activity)
    mean = people.rate / people.activity * (people.weekend if weekday >= 5 else 1.0)
    mean = mean * np.exp(people.spread * rng.standard_normal(len(people)) - people.spread**2 / 2)
    return np.where(present, rng.poisson(np.minimum(mean, 100_000)), 0).astype(np.int64)


def zipf(rng: np.random.Generator, n: int, bound: int = 3000) -> Ints:
    """`n` random ranks below `bound` with weights 1 / (rank + 3): popular questions."""
    weight = np.cumsum(1 / (np.arange(bound) + 3.0))
    return np.searchsorted(weight / weight[-1], rng.random(n)).astype(np.int64)


def ordinary(
    rng: np.random.Generator, people: Population, day: int, counter: Counter, salt: int
) -> TrafficRows:
    """The exchanges of honest accounts, and the cover traffic of others, on one day (microseconds since
    1970).
    """
    account, at, conversation, turn = sit_down(rng, people, day_counts(rng, people, day), day)
    n = len(account)
    opens = turn == 0
    root = people.root[account]
    key = counter.keys(n)
    popular = rng.random(n) < people.popular[account]
    key = np.where(popular, mix((zipf(rng, n) + root * 100_000).astype(np.uint64), salt), key)
    pool = people.pool[account]
    item = people.shared_key[account] + (rng.random(n) * pool).astype(np.int64)
    key = np.where(pool > 0, mix(item.astype(np.uint64), salt + 1), key)
    opening = key[opens][conversation - 1] if n else key
    words = np.where(opens, OPENING, FOLLOW_UP)
    u = rng.random(n)
    words[(~opens) & (u < 0.12)] = EDIT
    flat = mix(account.astype(np.uint64), salt + 2) % np.uint64(25) == 0
    words[(~opens) & (u >= 0.12) & flat] = TRANSCRIPT
    model = people.model[account]
    model = np.where((at >= people.adopts[account]) & (rng.random(n) < 0.7), NEW_MODEL, model)
    name = mix(opening ^ mix(at[opens][conversation - 1].astype(np.uint64)), 21) if n else key
    rows = TrafficRows(
        account=account,
        at=at,
        conversation=np.where(people.follow[account] > 0, name, np.uint64(0)),
        turn=turn,
        words=words,
        root=root,
        key=key,
        opening=opening,
        want=np.full(n, -1, dtype=np.int64),
        want_key=np.zeros(n, dtype=np.uint64),
        place=people.place[account],
        model=model,
        shape=people.shape[account],
        tools=people.tools[account],
        campaign=np.full(n, -1, dtype=np.int64),
    )
    return rows.take((at >= people.first[account]) & (at < people.last[account]))


def evenings(rng: np.random.Generator, n: int, zone: float) -> Ints:
    """`n` times of people in one time zone (hours from UTC), in microseconds after UTC midnight."""
    return moment(rng, np.full(n, EVENING), np.full(n, zone), np.zeros(n))


def awake(at: Ints, silences: list[tuple[int, int]]) -> Bools:
    """Mask of the times outside all silences [start, end)."""
    keep = np.ones(len(at), dtype=np.bool_)
    for start, end in silences:
        keep &= (at < start) | (at >= end)
    return keep
