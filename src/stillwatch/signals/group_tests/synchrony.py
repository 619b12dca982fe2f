"""Do members swell and ebb together, beyond what the hour of the day explains?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stillwatch.signals.profiles import hourly, hourly_strangers, others_hours
from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.stats.homogeneity import beyond


@group_test(
    family="timing",
    rows=hourly,
    sample_null=hourly_strangers,
    measures="an account's activity in the hours in which the other half of the group does more than usual for the time of day",
    null="each member independently exceeds what nine in ten other accounts reach with probability at most 1/2",
    innocent=("a class before its deadline", "the crowd of a release day", "an office and its holidays"),
    evaded_by="jitter over days, at the price of throughput",
    source="SynchroTrap (CCS 2014); Anthropic, February 2026 (synchronised traffic)",
    reads=("observations.timestamp",),
)
def synchrony(rows: Columns, member: Mask) -> Finding | None:
    split = others_hours(rows, member)
    if split is None:
        return None
    excess = split.proposing - _of_day(split.proposing[None, :])[0]
    found = beyond(
        _agreement(excess, split.tested),
        _agreement(excess, split.others),
    )
    if found is None:
        return None
    return Finding(
        log_e=found.log_e,
        value=f"{found.beyond} of {found.members}",
        accounts=found.members,
        exchanges=split.exchanges,
        statement=f"{found.beyond} of {found.members} members follow the hours in which the rest of the group is busier "
        f"than usual for the time of day more closely than {100 * (1 - found.reference):.0f} % of other accounts do",
    )


def _agreement(excess: npt.NDArray[np.float64], counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Correlation of each account's hours with the excess; the account's own hours of the day taken out."""
    own = counts - _of_day(counts)
    norm = np.sqrt((own**2).sum(axis=1) * (excess**2).sum())
    return np.asarray((own @ excess) / np.where(norm > 0, norm, np.inf))


def _of_day(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What an account's counts would be from its hours of the day and its days."""
    accounts, hours = counts.shape
    days = -(-hours // 24)
    padded = np.zeros((accounts, 24 * days))
    padded[:, :hours] = counts
    seen = np.bincount(np.arange(hours) % 24, minlength=24)
    means = padded.reshape(accounts, days, 24).sum(axis=1) / np.maximum(seen, 1)
    of_day = np.tile(means, (1, days))[:, :hours]
    # what is left of a whole day (a weekend, a holiday) is common to a kind of customer, and is taken out too
    padded[:, :hours] = counts - of_day
    level = padded.reshape(accounts, days, 24).sum(axis=2) / 24.0
    return np.asarray(of_day + np.repeat(level, 24, axis=1)[:, :hours])
