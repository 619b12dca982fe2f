"""Do the members' prompts cover their subject evenly, while people's prompts return to earlier ones?"""

from __future__ import annotations

import ibis.expr.types as ir
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.profiles import ALIKE_NULL, alike_finding, independent
from stillwatch.signals.registry import Columns, Mask, Outcome, group_test

MIN_EXCHANGES = 8  # exchanges that an account needs in a half of the data


def rows(summaries: Summaries) -> ir.Table:
    """Account × half: mean number of phrases that two of its prompts have in common (Simpson's index of 1949
    in its unbiased form).
    """
    totals = summaries.halves.select("account_id", "half", "exchanges")
    phrases = summaries.marks.filter(_.kind == "prompt_template").group_by(["account_id", "half", "value"])
    pairs = phrases.agg(n=_.exchanges.sum()).mutate(pairs=_.n * (_.n - 1))
    shared = pairs.group_by(["account_id", "half"]).agg(pairs=_.pairs.sum().cast("float64"))
    both = totals.filter(_.exchanges >= MIN_EXCHANGES).inner_join(shared, ["account_id", "half"])
    return both.select(
        "account_id", "half", "exchanges", value=(_.pairs / (_.exchanges * (_.exchanges - 1))).round(9)
    )


@group_test(
    family="purpose",
    rows=rows,
    sample_null=independent,
    measures="phrases that two of an account's prompts have in common, on average",
    null=ALIKE_NULL,
    innocent=("users of one tool or form", "an evaluation suite"),
    evaded_by="asking the same things again, at the price of more exchanges",
    source="index of repeat rate: Simpson 1949, Measurement of diversity, Nature 163",
    reads=("observations.phrases",),
)
def even_coverage(rows: Columns, member: Mask) -> Outcome:
    """Whether members' prompts overlap to a like degree, or why that cannot be tested."""
    return alike_finding(
        rows,
        member,
        "of two prompts of one member, {inside} of {members} members have between {low} and {high} phrases "
        "in common on average; "
        "{share} of other accounts do",
        lambda x: f"{x:.3f}",
        needs=f"{MIN_EXCHANGES} exchanges, one of them with phrases,",
    )
