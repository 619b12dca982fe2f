"""The additive tables between the sketch and everything that judges: two days merge by adding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import ibis
import ibis.expr.types as ir
from ibis import _

CAPABILITIES = ("coding", "agentic", "reasoning", "grading", "rewriting", "data_analysis", "vision", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summaries:
    """What the detector knows. Every table has a time, so a prefix of the log gives a prefix of each.

    * `activity`: account × hour: how much, and of what shape.
    * `seen`: account × indicator value × hour: in how many exchanges; no hour for what the account table says.
    * `marks`: the same of phrases and bands, whose values are digests.
    * `sightings`: account × indicator value × half of the data, the sum of it.
    * `items`: account × text × hour, of texts that several accounts sent.
    * `usage`: account × model × hour.
    * `conversations`: account × conversation, of those that several accounts carried on: when it began there.
    * `owners`: account → who openly answers for it: its organization, or a company's card and domain.
    * `accounts`, `releases`: the contract's own tables.
    """

    activity: ir.Table
    seen: ir.Table
    marks: ir.Table
    sightings: ir.Table
    items: ir.Table
    usage: ir.Table
    conversations: ir.Table
    owners: ir.Table
    accounts: ir.Table
    releases: ir.Table

    def until(self, moment: datetime) -> Summaries:
        """The summaries of the log before `moment`, a full hour."""
        before = ibis.literal(moment, "timestamp('UTC', 6)")
        seen = self.seen.filter(_.hour.isnull() | (_.hour < before))
        marks = self.marks.filter(_.hour < before)
        return replace(
            self,
            activity=self.activity.filter(_.hour < before),
            seen=seen,
            marks=marks,
            sightings=summed(seen, marks),
            items=self.items.filter(_.hour < before),
            usage=self.usage.filter(_.hour < before),
            conversations=self.conversations.filter(_.first_seen < before),
        )


def summed(seen: ir.Table, marks: ir.Table) -> ir.Table:
    """`sightings` from `seen` and `marks`; of the marks those that more than one account shows."""
    keys = ["account_id", "kind", "value", "half"]
    each = marks.group_by(keys).agg(exchanges=_.exchanges.sum())
    spread = each.group_by(["kind", "value"]).agg(low=_.account_id.min(), high=_.account_id.max())
    shared = each.semi_join(spread.filter(_.low != _.high), ["kind", "value"])
    return (
        seen.group_by(keys)
        .agg(exchanges=_.exchanges.sum())
        .union(shared.mutate(value=_.value.cast("string")).select(*keys, "exchanges"))
    )
