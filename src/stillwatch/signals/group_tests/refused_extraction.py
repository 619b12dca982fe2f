"""Has the provider itself refused many members' requests as attempts to extract its model?"""

from __future__ import annotations

from stillwatch.signals.profiles import curious, doing, doing_finding
from stillwatch.signals.registry import Columns, Mask, Outcome, group_test

LEAST_SHARE_REFUSED = 0.05  # share of an account's exchanges, refused as extraction, from which it counts


@group_test(
    family="coercion",
    rows=doing(lambda t: t.refusals / t.exchanges),
    sample_null=curious,
    measures="members of whose requests at least one in twenty was refused in a category of extraction or "
    "distillation",
    null="each member independently does so with probability at most max(1/5, 5 times the share of other "
    "accounts, or of "
    "other users of its client, that do)",
    innocent=(
        "a classifier of the provider's that misfires on one popular prompt",
        "the provider's own red team",
    ),
    evaded_by="requests that the provider's classifier does not refuse",
    source="categories of refusal in providers' answers, such as `reasoning_extraction` (Anthropic API, "
    "stop_details.category)",
    reads=("observations.finish_reason",),
)
def refused_extraction(rows: Columns, member: Mask) -> Outcome:
    """Whether members are refused as extractors more often than others, or why that cannot be tested."""
    return doing_finding(
        rows,
        member,
        LEAST_SHARE_REFUSED,
        "of {does} of {members} members the provider refused at least one request in twenty as extraction or "
        "distillation; "
        "{share} of other accounts had that",
        nobody="no member had one request in twenty refused as extraction or distillation in the half of the "
        "hours that is tested",
    )
