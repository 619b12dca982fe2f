"""Are the members' days as even as a scheduler makes them?"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.profiles import ALIKE_NULL, alike_finding, independent
from stillwatch.signals.registry import Columns, Mask, Outcome, group_test

FEWEST_DAYS, FEWEST_A_DAY = 3, 2  # days of an account's span in a half, and mean exchanges a day, at least


def dispersion(summaries: Summaries) -> ir.Table:
    """Account × half: log2 of the variance of daily counts over their mean; days without exchanges between
    the first and the last one count as 0.
    """
    days = (
        summaries.activity.mutate(day=(_.hour.epoch_seconds() // 86400).cast("int64"))
        .group_by(["account_id", "half", "day"])
        .agg(count=_.exchanges.sum())
    )
    sums = days.group_by(["account_id", "half"]).agg(
        exchanges=_["count"].sum(),
        squares=(_["count"] * _["count"]).sum(),
        span=_.day.max() - _.day.min() + 1,
    )
    rows = sums.filter((_.span >= FEWEST_DAYS) & (_.exchanges >= FEWEST_A_DAY * _.span))
    mean = rows.exchanges.cast("float64") / rows.span
    ratio = (rows.squares.cast("float64") / rows.span - mean * mean) / mean * rows.span / (rows.span - 1)
    return rows.select("account_id", "half", "exchanges", value=ibis.greatest(ratio, 0.05).log2())


@group_test(
    family="habit",
    rows=dispersion,
    sample_null=independent,
    measures="variance of an account's daily counts over their mean: 1 for a steady stream, many for people",
    null=ALIKE_NULL,
    innocent=("scheduled jobs of unrelated customers",),
    evaded_by="uneven days, at the price of throughput",
    source="Cochran 1954, index of dispersion (queue consumers are under-dispersed); Anthropic, February "
    "2026 (load balancing)",
    reads=("observations.timestamp",),
)
def even_days(rows: Columns, member: Mask) -> Outcome:
    """Whether members' daily counts vary to a like degree, or why that cannot be tested."""
    return alike_finding(
        rows,
        member,
        "the daily counts of {inside} of {members} members vary {low} to {high} times as much as a steady "
        "stream's; "
        "those of {share} of other accounts do",
        lambda x: f"{2**x:.1f}",
        needs=f"a span of {FEWEST_DAYS} days with a mean of {FEWEST_A_DAY} exchanges a day",
    )
