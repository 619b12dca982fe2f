"""Do many members try to bring out the model's hidden reasoning?"""

from __future__ import annotations

from stillwatch.signals.profiles import curious, doing_finding, summaries_activity
from stillwatch.signals.registry import Columns, Finding, Mask, group_test

MANY = 0.2


@group_test(
    family="coercion",
    rows=summaries_activity(lambda t: t.coercions / t.exchanges, fewest=1),
    sample_null=curious,
    measures="members of whose prompts at least a fifth try to force the hidden reasoning into the answer",
    null="each member independently does so with probability at most max(1/5, 5 times the share of other accounts that do)",
    innocent=(
        "a course on prompt injection",
        "the provider's own red team",
        "a prompt that makes the rounds",
    ),
    evaded_by="a phrase that the classifier has not learned",
    source="Anthropic, February and September 2026 (quoted attack prompts); Google GTIG, February 2026",
    reads=("observations.coerces",),
)
def trace_coercion(rows: Columns, member: Mask) -> Finding | None:
    return doing_finding(
        rows,
        member,
        MANY,
        "{does} of {members} members try, in at least a fifth of their prompts, to force hidden reasoning into the answer; "
        "{share} of other accounts do",
    )
