"""Are the members' volumes more even than independent users' would be?"""

from __future__ import annotations

from stillwatch.signals.profiles import alike_finding, independent, summaries_activity
from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.stats.homogeneity import even


@group_test(
    family="division",
    rows=summaries_activity(lambda t: (t.exchanges / t.days).log2(), fewest=2),
    sample_null=independent,
    measures="volumes evened out over accounts by a scheduler",
    null="each member independently falls into the group's own span with probability at most max(1/2, 3 times the share of "
    "other accounts in their densest span of that width), so that a kind of customer that differs from the rest in its "
    "level alone is not called even",
    innocent=("a batch job sharded over one company's accounts",),
    evaded_by="uneven volumes, at the price of more accounts",
    source="Anthropic, February 2026 (load balancing); Cochran 1954",
    reads=("observations.timestamp",),
)
def load_balance(rows: Columns, member: Mask) -> Finding | None:
    return alike_finding(
        rows,
        member,
        "{inside} of {members} members send between {low} and {high} exchanges on a day of use; no span that narrow holds more than {share} of other accounts",
        lambda x: f"{2**x:.1f}",
        even,
    )
