"""Evidence thresholds for a log that is examined repeatedly.

There are two thresholds. An *alert* calls a person: the expected number of false alerts a year is bounded,
since a monitor that never stops cannot bound a false-discovery rate (Dandapanthula and Ramdas 2025). A
*confirmation* may be acted upon: the false-discovery rate is bounded, at any stopping time.
"""

from __future__ import annotations

import math

HOURS_A_YEAR = 8766  # mean over leap years


def alert_log_e(candidates: int, per_year: float) -> float:
    """Log e-value at which one of `candidates` groups alerts, for at most `per_year` false alerts a year of
    hourly looks.

    Markov's inequality bounds the chance of each null group at each hour by e^-threshold; adding up over
    groups and the hours of a year bounds the expected number, under any dependence (error over patience at
    most `per_year` / 8766 per hour).
    """
    return math.log(max(candidates, 1)) + math.log(HOURS_A_YEAR / per_year)


def alert_level(per_year: float, hours: float) -> float:
    """Expected number of false alerts that one look may cause, when the last look was `hours` ago.

    With m candidates, a group alerts at an e-value of m / level. The probability of a false alert is at most
    level / m for each null group (Markov), so the expected number of false alerts is at most the sum of the
    levels: `per_year` in any year, however often or irregularly looks happen, and under any dependence.
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
