"""Do the members' prompts have one length?"""

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
    rows=summaries_activity(lambda t: t.words_log / t.exchanges),
    sample_null=independent,
    measures="mean length of the prompts",
    null=ALIKE_NULL,
    innocent=("users of one tool or form",),
    evaded_by="padding prompts at random",
    source="Anthropic, February 2026 (highly repetitive structure in few areas)",
    reads=("observations.words",),
)
def prompt_length(rows: Columns, member: Mask) -> Outcome:
    """Whether members write prompts of alike length, or why that cannot be tested."""
    return alike_finding(
        rows,
        member,
        "{inside} of {members} members write prompts of between {low} and {high} words on average; {share} "
        "of other accounts do",
        lambda x: f"{2**x:.0f}",
        needs=f"{FEWEST_EXCHANGES} exchanges",
    )
