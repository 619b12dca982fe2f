"""Does the members' activity rise and fall together, beyond what the hour of the day explains?"""

from __future__ import annotations

import numpy as np

from stillwatch.signals.profiles import (
    active_span,
    hourly,
    hourly_strangers,
    others_hours,
)
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome, group_test
from stillwatch.stats.arrays import Bools, Floats
from stillwatch.stats.homogeneity import Lack, beyond


@group_test(
    family="timing",
    rows=hourly,
    sample_null=hourly_strangers,
    measures="an account's activity in the hours in which the other half of the group does more than usual "
    "for the time of day",
    null="each member independently exceeds what nine in ten other accounts reach with probability at most "
    "1/2",
    innocent=("a class before its deadline", "the crowd of a release day", "an office and its holidays"),
    evaded_by="jitter over days, at the price of throughput",
    source="SynchroTrap (CCS 2014); Anthropic, February 2026 (synchronised traffic)",
    reads=("observations.timestamp",),
)
def synchrony(rows: Columns, member: Mask) -> Outcome:
    """Whether members are active in the same hours beyond their day, or why that cannot be tested."""
    split = others_hours(rows, member)
    if isinstance(split, NoFinding):
        return split
    group = split.proposing[None, :]
    excess = split.proposing - _of_day(group, np.ones_like(group, bool))[0]
    found = beyond(
        _agreement(excess, split.tested),
        _agreement(excess, split.others),
    )
    if isinstance(found, Lack):
        accounts = "other accounts" if found.of == "reference" else "members"
        return NoFinding(f"fewer than {found.limit:.0f} {accounts} have activity to compare")
    return Finding(
        log_e=found.log_e,
        value=f"{found.beyond} of {found.members}",
        accounts=found.members,
        exchanges=split.exchanges,
        statement=f"{found.beyond} of {found.members} members follow the hours in which the rest of the "
        f"group is busier "
        f"than usual for the time of day more closely than {100 * (1 - found.reference):.0f} % of other "
        f"accounts do",
    )


def _agreement(excess: Floats, counts: Floats) -> Floats:
    """Correlation of each account's hourly counts with `excess`, between the account's first and last
    exchange, after removing its daily rhythm and its totals by day.
    """
    span = active_span(counts)
    own = np.where(span, counts - _of_day(counts, span), 0.0)
    there = np.where(span, excess[None, :], 0.0)
    norm = np.sqrt((own**2).sum(axis=1) * (there**2).sum(axis=1))
    return np.asarray((own * there).sum(axis=1) / np.where(norm > 0, norm, np.inf))


def _of_day(counts: Floats, span: Bools) -> Floats:
    """Expected account × hour counts from each account's profile over the day and its totals by day, both
    within its span of activity.
    """
    accounts, hours = counts.shape
    days = -(-hours // 24)

    def by_day(values: Floats) -> Floats:
        """Counts by hour as accounts × days × 24; hours after the last are 0."""
        padded = np.zeros((accounts, 24 * days))
        padded[:, :hours] = values
        return padded.reshape(accounts, days, 24)

    there = by_day(span.astype(float))
    means = by_day(counts).sum(axis=1) / np.maximum(there.sum(axis=1), 1.0)
    of_day = np.tile(means, (1, days))[:, :hours]
    # A residual of a whole day (a weekend, a holiday) is common to a kind of customer, so it is removed too.
    rest = by_day(np.where(span, counts - of_day, 0.0)).sum(axis=2) / np.maximum(there.sum(axis=2), 1.0)
    return np.asarray(of_day + np.repeat(rest, 24, axis=1)[:, :hours])
