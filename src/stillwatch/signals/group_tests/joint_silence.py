"""Do the members pause together while others continue?"""

from __future__ import annotations

import numpy as np

from stillwatch.signals.profiles import active_span, hourly, hourly_strangers, others_hours
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome, group_test
from stillwatch.stats.arrays import Bools
from stillwatch.stats.evalues import binomial_log_e

EXPECTED_EXCHANGES = 8.0  # expected exchanges of the proposing half that an hour needs to be called silent
SILENT_RATE = 0.1  # share of the expected exchanges, at most, in a silent hour
LEAST_PROBABILITY = 0.5  # least probability of silence that the null allows
RATE_SLACK = 3.0  # factor by which the null divides a member's expected count
EXPECTED_EXCHANGES_OF_MEMBER = 2.0  # expected exchanges in the silent hours that a member needs to count
FEWEST_ACCOUNTS = 8  # members with enough data that the test needs
LONGEST_SILENCE_H = 12  # hours without activity above which a pause is a weekend or a holiday


@group_test(
    family="timing",
    rows=hourly,
    sample_null=hourly_strangers,
    measures="members with no exchange in the hours in which the other half of the group fell silent",
    null="a member with expected count m in those hours is silent in all of them with probability at most "
    "max(1/2, exp(-m/3))",
    innocent=("an office's holidays", "a tool's own outage"),
    evaded_by="filling outages with other traffic",
    source="AA26-251A; outages of the operator's own machines, and pauses of relay software after errors "
    "(Wei-Shaw/claude-relay-service)",
    reads=("observations.timestamp",),
)
def joint_silence(rows: Columns, member: Mask) -> Outcome:
    """Whether members are silent in the same hours, or why that cannot be tested."""
    split = others_hours(rows, member)
    if isinstance(split, NoFinding):
        return split
    silent = (split.usual >= EXPECTED_EXCHANGES) & (split.proposing <= SILENT_RATE * split.usual)
    silent &= _within_a_day(split.proposing > 0)
    if not silent.any():
        return NoFinding(
            f"half of the group has no hour, between hours of activity, with at most {100 * SILENT_RATE:.0f} "
            f"% of {EXPECTED_EXCHANGES:.0f} or more "
            "expected exchanges"
        )
    span = active_span(split.tested)
    busy = span @ split.usual
    expected = split.tested.sum(axis=1) * ((span & silent) @ split.usual) / np.where(busy > 0, busy, np.inf)
    is_expected = expected >= EXPECTED_EXCHANGES_OF_MEMBER
    if is_expected.sum() < FEWEST_ACCOUNTS:
        return NoFinding(
            f"fewer than {FEWEST_ACCOUNTS} members have {EXPECTED_EXCHANGES_OF_MEMBER:.0f} expected "
            f"exchanges in the hours in which half of the group paused"
        )
    quiet = int((split.tested[is_expected][:, silent].sum(axis=1) == 0).sum())
    bound = max(LEAST_PROBABILITY, float(np.exp(-EXPECTED_EXCHANGES_OF_MEMBER / RATE_SLACK)))
    return Finding(
        log_e=binomial_log_e(quiet, int(is_expected.sum()), bound),
        value=f"{int(silent.sum())} hours",
        accounts=int(is_expected.sum()),
        exchanges=split.exchanges,
        statement=f"in {int(silent.sum())} hours in which half of the group fell silent, {quiet} of "
        f"{int(is_expected.sum())} other members sent nothing either, though "
        f"{expected[is_expected].mean():.1f} exchanges each were to be expected",
    )


def _within_a_day(active: Bools) -> Bools:
    """Mask of hours whose last and next active hours are at most `LONGEST_SILENCE_H` hours apart, so that
    weekends and holidays do not count as pauses.
    """
    hours = np.arange(len(active))
    last = np.maximum.accumulate(np.where(active, hours, -LONGEST_SILENCE_H - 1))
    following = np.minimum.accumulate(np.where(active, hours, len(active) + LONGEST_SILENCE_H + 1)[::-1])[
        ::-1
    ]
    return following - last <= LONGEST_SILENCE_H
