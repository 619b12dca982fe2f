"""How are observations added up, so that two days merge by adding?

Everything after this stage reads summaries only. Each has a time (`hour` or `first_seen`), so a prefix of the
log gives a prefix of every summary: replaying in time order needs no second code path.
"""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from stillwatch.signals.registry import Indicator, all_indicators

SHORT_GAP_S = 300
COMPANY_CARDS = 2
FEWEST_WORDS = 6


def once(observations: ir.Table) -> ir.Table:
    """Every exchange once: of rows with one id the earliest counts."""
    several = observations.group_by("exchange_id").agg(copies=_.count()).filter(_.copies > 1)
    copies = observations.semi_join(several, "exchange_id")
    place = ibis.row_number().over(
        ibis.window(group_by="exchange_id", order_by=["timestamp", "account_id", "prompt_key", "model"])
    )
    first = copies.mutate(place=place).filter(_.place == 0).drop("place")
    return observations.anti_join(several, "exchange_id").union(first)


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
    ).mutate(first_turn=_.conversation_id.isnull() | (_.turn == 0))
    return rows.group_by(["account_id", "hour", "half"]).agg(
        exchanges=_.count(),
        short_gaps=(_.gap < SHORT_GAP_S).sum().fill_null(0),
        gaps=_.gap.count(),
        gaps_log=_.gap.clip(lower=1).log2().sum().fill_null(0.0),
        gaps_log_squared=_.gap.clip(lower=1).log2().pow(2).sum().fill_null(0.0),
        first_turns=_.first_turn.sum().fill_null(0),
        followups=(_.conversation_id.notnull() & (_.turn > 0)).sum().fill_null(0),
        coercions=_.coerces.sum().fill_null(0),
        output_known=_.output_tokens.notnull().sum(),
        output_log=(_.output_tokens.fill_null(0).clip(lower=0) + 1).log2().sum(),
        words_log=(_.words + 1).log2().sum(),
        **{f"capability_{c}": (_.capability == c).sum() for c in range(8)},
    )


def items(exchanges: ir.Table) -> ir.Table:
    """Account × text × hour, of the texts that more than one account sent; short ones say nothing."""
    rows = exchanges.filter(_.words >= FEWEST_WORDS).group_by(
        ["account_id", _.text_key.name("item"), hour_of(exchanges)]
    )
    sent = rows.agg(exchanges=_.count())
    spread = sent.group_by("item").agg(low=_.account_id.min(), high=_.account_id.max())
    return sent.semi_join(spread.filter(_.low != _.high), "item")


def usage(exchanges: ir.Table) -> ir.Table:
    """Account × model × hour."""
    return exchanges.group_by(["account_id", "model", hour_of(exchanges)]).agg(exchanges=_.count())


def conversations(exchanges: ir.Table) -> ir.Table:
    """Account × conversation, of the conversations that more than one account carried on."""
    rows = exchanges.filter(_.conversation_id.notnull())
    held = rows.group_by(["conversation_id", "account_id"]).agg(
        first_seen=_.timestamp.min(), exchanges=_.count()
    )
    many = held.group_by("conversation_id").agg(holders=_.count()).filter(_.holders > 1)
    return held.semi_join(many, "conversation_id")


def owners(exchanges: ir.Table, accounts: ir.Table) -> ir.Table:
    """Account → who openly answers for it.

    Accounts of one organization, or of one card and one domain that few cards pay for, do not hide that they
    belong together: what they have in common is no evidence of hidden control.
    """
    organized = exchanges.group_by("account_id").agg(organization=_.organization_id.max())
    cards = accounts.group_by("email_domain").agg(cards=_.payment_fingerprint.nunique())
    company = (
        accounts.join(cards.filter(_.cards <= COMPANY_CARDS), "email_domain")
        .filter(_.payment_fingerprint.notnull())
        .select("account_id", company=_.email_domain + "\x1f" + _.payment_fingerprint)
    )
    return organized.left_join(company, "account_id").select(
        "account_id", owner=ibis.coalesce(_.organization, _.company, _.account_id)
    )


def hour_of(exchanges: ir.Table) -> ir.Value:
    """The hour in which an exchange began."""
    return exchanges.timestamp.truncate("h").name("hour")


def sightings(exchanges: ir.Table, accounts: ir.Table, units: Iterable[Indicator]) -> ir.Table:
    """Account × indicator value × hour: in how many exchanges.

    Of the kinds of which an exchange shows many values (phrases, bands) those that one account alone shows are
    left out. Indicators of the account table have no hour: they are known from the start.
    """
    parts = []
    for unit in units:
        kind = ibis.literal(unit.card.name)
        if unit.card.table == "accounts":
            rows = accounts.select("account_id", value=unit.value(accounts)).filter(_.value.notnull())
            parts.append(
                rows.select(
                    "account_id",
                    "value",
                    kind=kind,
                    half=ibis.null("int32"),
                    hour=ibis.null("timestamp"),
                    exchanges=ibis.literal(0, "int64"),
                )
            )
            continue
        value = unit.value(exchanges)
        rows = exchanges.select("account_id", "half", hour=_.timestamp.truncate("h"), value=value)
        if value.type().is_array():
            rows = rows.mutate(value=_.value.unnest())
        counted = (
            rows.filter(_.value.notnull())
            .group_by(["account_id", "value", "half", "hour"])
            .agg(exchanges=_.count())
        )
        if value.type().is_array():
            spread = counted.group_by("value").agg(low=_.account_id.min(), high=_.account_id.max())
            counted = counted.semi_join(spread.filter(_.low != _.high), "value")
        parts.append(counted.select("account_id", "value", "half", "hour", "exchanges", kind=kind))
    names = ("account_id", "kind", "value", "half", "hour", "exchanges")
    return ibis.union(*(part.select(*names) for part in parts))


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
    """Names of the columns that hold at least one value; an empty list and a key of nothing are none."""
    counts: pa.Table = table.agg(**{name: _told(table, name).any() for name in table.columns}).to_pyarrow()
    return {name for name in counts.column_names if counts.column(name)[0].as_py()}


def _told(table: ir.Table, name: str) -> ir.BooleanValue:
    column = table[name]
    if column.type().is_array():
        return column.length() > 0
    if name.endswith("_key") or name.startswith("band_") or name == "words":
        return column != 0
    return column.notnull()
