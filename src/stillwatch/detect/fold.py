"""How are observations added up, so that two days merge by adding?

Everything after this stage reads summaries only. Each has a time (`hour` or `first_seen`), so a prefix of the
log gives a prefix of every summary: replaying in time order needs no second code path.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from stillwatch.contract.summaries import MINUTES, OF_SOURCES
from stillwatch.signals.registry import Indicator, all_indicators

SHORT_GAP_S = 300
COMPANY_CARDS = 2
FEWEST_WORDS = 6
STEPS = 1 << 20
OWN = ("exchange_id", "exchange_key", "prompt_key", "opening_key", "band_", "input_tokens", "status")
MARKS = ("account_id", "kind", "value", "half", "hour", "exchanges")


def copies(observations: ir.Table) -> ir.Table:
    """Keys of the exchanges of which there is more than one row."""
    return observations.group_by("exchange_key").agg(copies=_.count()).filter(_.copies > 1)


def once(observations: ir.Table, several: ir.Table) -> ir.Table:
    """Of the rows of each exchange in `several`, which have one id, account, time and text, the first by
    what else they say.
    """
    place = ibis.row_number().over(
        ibis.window(
            group_by="exchange_key",
            order_by=[
                "model",
                "prompt_key",
                "input_tokens",
                "output_tokens",
                "status",
                "client_ip",
                "user_agent",
            ],
        )
    )
    rows = observations.semi_join(several, "exchange_key")
    return rows.mutate(place=place).filter(_.place == 0).drop("place")


def timed(exchanges: ir.Table) -> ir.Table:
    """Exchanges with the `second`, the `hour` and the `day` in which they began, as all that follows
    takes them.
    """
    return exchanges.mutate(
        second=_.timestamp.epoch_seconds().floor().cast("int64"),
        hour=_.timestamp.truncate("h"),
        day=_.timestamp.truncate("D"),
    )


def flat(exchanges: ir.Table) -> ir.Table:
    """Exchanges without what only `marks` reads, lists above all, which weigh as much as all others, and
    without names and keys of their own.
    """
    read = columns_of(one_valued(exchanges))
    schema = exchanges.schema().items()
    return exchanges.drop(
        name for name, kind in schema if kind.is_array() or (name.startswith(OWN) and name not in read)
    )


def activity(exchanges: ir.Table, held: ir.Table) -> ir.Table:
    """Account × hour: counts and sums from which means over any period follow, and the organization that the
    account names, the last by name where there are several; `held` are the `conversations` of these
    exchanges.

    Gaps, of whole seconds, and turns are those within a UTC day, so that days add up. Sums of logarithms are
    whole multiples of 2^-20, so that their value does not depend on the order in which an engine adds.
    """
    by_account = ibis.window(group_by=["account_key", "day"], order_by="timestamp")
    rows = exchanges.mutate(gap=_.second - _.second.lag().over(by_account))
    long = _.gap.clip(lower=1).log2()
    counted = rows.group_by(["account_id", "hour", "half"]).agg(
        exchanges=_.count(),
        short_gaps=(_.gap < SHORT_GAP_S).sum().fill_null(0),
        gaps=_.gap.count(),
        gaps_log=_exact(long),
        gaps_log_squared=_exact(long * long),
        talk=(_.conversation_key != 0).sum().fill_null(0),
        coercions=_.coerces.sum().fill_null(0),
        refusals=refused(_.finish_reason).sum().fill_null(0),
        output_known=_.output_tokens.notnull().sum(),
        output_log=_exact((_.output_tokens.fill_null(0).clip(lower=0) + 1).log2()),
        texts=_.written.notnull().sum(),
        written=_.written.sum().fill_null(0),
        words_log=_exact((_.words + 1).log2()),
        organization=_.organization_id.max(),
        **{f"capability_{c}": (_.capability == c).sum() for c in range(8)},
        **{
            f"minute_{part}_{times}": _exact(getattr(angle(_.second, times), part)())
            for times in MINUTES
            for part in ("cos", "sin")
        },
    )
    first = held.group_by(["account_id", "conversation", held.hour.truncate("D").name("day")]).agg(
        hour=_.hour.min()
    )
    began = first.group_by(["account_id", "hour"]).agg(began=_.count())
    both = counted.left_join(began, ["account_id", "hour"]).drop("account_id_right", "hour_right")
    return both.mutate(
        first_turns=_.exchanges - _.talk + _.began.fill_null(0), followups=_.talk - _.began.fill_null(0)
    ).drop("talk", "began")


def angle(second: ir.IntegerValue, times: int) -> ir.FloatingValue:
    """Place of a moment within the hour (`times` 1) or within an equal part of it, as an angle in radians."""
    return (second % (3600 // times)).cast("float64") * (2 * math.pi * times / 3600)


def refused(finish_reason: ir.StringValue) -> ir.BooleanValue:
    """Whether the provider itself refused to be distilled: its category of refusal says so."""
    told = finish_reason.fill_null("").lower()
    return told.startswith("refusal:") & (told.contains("extract") | told.contains("distill"))


def _exact(value: ir.FloatingValue) -> ir.FloatingValue:
    return (value * STEPS).round().cast("int64").sum().fill_null(0).cast("float64") / STEPS


def items(exchanges: ir.Table) -> ir.Table:
    """Account × text × hour; short texts say nothing."""
    rows = exchanges.filter(_.words >= FEWEST_WORDS)
    return rows.group_by(["account_id", _.text_key.name("item"), "hour"]).agg(exchanges=_.count())


def shared_items(sent: ir.Table) -> ir.Table:
    """Those of the texts that more than one account sent."""
    return _shared(sent, "item")


def usage(exchanges: ir.Table) -> ir.Table:
    """Account × model × hour."""
    return exchanges.group_by(["account_id", "model", "hour"]).agg(exchanges=_.count())


def conversations(exchanges: ir.Table) -> ir.Table:
    """Account × conversation × hour."""
    rows = exchanges.filter(_.conversation_key != 0)
    return rows.group_by(["account_id", _.conversation_key.name("conversation"), "hour"]).agg(
        exchanges=_.count()
    )


def shared_conversations(held: ir.Table) -> ir.Table:
    """Account × conversation, of the conversations that more than one account carried on: when it began
    there.
    """
    return (
        _shared(held, "conversation")
        .group_by(["account_id", "conversation"])
        .agg(first_seen=_.hour.min(), exchanges=_.exchanges.sum())
    )


def _shared(rows: ir.Table, name: str) -> ir.Table:
    """Rows whose value of this name more than one account shows; most values have one row, and are told
    at once.
    """
    again = rows.group_by(name).agg(rows=_.count()).filter(_.rows > 1)
    several = rows.semi_join(again, name)
    spread = several.group_by(name).agg(low=_.account_id.min(), high=_.account_id.max())
    return rows.semi_join(spread.filter(_.low != _.high), name)


def owners(activity: ir.Table, accounts: ir.Table) -> ir.Table:
    """Account → who openly answers for it.

    Accounts of one organization, or of one card and one domain that few cards pay for, do not hide that they
    belong together: what they have in common is no evidence of hidden control.
    """
    organized = activity.group_by("account_id").agg(organization=_.organization.max())
    cards = accounts.group_by("email_domain").agg(cards=_.payment_fingerprint.nunique())
    company = (
        accounts.join(cards.filter(_.cards <= COMPANY_CARDS), "email_domain")
        .filter(_.payment_fingerprint.notnull())
        .select("account_id", company=_.email_domain + "\x1f" + _.payment_fingerprint)
    )
    return organized.left_join(company, "account_id").select(
        "account_id", owner=ibis.coalesce(_.organization, _.company, _.account_id)
    )


def sources(exchanges: ir.Table, units: Sequence[Indicator]) -> ir.Table:
    """Account × hour × the values of `units`, of each of which an exchange shows one: in how many exchanges.

    Values are made of columns that have been counted already, since most of them stay what they are for
    hours.
    """
    read = columns_of(units)
    keys = exchanges.select("account_id", "half", "hour", *read)
    counted = keys.group_by(list(keys.columns)).agg(exchanges=_.count())
    values = {unit.card.name: unit.value(counted) for unit in units}
    return counted.select(*OF_SOURCES, **values)


def columns_of(units: Iterable[Indicator]) -> list[str]:
    """Columns of which the values of these indicators are made."""
    return sorted({column for unit in units for column in unit.card.columns})


def one_valued(exchanges: ir.Table) -> list[Indicator]:
    """The indicators of which an exchange shows one value."""
    return [
        unit for unit in all_indicators() if unit.card.table != "accounts" and not is_many(unit, exchanges)
    ]


def marks(exchanges: ir.Table, thinned: int) -> ir.Table:
    """Account × indicator value × hour of the kinds of which an exchange shows many: phrases and bands, whose
    values are digests.

    Of the digests one in 2^`thinned` is kept, the same ones for every account and every day, so that what
    several accounts share stays shared (coordinated sampling; Broder 1997, Cohen and Kaplan 2007).
    """
    parts = []
    for unit in all_indicators():
        if unit.card.table == "accounts" or not is_many(unit, exchanges):
            continue
        rows = exchanges.select("account_id", "half", "hour", value=unit.value(exchanges))
        rows = thin(rows.mutate(value=_.value.unnest()).filter(_.value.notnull()), thinned)
        counted = rows.group_by(["account_id", "value", "half", "hour"])
        parts.append(
            counted.agg(exchanges=_.count()).mutate(kind=ibis.literal(unit.card.name)).select(*MARKS)
        )
    return ibis.union(*parts)


def thin(rows: ir.Table, thinned: int, digest: str = "value") -> ir.Table:
    """Rows with one `digest` in 2^`thinned`."""
    return rows.filter((_[digest] & ((1 << thinned) - 1)) == 0) if thinned else rows


def halvings(number: int, most: int) -> int:
    """The least k for which one in 2^k of `number` are at most `most`."""
    return max(0, (number - 1) // most).bit_length()


def is_many(unit: Indicator, exchanges: ir.Table) -> bool:
    """Whether an exchange shows many values of this kind."""
    return bool(unit.value(exchanges).type().is_array())


def attributes(accounts: ir.Table, half: ir.IntegerValue) -> ir.Table:
    """Sightings of the account table's kinds, which have no half; of the type of the column `half`."""
    parts = []
    for unit in all_indicators():
        if unit.card.table == "accounts":
            rows = accounts.select("account_id", value=unit.value(accounts)).filter(_.value.notnull())
            told = rows.mutate(
                kind=ibis.literal(unit.card.name),
                half=ibis.null(half.type()),
                exchanges=ibis.literal(0, "int64"),
            )
            parts.append(told.select("account_id", "kind", "value", "half", "exchanges"))
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
