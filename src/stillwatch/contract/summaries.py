"""The additive tables between the sketch and everything that judges: two days merge by adding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import ibis
import ibis.expr.types as ir
from ibis import _

from stillwatch.contract.phrases import Phrases

OF_SOURCES = ("account_id", "half", "hour", "exchanges")  # columns of `sources` that are no kind
SIGHTING = ("account_id", "kind", "value", "half", "exchanges")  # columns of `sightings`
MINUTES = (1, 4)  # parts of an hour in which moments are located: the hour itself and its quarters
CAPABILITIES = ("coding", "agentic", "reasoning", "grading", "rewriting", "data_analysis", "vision", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summaries:
    """What the detector knows. Every table has a time, so a prefix of the log gives a prefix of each.

    * `activity`: account × hour: how much, of what shape, and for which organization.
    * `halves`: account × half of the data: the sum of it, and on how many days it was.
    * `sources`: account × hour × one value of each kind of which an exchange shows one: in how many
      exchanges.
    * `attributes`: account × indicator value of what the account table says, which has no hour.
    * `marks`: account × indicator value × hour of phrases and bands, whose values are digests.
    * `phrases`: the same of values that several accounts show, in arrays.
    * `sightings`: account × indicator value × half of the data, the sum of `sources` and `attributes`.
    * `items`: account × text × hour, of texts that several accounts sent.
    * `usage`: account × model × hour.
    * `conversations`: account × conversation, of those that several accounts carried on: when it began there.
    * `owners`: account → who openly answers for it: its organization, or a company's card and domain.
    * `accounts`, `releases`: the contract's own tables.
    """

    activity: ir.Table
    halves: ir.Table
    sources: ir.Table
    attributes: ir.Table
    marks: ir.Table
    phrases: Phrases
    sightings: ir.Table
    items: ir.Table
    usage: ir.Table
    conversations: ir.Table
    owners: ir.Table
    accounts: ir.Table
    releases: ir.Table

    def until(self, moment: datetime | ir.TimestampScalar) -> Summaries:
        """The tables of the log before `moment`, a full hour; `phrases` are cut for a moment that is
        known.
        """
        known = isinstance(moment, datetime)
        before = ibis.literal(moment, "timestamp('UTC', 6)") if known else moment
        activity = self.activity.filter(_.hour < before)
        sources = self.sources.filter(_.hour < before)
        return replace(
            self,
            activity=activity,
            halves=halved(activity),
            sources=sources,
            marks=self.marks.filter(_.hour < before),
            phrases=self.phrases.until(moment) if known else self.phrases,
            sightings=summed(sources, self.attributes),
            items=self.items.filter(_.hour < before),
            usage=self.usage.filter(_.hour < before),
            conversations=self.conversations.filter(_.first_seen < before),
        )


def halved(activity: ir.Table) -> ir.Table:
    """`halves` from `activity`."""
    counts = [name for name in activity.columns if name not in ("account_id", "half", "hour", "organization")]
    by_day = activity.group_by(["account_id", "half", activity.hour.truncate("D").name("day")])
    each = by_day.agg(**{name: activity[name].sum() for name in counts})
    return each.group_by(["account_id", "half"]).agg(
        **{name: each[name].sum() for name in counts}, days=_.count()
    )


def summed(sources: ir.Table, attributes: ir.Table) -> ir.Table:
    """`sightings` from what they are the sum of."""
    kinds = [name for name in sources.columns if name not in OF_SOURCES]
    # An account shows few different sources: added up over hours first, only those few are taken apart.
    few = sources.group_by(["account_id", "half", *kinds]).agg(exchanges=_.exchanges.sum())
    apart = [
        few.filter(few[kind].notnull()).select(
            "account_id", "half", "exchanges", kind=ibis.literal(kind), value=few[kind]
        )
        for kind in kinds
    ]
    parts = [attributes.select(*SIGHTING)]
    if apart:
        parts.append(ibis.union(*apart).group_by(list(SIGHTING[:-1])).agg(exchanges=_.exchanges.sum()))
    return ibis.union(*(part.select(*SIGHTING) for part in parts))


def summed_marks(marks: ir.Table) -> ir.Table:
    """`marks` summed over hours, as `sightings` are; of the values those that more than one account shows."""
    each = marks.group_by(list(SIGHTING[:-1])).agg(exchanges=_.exchanges.sum())
    spread = each.group_by(["kind", "value"]).agg(low=_.account_id.min(), high=_.account_id.max())
    shared = each.semi_join(spread.filter(_.low != _.high), ["kind", "value"])
    return shared.mutate(value=_.value.cast("string")).select(*SIGHTING)
