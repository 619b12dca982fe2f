"""Do many members try to bring out the model's hidden reasoning?"""

from __future__ import annotations

from stillwatch.signals.profiles import curious, doing, doing_finding
from stillwatch.signals.registry import Columns, Mask, Outcome, group_test

# Least share of an account's prompts classified as coercing. In two corpora of honest accounts the share is
# 0.0003; in free paraphrases of attacks it is 0.05.
LEAST_SHARE_COERCING = 0.02


@group_test(
    family="coercion",
    rows=doing(lambda t: t.coercions / t.exchanges),
    sample_null=curious,
    measures="members of whose prompts at least one in fifty tries to force the hidden reasoning into the "
    "answer",
    null="each member independently does so with probability at most max(1/5, 5 times the share of other "
    "accounts, or of "
    "other users of its client, that do)",
    innocent=(
        "a course on prompt injection",
        "the provider's own red team",
        "a prompt that makes the rounds",
    ),
    evaded_by="a phrase that the classifier has not learned",
    source="Anthropic, February and September 2026 (quoted attack prompts); Google GTIG, February 2026",
    reads=("observations.coerces",),
)
def trace_coercion(rows: Columns, member: Mask) -> Outcome:
    """Whether members coerce hidden reasoning more often than others, or why that cannot be tested."""
    return doing_finding(
        rows,
        member,
        LEAST_SHARE_COERCING,
        "{does} of {members} members try, in at least one prompt in fifty, to force hidden reasoning into "
        "the answer; "
        "{share} of other accounts do",
        nobody="no member tried to force hidden reasoning into the answer in one prompt in fifty in the half "
        "of the hours that is tested",
    )
