"""Time zone, working week and holidays of those who control a campaign, inferred from the times of control
acts.

A control act is something that a person or his program does to the pool of accounts: an account is brought
into use or taken out of it. Exchanges themselves are no control acts: they follow the scheduler and the end
users. Acts within one hour count once, since one decision may open fifty accounts.

Model: with probability `AT_WORK` an act falls, in local time, into a working day (each hour of the day by
`DAY`) and into a working week; else into any hour of any day. Zones of whole hours and half hours are tried
with equal prior probability, and three weeks. The rival is a program that acts at any hour. A zone is stated
only where people fit better than a program by `CLEAR`, and then as an interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from stillwatch.stats.intervals import of_share

AT_WORK = 0.8
"""Share of acts within working hours, if people act. Chosen; the rest may fall anywhere, so no single act
excludes a zone.
"""
FIRST_HOUR, LAST_HOUR, EDGE = 9.0, 18.0, 1.5
"""Working hours in local time, and the hours over which they fade."""
ZONES = np.arange(-24, 28) / 2.0
"""Hours from UTC, -12 to +13.5."""
WEEKS = {
    "Monday to Friday": (0, 1, 2, 3, 4),
    "Sunday to Thursday": (6, 0, 1, 2, 3),
    "every day": (0, 1, 2, 3, 4, 5, 6),
}
MIN_ACTS, MIN_DAYS = 20, 10
"""Hours with an act, and days from first to last, below which nothing is inferred. Chosen."""
MOST_ACTS = 30.0
"""Acts that the evidence is worth at most: acts of one campaign depend on each other. Chosen."""
CLEAR = 20.0
"""Likelihood ratio of people against a program from which a zone is stated."""
MASS = 0.9
"""Probability that the interval of the zone holds."""
EPOCH_WEEKDAY = 3
"""1 January 1970 was a Thursday, the fourth day of a week that begins with Monday as 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """What is inferred. `zone` is (likeliest, low, high) in hours from UTC, at 90 %; None where nothing is
    stated, with the `reason`.

    `log_zones` has the log likelihood of each of `ZONES`, averaged over weeks and tempered; `days` the
    working days and the days with an act.
    """

    acts: int
    reason: str
    zone: tuple[float, float, float] | None = None
    week: str | None = None
    week_probability: float = 0.0
    log10_people: float = 0.0
    log_zones: npt.NDArray[np.float64] | None = None
    active: frozenset[date] = frozenset()
    span: tuple[date, date] | None = None

    def holiday(self, days: Sequence[date]) -> tuple[int, int, float, float] | None:
        """Holidays within the span, those without an act, and the 95 % interval of the share without;
        None where there is none.
        """
        if self.zone is None or self.span is None:
            return None
        inside = [day for day in days if self.span[0] <= day <= self.span[1]]
        if not inside:
            return None
        quiet = sum(day not in self.active for day in inside)
        share = of_share(quiet, len(inside))
        return None if share is None else (len(inside), quiet, share.low, share.high)


def infer(acts: Sequence[datetime]) -> Calendar:
    """The calendar that these moments show."""
    hours = sorted({at.astimezone(UTC).replace(minute=0, second=0, microsecond=0) for at in acts})
    if len(hours) < MIN_ACTS:
        return Calendar(
            acts=len(hours), reason=f"{len(hours)} hours with a control act, and {MIN_ACTS} are needed"
        )
    days = (hours[-1] - hours[0]).total_seconds() / 86_400
    if days < MIN_DAYS:
        return Calendar(
            acts=len(hours), reason=f"control acts of {days:.0f} days, and {MIN_DAYS} days are needed"
        )
    temper = min(1.0, MOST_ACTS / len(hours))
    table = _log_likelihoods(hours) * temper
    zones = np.logaddexp.reduce(table, axis=1) - np.log(len(WEEKS))
    people = float(np.logaddexp.reduce(zones) - np.log(len(ZONES)))
    program = -temper * len(hours) * np.log(168.0)
    log10_people = (people - float(program)) / np.log(10)
    if log10_people < np.log10(CLEAR):
        reason = "control acts fall at all hours, as a program's do, so that they show no time zone"
        return Calendar(acts=len(hours), reason=reason, log10_people=log10_people, log_zones=zones)
    weights = np.exp(zones - np.logaddexp.reduce(zones))
    of_weeks = np.exp(np.logaddexp.reduce(table, axis=0) - np.logaddexp.reduce(table, axis=None))
    best = int(np.argmax(of_weeks))
    low, high = _shortest(weights)
    zone = float(ZONES[int(np.argmax(weights))])
    local = {(at + timedelta(hours=zone)).date() for at in hours}
    return Calendar(
        acts=len(hours),
        reason="",
        zone=(zone, low, high),
        week=list(WEEKS)[best] if of_weeks[best] >= MASS else None,
        week_probability=float(of_weeks[best]),
        log10_people=log10_people,
        log_zones=zones,
        active=frozenset(local),
        span=(min(local), max(local)),
    )


def log10_ratio(calendar: Calendar, zone: float, tolerance: float = 1.0) -> float:
    """Log10 likelihood ratio of a stated zone against one drawn at random, within `tolerance` hours of
    what is stated.
    """
    if calendar.zone is None or calendar.log_zones is None:
        return 0.0
    near = np.abs((ZONES - zone + 12) % 24 - 12) <= tolerance
    own = np.logaddexp.reduce(calendar.log_zones[near]) - np.log(near.sum())
    every = np.logaddexp.reduce(calendar.log_zones) - np.log(len(ZONES))
    return float((own - every) / np.log(10))


def _log_likelihoods(hours: Sequence[datetime]) -> npt.NDArray[np.float64]:
    """Log likelihood of the acts for each zone and each week."""
    local = (
        np.array([at.timestamp() / 3600 for at in hours])[None, :] + ZONES[:, None] + 0.5
    )  # the middle of the hour
    of_day, weekday = local % 24, (local // 24 + EPOCH_WEEKDAY) % 7
    rise = 1 / (1 + np.exp(-(of_day - FIRST_HOUR) / (EDGE / 3)))
    fall = 1 / (1 + np.exp((of_day - LAST_HOUR) / (EDGE / 3)))
    found = np.empty((len(ZONES), len(WEEKS)))
    for place, week in enumerate(WEEKS.values()):
        at_work = np.isin(weekday, week) * rise * fall / ((LAST_HOUR - FIRST_HOUR) * len(week))
        found[:, place] = np.log(AT_WORK * at_work + (1 - AT_WORK) / 168.0).sum(axis=1)
    return found


def _shortest(weights: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The shortest run of zones, around the clock, that holds `MASS`."""
    n = len(weights)
    twice = np.concatenate((weights, weights))
    for length in range(1, n + 1):
        sums = np.array([twice[start : start + length].sum() for start in range(n)])
        if sums.max() >= MASS:
            start = int(np.argmax(sums))
            low = float(ZONES[start])
            return low, low + (length - 1) / 2.0
    return float(ZONES[0]), float(ZONES[-1])
