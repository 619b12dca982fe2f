"""Do the members lack, or share, the bursts in which people work?"""

from __future__ import annotations

from stillwatch.signals.profiles import (
    ALIKE_NULL,
    FEWEST_EXCHANGES,
    alike_finding,
    independent,
    summaries_activity,
)
from stillwatch.signals.registry import Columns, Mask, Outcome, group_test


@group_test(
    family="habit",
    rows=summaries_activity(lambda t: t.short_gaps / t.exchanges),
    sample_null=independent,
    measures="share of exchanges that follow the account's previous one within five minutes",
    null=ALIKE_NULL,
    innocent=("a product that polls at a fixed pace for many customers",),
    evaded_by="imitating sessions, at the price of throughput",
    source="ServeGen 2025 (real clients' arrivals are bursty)",
    reads=("observations.timestamp",),
)
def sessions(rows: Columns, member: Mask) -> Outcome:
    """Whether members send alike shares in quick succession, or why that cannot be tested."""
    return alike_finding(
        rows,
        member,
        "{inside} of {members} members send between {low} and {high} of their exchanges within five minutes "
        "of the one before; {share} of other accounts do",
        lambda x: f"{100 * x:.0f} %",
        needs=f"{FEWEST_EXCHANGES} exchanges",
    )
