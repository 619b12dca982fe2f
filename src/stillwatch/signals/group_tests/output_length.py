"""Do the members' answers have one length?"""

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
    rows=summaries_activity(lambda t: t.output_log / t.output_known.nullif(0)),
    sample_null=independent,
    measures="mean length of the answers",
    null=ALIKE_NULL,
    innocent=("users of one tool",),
    evaded_by="mixing tasks of other lengths",
    source="Anthropic, February 2026 (highly repetitive structure in few areas)",
    reads=("observations.output_tokens",),
)
def output_length(rows: Columns, member: Mask) -> Outcome:
    """Whether members get answers of alike length, or why that cannot be tested."""
    return alike_finding(
        rows,
        member,
        "{inside} of {members} members get answers of between {low} and {high} tokens on average; {share} of "
        "other accounts do",
        lambda x: f"{2**x:.0f}",
        needs=f"{FEWEST_EXCHANGES} exchanges, one of them with a known length of the answer,",
    )
