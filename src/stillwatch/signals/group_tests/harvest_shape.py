"""Are the members' exchanges single turns rather than conversations?"""

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
    family="purpose",
    rows=summaries_activity(lambda t: t.first_turns / t.exchanges),
    sample_null=independent,
    measures="share of exchanges that open a conversation rather than go on with one",
    null=ALIKE_NULL,
    innocent=("batch jobs of unrelated customers", "an evaluation suite"),
    evaded_by="sham conversations, at the price of more exchanges",
    source="AA26-251A (single turns without drafts or corrections); Anthropic, February 2026",
    reads=("observations.conversation_key",),
)
def harvest_shape(rows: Columns, member: Mask) -> Outcome:
    """Whether members open conversations in alike shares of exchanges, or why that cannot be tested."""
    return alike_finding(
        rows,
        member,
        "{inside} of {members} members begin anew in between {low} and {high} of their exchanges, without "
        "drafts, "
        "corrections or follow-ups; {share} of other accounts do",
        lambda x: f"{100 * x:.0f} %",
        needs=f"{FEWEST_EXCHANGES} exchanges",
    )
