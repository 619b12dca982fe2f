"""Time zone, working week and holidays of the people who control a campaign, inferred from the times of
control acts.

A control act brings an account of the campaign into use or takes it out of use. Exchanges are not control
acts: their times come from the scheduler and the end users. Acts within one hour count once, since one
decision may open fifty accounts.

Model: with probability `AT_WORK` an act falls, in local time, into working hours of a day of the working
week; otherwise into any hour of any day. The zones of `ZONES` have equal prior probability, and so have the
three weeks. The rival is a program that acts at any hour. A zone is stated only where people fit better
than a program by a factor of `CLEAR`, and then as an interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from stillwatch.stats.arrays import Floats
from stillwatch.stats.intervals import of_share

AT_WORK = 0.8
"""Share of acts within working hours, if people act. Chosen; below 1, so no single act excludes a zone."""
FIRST_HOUR, LAST_HOUR, EDGE = 9.0, 18.0, 1.5
"""Working hours in local time, and the hours over which they fade."""
ZONES = np.arange(-24, 28) / 2.0
"""Hours from UTC, -12 to +13.5."""
# Working weeks that are compared: name and working days, Monday being 0.
WEEKS = {
    "Monday to Friday": (0, 1, 2, 3, 4),
    "Sunday to Thursday": (6, 0, 1, 2, 3),
    "every day": (0, 1, 2, 3, 4, 5, 6),
}
MIN_ACTS, MIN_DAYS = 20, 10
"""Least hours with an act, and least days from first to last, for an inference. Chosen."""
MOST_ACTS = 30.0
"""Effective number of acts at most, since acts of one campaign depend on each other. Chosen."""
CLEAR = 20.0
"""Least likelihood ratio of people against a program for a zone to be stated."""
MASS = 0.9
"""Probability of the stated interval of zones, and least probability of a stated week."""
EPOCH_WEEKDAY = 3
"""1 January 1970 was a Thursday, the fourth day of a week that begins with Monday as 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The calendar inferred from control acts.

    `zone` is (likeliest, low, high) in hours from UTC, at 90 %; None where no zone is stated, with the
    `reason`. `log_zones` is the log likelihood of each of `ZONES`, averaged over weeks and tempered.
    `active` are the local dates with an act, `span` the first and last of them. `week` is None where no
    week has a probability of `MASS`.
    """

    acts: int
    reason: str
    zone: tuple[float, float, float] | None = None
    week: str | None = None
    week_probability: float = 0.0
    log10_people: float = 0.0
    log_zones: Floats | None = None
    active: frozenset[date] = frozenset()
    span: tuple[date, date] | None = None

    def holiday(self, days: Sequence[date]) -> tuple[int, int, float, float] | None:
        """Number of holidays within the span, number of those without an act, and the 95 % interval of the
        share without; None where there is no zone or no holiday in the span.
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
    """Infer the calendar from the times of control acts."""
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
    """Log10 likelihood ratio of a stated zone (hours from UTC, within `tolerance`) against a zone drawn at
    random; 0 where no zone was inferred.
    """
    if calendar.zone is None or calendar.log_zones is None:
        return 0.0
    near = np.abs((ZONES - zone + 12) % 24 - 12) <= tolerance
    own = np.logaddexp.reduce(calendar.log_zones[near]) - np.log(near.sum())
    every = np.logaddexp.reduce(calendar.log_zones) - np.log(len(ZONES))
    return float((own - every) / np.log(10))


def _log_likelihoods(hours: Sequence[datetime]) -> Floats:
    """Log likelihood of the acts for each zone and each week, shape (zones, weeks)."""
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


def _shortest(weights: Floats) -> tuple[float, float]:
    """The shortest interval of zones, around the clock, with probability `MASS`; low and high in hours from
    UTC.
    """
    n = len(weights)
    twice = np.concatenate((weights, weights))
    for length in range(1, n + 1):
        sums = np.array([twice[start : start + length].sum() for start in range(n)])
        if sums.max() >= MASS:
            start = int(np.argmax(sums))
            low = float(ZONES[start])
            return low, low + (length - 1) / 2.0
    return float(ZONES[0]), float(ZONES[-1])
