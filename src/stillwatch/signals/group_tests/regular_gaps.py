"""Are the members' pauses as even as a dispatcher's?"""

from __future__ import annotations

from stillwatch.signals.profiles import ALIKE_NULL, alike_finding, independent, summaries_activity
from stillwatch.signals.registry import Columns, Mask, Outcome, group_test

FEWEST_EXCHANGES = 4  # exchanges in a half of the data that an account needs


@group_test(
    family="habit",
    rows=summaries_activity(
        lambda t: (
            (t.gaps_log_squared / t.gaps.nullif(0) - (t.gaps_log / t.gaps.nullif(0)).pow(2))
            .clip(lower=0)
            .sqrt()
        ),
        fewest=FEWEST_EXCHANGES,
    ),
    sample_null=independent,
    measures="spread of the pauses between an account's exchanges, in doublings",
    null=ALIKE_NULL,
    innocent=("programs that poll at a fixed pace for unrelated customers",),
    evaded_by="jitter, at the price of throughput",
    source="ServeGen 2025 (real clients' arrivals are bursty); Cox and Lewis 1966, The Statistical Analysis "
    "of Series of Events",
    reads=("observations.timestamp",),
)
def regular_gaps(rows: Columns, member: Mask) -> Outcome:
    """Whether members' pauses spread alike, or why that cannot be tested."""
    return alike_finding(
        rows,
        member,
        "{inside} of {members} members' pauses spread over {low} to {high} doublings; {share} of other "
        "accounts do",
        lambda x: f"{x:.1f}",
        needs=f"{FEWEST_EXCHANGES} exchanges, one of them after another of the same day,",
    )
