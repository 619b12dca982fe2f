"""Do the members' prompts bear the mark of a generator?"""

from __future__ import annotations

from stillwatch.signals.profiles import ALIKE_NULL, alike_finding, independent, summaries_activity
from stillwatch.signals.registry import Columns, Mask, Outcome, group_test

FEWEST_EXCHANGES = 4  # exchanges in a half of the data that an account needs


@group_test(
    family="purpose",
    rows=summaries_activity(lambda t: t.written / t.texts.nullif(0), fewest=FEWEST_EXCHANGES),
    sample_null=independent,
    measures="share of prompts that neither begin with a small letter nor end without a stop",
    null=ALIKE_NULL,
    innocent=("users of one tool or form", "careful writers", "batch jobs"),
    evaded_by="generating careless prompts",
    source="measured on public corpora: 85 to 100 % of prompts made for distillation, 34 to 63 % of people's",
    reads=("observations.written",),
)
def written_out(rows: Columns, member: Mask) -> Outcome:
    """Whether members write out alike shares of their prompts, or why that cannot be tested."""
    return alike_finding(
        rows,
        member,
        "{inside} of {members} members write out between {low} and {high} of their prompts, with a capital "
        "and a stop; {share} of other "
        "accounts do",
        lambda x: f"{100 * x:.0f} %",
        needs=f"{FEWEST_EXCHANGES} exchanges, one of them with the text of its prompt,",
    )
