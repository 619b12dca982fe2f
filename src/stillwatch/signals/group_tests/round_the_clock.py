"""Do the members share a daily rhythm that people do not have?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.profiles import (
    ALIKE_NULL,
    FEWEST_OF_DAY,
    alike_finding,
    independent,
    least_active_third,
)
from stillwatch.signals.registry import Columns, Mask, Outcome, group_test


def quiet_share(summaries: Summaries) -> ir.Table:
    """Account × half: share of activity in the quietest eight hours; a third for one that never sleeps."""
    return least_active_third(summaries.activity)


@group_test(
    family="habit",
    rows=quiet_share,
    sample_null=independent,
    measures="activity in the quietest third of the account's day, whichever hours these are",
    null=ALIKE_NULL,
    innocent=("always-on products of unrelated customers",),
    evaded_by="human hours, at the price of throughput or of more accounts",
    source="AA26-251A (no diurnal rhythm); ServeGen 2025 (71 of 422 honest clients run round the clock)",
    reads=("observations.timestamp",),
)
def round_the_clock(rows: Columns, member: Mask) -> Outcome:
    """Whether members send alike shares in their quietest hours, or why that cannot be tested."""
    return alike_finding(
        rows,
        member,
        "{inside} of {members} members send between {low} and {high} of their exchanges in their quietest "
        "eight hours "
        "of the day; {share} of other accounts do",
        lambda x: f"{100 * x:.0f} %",
        needs=f"{FEWEST_OF_DAY} exchanges",
    )
