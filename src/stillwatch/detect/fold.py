"""Summaries of the observations, in a form in which the summaries of two days can be added.

Later stages read summaries only. Every summary has a time (`hour` or `first_seen`), so that the summary of a
prefix of the log is a prefix of the summary, and a replay in time order needs no other code.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from stillwatch.contract.observations import OBSERVED
from stillwatch.contract.summaries import MINUTES, OF_SOURCES
from stillwatch.signals.registry import Indicator, all_indicators

SHORT_GAP_S = 300  # seconds between two exchanges of an account below which the gap is short
COMPANY_CARDS = 2  # different cards of a mail domain, at most, for it to be a company's
FEWEST_WORDS = 6  # words below which a text is not counted in `items`
STEPS = 1 << 20  # steps per unit to which `_exact` rounds
# Columns of `Summaries.marks`.
MARKS = ("account_id", "kind", "value", "half", "hour", "exchanges")


def copies(observations: ir.Table) -> ir.Table:
    """`exchange_key` and number of rows (`copies`) of the exchanges that have more than one row."""
    return observations.group_by("exchange_key").agg(copies=_.count()).filter(_.copies > 1)


def once(observations: ir.Table, several: ir.Table) -> ir.Table:
    """One row of each exchange in `several`, the result of `copies`.

    The rows of an exchange have the same id, account, time and text; the first one in the order of the other
    columns is kept, so that the choice does not depend on the engine.
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
    """`exchanges` with the columns `second` (since 1970), `hour` and `day` (UTC) of their `timestamp`, which
    the other functions of this module read.
    """
    return exchanges.mutate(
        second=_.timestamp.epoch_seconds().floor().cast("int64"),
        hour=_.timestamp.truncate("h"),
        day=_.timestamp.truncate("D"),
    )


def flat(exchanges: ir.Table) -> ir.Table:
    """`exchanges` without list columns, which only `marks` reads and which take half of the memory, and
    without columns that neither a summary nor a one-valued indicator reads.
    """
    read = columns_of(one_valued())
    known = (OBSERVED[name] for name in exchanges.columns if name in OBSERVED)
    return exchanges.drop(
        one.name for one in known if one.role == "digests" or not (one.is_summed or one.name in read)
    )


def activity(exchanges: ir.Table, held: ir.Table) -> ir.Table:
    """Account × hour: counts and sums from which means over any period are computed, and the declared
    organization (the last in alphabetical order where there are several).

    Gaps, in whole seconds, and turns of conversations are counted within a UTC day, so that days can be
    added. Logarithms are to base 2. Their sums are multiples of 1 / `STEPS`, so that they do not depend on
    the order in which an engine adds.

    Args:
        exchanges: Result of `timed`.
        held: Result of `conversations` for the same exchanges.
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
    """Position of `second` within the hour (`times` = 1) or within one of `times` equal parts of it, as an
    angle in radians.
    """
    return (second % (3600 // times)).cast("float64") * (2 * math.pi * times / 3600)


def refused(finish_reason: ir.StringValue) -> ir.BooleanValue:
    """Whether `finish_reason` says that the provider refused the request as extraction or distillation; False
    for null.
    """
    reason = finish_reason.fill_null("").lower()
    return reason.startswith("refusal:") & (reason.contains("extract") | reason.contains("distill"))


def _exact(value: ir.FloatingValue) -> ir.FloatingValue:
    """Sum of `value` rounded to multiples of 1 / `STEPS`, independent of the order of addition; 0 for no
    rows.
    """
    return (value * STEPS).round().cast("int64").sum().fill_null(0).cast("float64") / STEPS


def items(exchanges: ir.Table) -> ir.Table:
    """Account × text (`item`, a key) × hour: number of exchanges with that text, for texts of at least
    `FEWEST_WORDS` words.
    """
    rows = exchanges.filter(_.words >= FEWEST_WORDS)
    return rows.group_by(["account_id", _.text_key.name("item"), "hour"]).agg(exchanges=_.count())


def shared_items(sent: ir.Table) -> ir.Table:
    """The rows of `items` whose text more than one account sent."""
    return _shared(sent, "item")


def usage(exchanges: ir.Table) -> ir.Table:
    """Account × model × hour: number of exchanges."""
    return exchanges.group_by(["account_id", "model", "hour"]).agg(exchanges=_.count())


def conversations(exchanges: ir.Table) -> ir.Table:
    """Account × conversation × hour: number of exchanges, for exchanges with a conversation id."""
    rows = exchanges.filter(_.conversation_key != 0)
    return rows.group_by(["account_id", _.conversation_key.name("conversation"), "hour"]).agg(
        exchanges=_.count()
    )


def shared_conversations(held: ir.Table) -> ir.Table:
    """Account × conversation, for conversations that more than one account took part in: the account's first
    hour in it (`first_seen`) and its exchanges.
    """
    return (
        _shared(held, "conversation")
        .group_by(["account_id", "conversation"])
        .agg(first_seen=_.hour.min(), exchanges=_.exchanges.sum())
    )


def _shared(rows: ir.Table, name: str) -> ir.Table:
    """Rows whose value in the column `name` more than one account shows. Values with one row, which are most,
    are removed first for speed.
    """
    again = rows.group_by(name).agg(rows=_.count()).filter(_.rows > 1)
    several = rows.semi_join(again, name)
    spread = several.group_by(name).agg(low=_.account_id.min(), high=_.account_id.max())
    return rows.semi_join(spread.filter(_.low != _.high), name)


def owners(activity: ir.Table, accounts: ir.Table) -> ir.Table:
    """Account: name of its declared owner (`owner`).

    The owner is the account's organization; else its mail domain with its card, where at most
    `COMPANY_CARDS` cards pay for accounts of that domain; else the account itself. Accounts of one owner do
    not hide that they belong together, so what they share is no evidence of hidden control.
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
    """Account × hour × half × one value of each of `units`: number of exchanges.

    Each of `units` must have one value per exchange (`one_valued`). Exchanges with equal columns are counted
    before values are made of the columns, which is faster.
    """
    read = columns_of(units)
    keys = exchanges.select("account_id", "half", "hour", *read)
    counted = keys.group_by(list(keys.columns)).agg(exchanges=_.count())
    values = {unit.card.name: unit.value(counted) for unit in units}
    return counted.select(*OF_SOURCES, **values)


def columns_of(units: Iterable[Indicator]) -> list[str]:
    """Names of the columns that these indicators read, sorted."""
    return sorted({column for unit in units for column in unit.card.columns})


def one_valued() -> list[Indicator]:
    """The indicators over observations that have one value per exchange, and not a list."""
    return [unit for unit in all_indicators() if unit.is_timed and not unit.is_list]


def marks(exchanges: ir.Table, thinned: int) -> ir.Table:
    """Account × indicator value × hour: number of exchanges, for the kinds with many values per exchange
    (phrases and bands), whose values are 64-bit digests.

    One digest in 2^`thinned` is kept, the same ones for every account and day, so that a value is kept for
    all accounts that share it or for none (coordinated sampling; Broder 1997, Cohen and Kaplan 2007).
    """
    parts = []
    for unit in all_indicators():
        if not (unit.is_timed and unit.is_list):
            continue
        rows = exchanges.select("account_id", "half", "hour", value=unit.value(exchanges))
        rows = thin(rows.mutate(value=_.value.unnest()).filter(_.value.notnull()), thinned)
        counted = rows.group_by(["account_id", "value", "half", "hour"])
        parts.append(
            counted.agg(exchanges=_.count()).mutate(kind=ibis.literal(unit.card.name)).select(*MARKS)
        )
    return ibis.union(*parts)


def thin(rows: ir.Table, thinned: int, digest: str = "value") -> ir.Table:
    """The rows whose value in the column `digest` has `thinned` zeros as its lowest bits: one in 2^`thinned`
    of random digests.
    """
    return rows.filter((_[digest] & ((1 << thinned) - 1)) == 0) if thinned else rows


def halvings(number: int, most: int) -> int:
    """The least k >= 0 with `number` / 2^k <= `most`."""
    return max(0, (number - 1) // most).bit_length()


def attributes(accounts: ir.Table, half: ir.IntegerValue) -> ir.Table:
    """Account × indicator value for the indicators over the account table, with the columns of `sightings`.

    `half` is null, in the type of the given column, and `exchanges` is 0.
    """
    parts = []
    for unit in all_indicators():
        if not unit.is_timed:
            rows = accounts.select("account_id", value=unit.value(accounts)).filter(_.value.notnull())
            shown = rows.mutate(
                kind=ibis.literal(unit.card.name),
                half=ibis.null(half.type()),
                exchanges=ibis.literal(0, "int64"),
            )
            parts.append(shown.select("account_id", "kind", "value", "half", "exchanges"))
    return ibis.union(*parts)


def usable(columns: dict[str, set[str]]) -> tuple[tuple[Indicator, ...], tuple[tuple[Indicator, str], ...]]:
    """The indicators that can be used, and the others with the reason.

    `columns` has for each table the names of the columns that hold a value, as from `filled`.
    """
    used, skipped = [], []
    for unit in all_indicators():
        missing = [c for c in unit.card.columns if c not in columns[unit.card.table]]
        if missing:
            skipped.append((unit, "no value in " + ", ".join(f"`{unit.card.table}.{c}`" for c in missing)))
        else:
            used.append(unit)
    return tuple(used), tuple(skipped)


def filled(table: ir.Table) -> set[str]:
    """Names of the columns with at least one value that is not null."""
    counts: pa.Table = table.agg(**{name: table[name].notnull().any() for name in table.columns}).to_pyarrow()
    return {name for name in counts.column_names if counts.column(name)[0].as_py()}
