"""How are observations added up, so that two days merge by adding?

Everything after this stage reads summaries only. Each has a time (`hour` or `first_seen`), so a prefix of the
log gives a prefix of every summary: replaying in time order needs no second code path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from stillwatch.signals.registry import Indicator, all_indicators

SHORT_GAP_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Summaries:
    """The additive tables.

    * `activity`: account × hour: how much, and of what shape.
    * `sightings`: account × indicator value, per half: first time and number of exchanges.
    * `usage`: account × model × hour.
    * `accounts`: the account table itself.
    * `releases`: model releases.
    * `exchanges`: observations, one row per exchange once, for attribution.
    """

    exchanges: ir.Table
    activity: ir.Table
    sightings: ir.Table
    usage: ir.Table
    accounts: ir.Table
    releases: ir.Table
    used: tuple[Indicator, ...]
    skipped: tuple[tuple[Indicator, str], ...]

    def until(self, moment: ir.Value) -> Summaries:
        """The summaries of the log up to `moment`, a timestamp at a full hour."""
        return replace(
            self,
            exchanges=self.exchanges.filter(_.timestamp < moment),
            activity=self.activity.filter(_.hour < moment),
            sightings=self.sightings.filter(_.first_seen < moment),
            usage=self.usage.filter(_.hour < moment),
        )


def once(observations: ir.Table) -> ir.Table:
    """Every exchange once: of rows with one id the earliest counts."""
    return observations.distinct(on="exchange_id", keep="first")


def activity(exchanges: ir.Table) -> ir.Table:
    """Account × hour: counts and sums from which means over any period follow."""
    by_account = ibis.window(group_by="account_id", order_by=["timestamp", "exchange_id"])
    in_conversation = ibis.window(
        group_by=["account_id", "conversation_id"], order_by=["timestamp", "exchange_id"]
    )
    gap = _.timestamp.epoch_seconds() - _.timestamp.epoch_seconds().lag().over(by_account)
    rows = exchanges.mutate(
        hour=_.timestamp.truncate("h"),
        gap=gap,
        turn=ibis.row_number().over(in_conversation),
    )
    return rows.group_by(["account_id", "hour", "half"]).agg(
        exchanges=_.count(),
        short_gaps=(_.gap < SHORT_GAP_S).sum().fill_null(0),
        followups=(_.conversation_id.notnull() & (_.turn > 0)).sum().fill_null(0),
        with_conversation=_.conversation_id.notnull().sum(),
        output_known=_.output_tokens.notnull().sum(),
        output_log=(_.output_tokens.fill_null(0).clip(lower=0) + 1).log2().sum(),
        words_log=(_.words + 1).log2().sum(),
        **{f"capability_{c}": (_.capability == c).sum() for c in range(8)},
    )


def usage(exchanges: ir.Table) -> ir.Table:
    """Account × model × hour."""
    return exchanges.group_by(["account_id", "model", hour_of(exchanges)]).agg(exchanges=_.count())


def hour_of(exchanges: ir.Table) -> ir.Value:
    """The hour in which an exchange began."""
    return exchanges.timestamp.truncate("h").name("hour")


def sightings(exchanges: ir.Table, accounts: ir.Table, units: Iterable[Indicator]) -> ir.Table:
    """Account × indicator value × half: when first seen and in how many exchanges.

    Indicators of the account table are seen from the start, in both halves, with no exchange of their own.
    """
    parts = []
    for unit in units:
        name = unit.card.name
        if unit.card.table == "accounts":
            rows = accounts.select("account_id", value=unit.value(accounts)).filter(_.value.notnull())
            parts.append(
                rows.select(
                    "account_id",
                    kind=ibis.literal(name),
                    value=_.value,
                    half=ibis.null("int32"),
                    first_seen=ibis.null("timestamp('UTC', 6)"),
                    exchanges=ibis.literal(0, "int64"),
                )
            )
            continue
        value = unit.value(exchanges)
        rows = exchanges.select("account_id", "half", "timestamp", value=value)
        if value.type().is_array():
            rows = rows.mutate(value=_.value.unnest())
        rows = rows.filter(_.value.notnull())
        parts.append(
            rows.group_by(["account_id", "value", "half"])
            .agg(first_seen=_.timestamp.min(), exchanges=_.count())
            .select("account_id", kind=ibis.literal(name), value=_.value, half=_.half,
                    first_seen=_.first_seen, exchanges=_.exchanges)
        )  # fmt: skip
    return ibis.union(*parts)


def usable(columns: dict[str, set[str]]) -> tuple[tuple[Indicator, ...], tuple[tuple[Indicator, str], ...]]:
    """Indicators whose columns hold values, and the others with the reason."""
    used, skipped = [], []
    for unit in all_indicators():
        missing = [c for c in unit.card.columns if c not in columns[unit.card.table]]
        if missing:
            skipped.append((unit, "no value in " + ", ".join(f"`{unit.card.table}.{c}`" for c in missing)))
        else:
            used.append(unit)
    return tuple(used), tuple(skipped)


def filled(table: ir.Table) -> set[str]:
    """Names of the columns that hold at least one value."""
    counts: pa.Table = table.agg(**{name: table[name].notnull().any() for name in table.columns}).to_pyarrow()
    return {name for name in counts.column_names if counts.column(name)[0].as_py()}
