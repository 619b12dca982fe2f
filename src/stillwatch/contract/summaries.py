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
    * `sightings`: account × indicator value × hour: in how many exchanges; no hour for what the account table says.
    * `items`: account × text × hour, of texts that several accounts sent.
    * `usage`: account × model × hour.
    * `conversations`: account × conversation, of those that several accounts carried on: when it began there.
    * `owners`: account → who openly answers for it: its organization, or a company's card and domain.
    * `accounts`, `releases`: the contract's own tables.
    """

    activity: ir.Table
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
        return replace(
            self,
            activity=self.activity.filter(_.hour < before),
            sightings=self.sightings.filter(_.hour.isnull() | (_.hour < before)),
            items=self.items.filter(_.hour < before),
            usage=self.usage.filter(_.hour < before),
            conversations=self.conversations.filter(_.first_seen < before),
        )
