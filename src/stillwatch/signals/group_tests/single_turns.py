"""Do the members lack conversation in the same degree?"""

from __future__ import annotations

from stillwatch.signals.profiles import alike_finding, independent, summaries_activity
from stillwatch.signals.registry import Columns, Finding, Mask, group_test


@group_test(
    family="rhythm",
    rows=summaries_activity(lambda t: t.followups / t.with_conversation.nullif(0), fewest=2),
    sample_null=independent,
    measures="share of exchanges that continue a conversation",
    null="each member independently falls into the group's own interval with probability at most max(1/2, 3 times the share of other accounts that do)",
    innocent=("an evaluation suite; a batch job",),
    evaded_by="sending invented follow-ups",
    source="harvest shape: design, the flow, 6",
    reads=("observations.conversation_id",),
)
def single_turns(rows: Columns, member: Mask) -> Finding | None:
    return alike_finding(
        rows,
        member,
        "{inside} of {members} members follow up on between {low} and {high} of their exchanges; {share} of other accounts do",
        lambda x: f"{100 * x:.0f} %",
    )
