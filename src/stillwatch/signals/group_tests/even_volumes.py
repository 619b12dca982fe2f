"""Do most members, a few outliers aside, have volumes more even than customers ever have?"""

from __future__ import annotations

from stillwatch.signals.profiles import FEWEST_EXCHANGES, alike_finding, independent, summaries_activity
from stillwatch.signals.registry import Columns, Mask, Outcome, group_test
from stillwatch.stats.homogeneity import even


@group_test(
    family="load",
    rows=summaries_activity(lambda t: (t.exchanges / t.days).log2()),
    sample_null=independent,
    measures="how narrow a span of daily volumes holds most members",
    null="each member independently falls into the group's own span with probability at most max(1/2, twice "
    "the share of "
    "other accounts in their densest span of that width), so that a kind of customer that differs from the "
    "rest in its "
    "level alone is not called even",
    innocent=("a batch job sharded over one company's accounts",),
    evaded_by="uneven volumes, at the price of more accounts",
    source="Anthropic, February 2026 (load balancing); Cochran 1954",
    reads=("observations.timestamp",),
)
def even_volumes(rows: Columns, member: Mask) -> Outcome:
    """Whether members send alike numbers of exchanges a day, or why that cannot be tested."""
    return alike_finding(
        rows,
        member,
        "{inside} of {members} members send between {low} and {high} exchanges on a day of use; no span that "
        "narrow holds more than {share} of other accounts",
        lambda x: f"{2**x:.1f}",
        compare=even,
        needs=f"{FEWEST_EXCHANGES} exchanges",
    )
