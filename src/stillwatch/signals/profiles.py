"""What is an account's own measure of rhythm, volume or shape, on each half of the data?

Shared by the group tests that ask whether members are too much alike: `rows` in the engine, the comparison in
`alike_finding`, the null in `independent`.
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir
import numpy as np
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask
from stillwatch.stats.homogeneity import alike

FEWEST_EXCHANGES = 2


def per_half(
    activity: ir.Table, value: Callable[[ir.Table], ir.Value], fewest: int = FEWEST_EXCHANGES
) -> ir.Table:
    """Account × half: `value` of the summed activity, for accounts with enough exchanges in that half."""
    sums = {
        name: activity[name].sum() for name in activity.columns if name not in ("account_id", "hour", "half")
    }
    grouped = activity.group_by(["account_id", "half"]).agg(
        **sums, days=activity.hour.truncate("D").nunique(), hours=activity.hour.nunique()
    )
    rows = grouped.filter(grouped.exchanges >= fewest)
    return rows.select("account_id", "half", "exchanges", value=value(rows).cast("float64"))


def alike_finding(rows: Columns, member: Mask, sentence: str, unit: Callable[[float], str]) -> Finding | None:
    """Members proposed on half 0 are compared with the others on half 1; `sentence` has the gaps {inside},
    {members}, {share}, {low}, {high}."""
    value, half = np.asarray(rows["value"], float), np.asarray(rows["half"])
    found = alike(value[member & (half == 0)], value[member & (half == 1)], value[~member & (half == 1)])
    if found is None:
        return None
    low, high = unit(found.low), unit(found.high)
    return Finding(
        log_e=found.log_e,
        value=f"{low} to {high}",
        accounts=found.inside,
        exchanges=int(np.asarray(rows["exchanges"])[member].sum()),
        statement=sentence.format(
            inside=found.inside,
            members=found.members,
            share=f"{100 * found.reference:.1f} %",
            low=low,
            high=high,
        ),
    )


def independent(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """Accounts whose measures are their own: members and others drawn alike, halves of one account agreeing."""
    n = accounts * 6
    own = rng.normal(size=n)
    value = np.concatenate([own + 0.2 * rng.normal(size=n), own + 0.2 * rng.normal(size=n)])
    half = np.repeat([0, 1], n)
    member = np.tile(np.arange(n) < accounts, 2)
    return {"value": value, "half": half, "exchanges": np.full(2 * n, 10)}, member


def least_active_third(activity: ir.Table) -> ir.Table:
    """Account × half: share of its exchanges in the eight consecutive hours of the day in which it is least active."""
    of_day = activity.hour.hour()
    sums = {f"h{h}": (of_day == h).ifelse(activity.exchanges, 0).sum() for h in range(24)}
    rows = activity.group_by(["account_id", "half"]).agg(**sums, exchanges=activity.exchanges.sum())
    blocks = []
    for start in range(24):
        block = rows[f"h{start}"]
        for step in range(1, 8):
            block = block + rows[f"h{(start + step) % 24}"]
        blocks.append(block)
    return rows.filter(_.exchanges >= 6).select(
        "account_id", "half", "exchanges", value=ibis.least(*blocks).cast("float64") / rows.exchanges
    )


def summaries_activity(
    value: Callable[[ir.Table], ir.Value], fewest: int = FEWEST_EXCHANGES
) -> Callable[[Summaries], ir.Table]:
    """`per_half` as the `rows` of a group test."""

    def rows(summaries: Summaries) -> ir.Table:
        return per_half(summaries.activity, value, fewest)

    return rows
