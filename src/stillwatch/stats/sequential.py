"""How much evidence must there be at one of many looks?

Two promises, for two uses. An *alert* calls a person: what is held is the number of false ones in a
provider's year, since no monitor that runs for ever can hold a false-discovery rate (Dandapanthula and Ramdas
2025). A *confirmation* may be acted upon: what is held is the false-discovery rate, at whatever hour one
stops.
"""

from __future__ import annotations

import math

HOURS_A_YEAR = 8766


def alert_log_e(candidates: int, per_year: float) -> float:
    """Log e-value at which one of `candidates` groups alerts, for at most `per_year` false alerts a year of
    hourly looks.

    Markov's inequality bounds the chance of each null group at each hour by e^-threshold; adding up over
    groups and the hours of a year bounds the expected number, under any dependence (error over patience at
    most `per_year` / 8766 per hour).
    """
    return math.log(max(candidates, 1)) + math.log(HOURS_A_YEAR / per_year)


def alert_level(per_year: float, hours: float) -> float:
    """What one look may spend when `hours` have passed since the last: with m candidates a group alerts at an
    e-value of m / level.

    A null group's chance at that look is at most level / m (Markov), so the expected number of false alerts
    is at most the sum of levels: `per_year` in any year, however often or irregularly one looks and whatever
    depends on what.
    """
    return per_year * max(hours, 0.0) / HOURS_A_YEAR


def confirm_log_e(candidates: int, fdr: float, hour: int) -> float:
    """Log e-value at which one of `candidates` groups is confirmed at `hour` of the log, first hour 1.

    The rate is spent over the hours by weights 1 / (k (k + 1)), which add up to 1. A null group is reported
    at a stopping time only where its e-value, times that hour's weight, is at least candidates / `fdr`; the
    false share is at most that product times `fdr` / candidates, and summing over all groups and hours bounds
    its mean by `fdr` at any stopping time, under any dependence (e-BH, Wang and Ramdas 2022, with alpha
    spending).
    """
    k = max(hour, 1)
    return math.log(max(candidates, 1) / fdr) + math.log(k * (k + 1))
