"""Summary tables of the observations, from which the detector works. They are additive: the tables of two
days are merged by adding counts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime

import ibis
import ibis.expr.types as ir
from ibis import _

from stillwatch.contract.phrases import Phrases

OF_SOURCES = ("account_id", "half", "hour", "exchanges")  # columns of `sources` other than indicator kinds
SIGHTING = ("account_id", "kind", "value", "half", "exchanges")  # columns of `sightings`
MINUTES = (1, 4)  # parts into which an hour is divided to measure the place of a moment: 1, and quarters
# Names of the capability classes; a class is stored as its position here.
CAPABILITIES = ("coding", "agentic", "reasoning", "grading", "rewriting", "data_analysis", "vision", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summaries:
    """All summary tables of a log, the only input of the detector. "Half of the data" is the half that
    proposes candidates (0) or that tests them (1).

    * `activity`: account × hour: counts and sums of exchanges, and the declared organization.
    * `halves`: account × half of the data: `activity` summed, and the number of days with an exchange.
    * `sources`: account × hour × one value of each indicator kind that has one value per exchange: number of
      exchanges.
    * `attributes`: account × indicator value from the account table, which has no hour.
    * `marks`: account × indicator value × hour for phrases and bands, whose values are digests.
    * `phrases`: `marks` in arrays, for values that several accounts show.
    * `sightings`: account × indicator value × half of the data: `sources` summed, and `attributes`, without
      `excused` values.
    * `items`: account × text × hour, for texts that several accounts sent.
    * `usage`: account × model × hour.
    * `conversations`: account × conversation, for conversations that several accounts took part in: the hour
      of the account's first exchange in it.
    * `owners`: account → its declared owner: its organization, or a company's card and mail domain, or the
      account itself.
    * `accounts`, `releases`: the contract's own tables.
    * `excused`: kind × value that people labelled honest, which is no evidence; None for none.
    * `labelled`: account × explanation × value, where people labelled the value as the explanation's mark;
      None for none.
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
    excused: ir.Table | None = None
    labelled: ir.Table | None = None

    @property
    def seen(self) -> ir.Table:
        """`sightings` with `excused` values, which may be marks of innocent explanations."""
        return self.sightings if self.excused is None else summed(self.sources, self.attributes)

    @property
    def tables(self) -> tuple[ir.Table, ...]:
        """All tables of the engine, in the order of the fields."""
        values = (getattr(self, field.name) for field in fields(self))
        return tuple(value for value in values if isinstance(value, ir.Table))

    def until(self, moment: datetime | ir.TimestampScalar) -> Summaries:
        """The summaries of the log before `moment`, which must be a full hour.

        `phrases` are cut only where `moment` is a `datetime`, not where it is an expression. `attributes`,
        `owners`, `accounts`, `releases`, `excused` and `labelled` are those of the whole log.
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
            sightings=without(summed(sources, self.attributes), self.excused),
            items=self.items.filter(_.hour < before),
            usage=self.usage.filter(_.hour < before),
            conversations=self.conversations.filter(_.first_seen < before),
        )


def halved(activity: ir.Table) -> ir.Table:
    """`Summaries.halves` made from `Summaries.activity`: every count summed by account and half, and `days`,
    the number of days with a row.
    """
    counts = [name for name in activity.columns if name not in ("account_id", "half", "hour", "organization")]
    by_day = activity.group_by(["account_id", "half", activity.hour.truncate("D").name("day")])
    each = by_day.agg(**{name: activity[name].sum() for name in counts})
    return each.group_by(["account_id", "half"]).agg(
        **{name: each[name].sum() for name in counts}, days=_.count()
    )


def summed(sources: ir.Table, attributes: ir.Table) -> ir.Table:
    """`Summaries.sightings` made from `Summaries.sources` and `Summaries.attributes`."""
    kinds = [name for name in sources.columns if name not in OF_SOURCES]
    # An account has few different sources, so it is cheaper to sum over hours before splitting by kind.
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


def without(sightings: ir.Table, values: ir.Table | None) -> ir.Table:
    """Sightings without these kinds and values; all of them for None."""
    return sightings if values is None else sightings.anti_join(values, ["kind", "value"])


def labelled_marks(summaries: Summaries, marks: ir.Table, share: float) -> ir.Table:
    """`Summaries.labelled` for the values in `marks` (explanation, kind and value): accounts that show one of
    them in at least a share `share` of their exchanges, or have it in the account table.
    """
    total = summaries.halves.group_by("account_id").agg(of=_.exchanges.sum())
    seen = summaries.sightings.inner_join(marks, ["kind", "value"])
    each = seen.group_by(["account_id", "explanation", "kind", "value"]).agg(
        exchanges=_.exchanges.sum(), stated=_.half.isnull().any()
    )
    shown = each.inner_join(total, "account_id").filter(_.stated | (_.exchanges >= share * _.of))
    return shown.select("account_id", "explanation", "value")


def summed_marks(marks: ir.Table) -> ir.Table:
    """`Summaries.marks` summed over hours, with the columns of `sightings`, for values that more than one
    account shows.
    """
    each = marks.group_by(list(SIGHTING[:-1])).agg(exchanges=_.exchanges.sum())
    spread = each.group_by(["kind", "value"]).agg(low=_.account_id.min(), high=_.account_id.max())
    shared = each.semi_join(spread.filter(_.low != _.high), ["kind", "value"])
    return shared.mutate(value=_.value.cast("string")).select(*SIGHTING)
