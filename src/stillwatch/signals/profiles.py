"""Parts that several group tests share: measures of each account on each half of the data, their comparison
between members and others, and draws under the null.

Half 0 of the data proposes what is compared, half 1 tests it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome
from stillwatch.stats.arrays import Bools, Floats, Ints
from stillwatch.stats.evalues import bounded_log_e
from stillwatch.stats.factorize import Same
from stillwatch.stats.homogeneity import COVERS, FEWEST_REFERENCE, FEWEST_VALUES, Alike, Lack, alike

FEWEST_EXCHANGES = 2  # exchanges in a half of the data that an account needs for a measure
FEWEST_OF_DAY = 6  # the same for measures of the hours of the day
DOING_FEWEST, DOING_FEWEST_OTHERS = 8, 40  # members, and other accounts, that `doing_finding` needs
# Least probability that the null of `doing_finding` allows, and its factor on the share of other accounts.
DOING_FLOOR, DOING_ENRICHMENT = 0.2, 5.0
DOING_LARGEST_BOUND = 0.9  # probability under the null above which a member is left out; chosen
ColumnValues = Same[npt.NDArray[np.generic]]

# Null of tests that use `alike_finding`, for their cards.
ALIKE_NULL = (
    "each member independently falls into the group's own span with probability at most max(1/2, 3 times the "
    "share of "
    "other accounts that do)"
)


def per_half(
    halves: ir.Table, value: Callable[[ir.Table], ir.Value], fewest: int = FEWEST_EXCHANGES
) -> ir.Table:
    """Account × half: `value` of the account's row of `Summaries.halves`, where that half has at least
    `fewest` exchanges. Columns are `account_id`, `half`, `exchanges` and `value`.
    """
    rows = halves.filter(halves.exchanges >= fewest)
    return rows.select("account_id", "half", "exchanges", value=value(rows).cast("float64").round(9))


def alike_finding(
    rows: Columns,
    member: Mask,
    sentence: str,
    unit: Callable[[float], str],
    *,
    needs: str,
    compare: Callable[[Floats, Floats, Floats], Alike | Lack] = alike,
) -> Outcome:
    """Result of `compare` for members' values on both halves and other accounts' values on half 1.

    Args:
        rows: Columns `value`, `half` and `exchanges`, one row per account and half.
        member: Mask of the members' rows.
        sentence: Statement of the finding, with the fields {inside}, {members}, {share}, {low} and {high}.
        unit: Formats a value as text with its unit.
        needs: What an account needs to have a value in a half, for reasons: "2 exchanges".
        compare: The test: `alike` or `even` of `stats.homogeneity`.
    """
    value, half = np.asarray(rows["value"], float), np.asarray(rows["half"])
    found = compare(value[member & (half == 0)], value[member & (half == 1)], value[~member & (half == 1)])
    if isinstance(found, Lack):
        return _no_comparison(found, needs)
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


def _no_comparison(lack: Lack, needs: str) -> NoFinding:
    """`lack` as the result of a group test; `needs` is as in `alike_finding`."""
    if lack.of == "contrast":
        return NoFinding(
            f"every range that holds {100 * min(COVERS):.0f} % of the members is wide enough for more than "
            f"{100 * lack.limit:.0f} % "
            "of other accounts"
        )
    accounts = "other accounts" if lack.of == "reference" else "members"
    half = "proposes the range" if lack.of == "proposed" else "is tested"
    return NoFinding(
        f"fewer than {lack.limit:.0f} {accounts} have {needs} in the half of the hours that {half}"
    )


def doing(value: Callable[[ir.Table], ir.Value]) -> Callable[[Summaries], ir.Table]:
    """A function for `GroupTest.rows` that gives the rows of `doing_finding`: account × half with `value` of
    its activity, and `client`, the account's most frequent user agent (null for none).
    """

    def rows(summaries: Summaries) -> ir.Table:
        """Rows of the summaries: account, half, exchanges, value, and the account's most frequent client."""
        agents = summaries.sightings.filter(_.kind == "user_agent").group_by(["account_id", "value"])
        counted = agents.agg(n=_.exchanges.sum())
        first = ibis.row_number().over(ibis.window(group_by="account_id", order_by=[ibis.desc("n"), "value"]))
        mainly = counted.mutate(place=first).filter(_.place == 0).select("account_id", client=_.value)
        measured = per_half(summaries.halves, value, 1)
        return measured.left_join(mainly, "account_id").select(
            "account_id", "half", "exchanges", "value", "client"
        )

    return rows


def doing_finding(rows: Columns, member: Mask, many: float, sentence: str, nobody: str) -> Outcome:
    """Test of whether members do something more often than others: on half 1, the number of members whose
    `value` (a share of their exchanges) is at least `many`.

    Null: each member independently does so with probability at most max(`DOING_FLOOR`, `DOING_ENRICHMENT`
    times the share of other accounts that do, `DOING_ENRICHMENT` times the share of other users of its client
    that do). The client counts because it may write such text by itself. Members whose bound exceeds
    `DOING_LARGEST_BOUND` are left out of the e-value.

    Args:
        rows: Columns of `doing`, with `client` as codes, -1 for none.
        member: Mask of the members' rows.
        many: The least share of an account's exchanges.
        sentence: Statement of the finding, with the fields {does}, {members} and {share}.
        nobody: Reason to return where no member does it.
    """
    tested = np.asarray(rows["half"]) == 1
    does = np.asarray(rows["value"], float) >= many
    mine, others = does[tested & member], does[tested & ~member]
    for accounts, fewest, whose in (
        (mine, DOING_FEWEST, "members"),
        (others, DOING_FEWEST_OTHERS, "other accounts"),
    ):
        if len(accounts) < fewest:
            return NoFinding(
                f"fewer than {fewest} {whose} have an exchange in the half of the hours that is tested"
            )
    if not mine.any():
        return NoFinding(nobody)
    usual = float((others.sum() + 1) / (len(others) + 1))
    client = np.asarray(rows["client"], np.int64)[tested] + 1  # -1 is no client
    outside = ~member[tested]
    users = np.bincount(client[outside], minlength=int(client.max()) + 1)
    doers = np.bincount(client[outside], weights=others, minlength=len(users))
    of_client = ((doers + usual) / (users + 1.0))[client[~outside]]
    of_client[client[~outside] == 0] = usual
    bound = np.maximum(DOING_ENRICHMENT * np.maximum(usual, of_client), DOING_FLOOR)
    compared = np.flatnonzero(bound <= DOING_LARGEST_BOUND)
    # In one order whatever that of the rows is, on which the last bit of the sum would depend.
    compared = compared[np.lexsort((mine[compared], bound[compared]))]
    number = int(mine.sum())
    return Finding(
        log_e=bounded_log_e(mine[compared], bound[compared]),
        value=f"{number} of {len(mine)} members",
        accounts=number,
        exchanges=int(np.asarray(rows["exchanges"])[tested & member].sum()),
        statement=sentence.format(does=number, members=len(mine), share=f"{100 * usual:.1f} %"),
    )


def curious(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """A draw under the null of `doing_finding`: one account in fifty does it, members and others alike."""
    n = accounts * 6
    share = np.where(rng.random(n) < 0.02, rng.random(n), 0.0)
    rows = {
        "account": np.arange(n),
        "half": np.ones(n, np.int64),
        "value": share,
        "client": np.arange(n) % 7,
        "exchanges": np.full(n, 10),
    }
    return rows, np.arange(n) < accounts


def independent(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """A draw under the null of `alike_finding`: members and others have values of one law, and the two
    halves of an account have similar values.
    """
    n = accounts * 6
    own = rng.normal(size=n)
    value = np.concatenate([own + 0.2 * rng.normal(size=n), own + 0.2 * rng.normal(size=n)])
    half = np.repeat([0, 1], n)
    member = np.tile(np.arange(n) < accounts, 2)
    return {"value": value, "half": half, "exchanges": np.full(2 * n, 10)}, member


def least_active_third(activity: ir.Table) -> ir.Table:
    """Account × half: `value`, the share of its exchanges in its eight least active consecutive hours of the
    day, for accounts with at least `FEWEST_OF_DAY` exchanges in that half.
    """
    of_day = activity.hour.hour()
    sums = {f"h{h}": (of_day == h).ifelse(activity.exchanges, 0).sum() for h in range(24)}
    rows = activity.group_by(["account_id", "half"]).agg(**sums, exchanges=activity.exchanges.sum())
    blocks = []
    for start in range(24):
        block = rows[f"h{start}"]
        for step in range(1, 8):
            block = block + rows[f"h{(start + step) % 24}"]
        blocks.append(block)
    return rows.filter(_.exchanges >= FEWEST_OF_DAY).select(
        "account_id", "half", "exchanges", value=ibis.least(*blocks).cast("float64") / rows.exchanges
    )


def summaries_activity(
    value: Callable[[ir.Table], ir.Value], fewest: int = FEWEST_EXCHANGES
) -> Callable[[Summaries], ir.Table]:
    """A function for `GroupTest.rows` that applies `per_half` to `Summaries.halves`."""

    def rows(summaries: Summaries) -> ir.Table:
        """Rows of the summaries: `per_half` of their halves."""
        return per_half(summaries.halves, value, fewest)

    return rows


def hourly(summaries: Summaries) -> ir.Table:
    """Account × hour: number of exchanges; hours are counted from 1970."""
    return summaries.activity.select(
        "account_id", "exchanges", hour=(_.hour.epoch_seconds() // 3600).cast("int64")
    )


def hourly_strangers(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """A draw under the null of tests over `hourly`: independent accounts of unequal rates, each with its own
    daily rhythm.
    """
    n, days = accounts * 6, 6
    rates = rng.lognormal(-0.5, 0.8, n)
    phase = rng.uniform(0, 24, n)
    of_day = 1 + np.cos((np.arange(24 * days)[None, :] - phase[:, None]) * np.pi / 12)
    counts = rng.poisson(rates[:, None] * of_day)
    who, hour = np.nonzero(counts)
    return {"account": who, "hour": hour, "exchanges": counts[who, hour]}, who < accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Counts of exchanges by hour, over one span of hours.

    * `proposing`: counts of the proposing half of the members, summed.
    * `usual`: their expected counts, from the half's profile over the day and its total on that day.
    * `tested`, `others`: account × hour counts of the other members, and of a sample of other accounts.
    * `exchanges`: number of exchanges of all members.
    """

    proposing: Floats
    usual: Floats
    tested: Floats
    others: Floats
    exchanges: int


def active_span(counts: Floats) -> Bools:
    """From account × hour counts: whether the hour lies between the account's first and last exchange; False
    throughout for an account without one.
    """
    hours = np.arange(counts.shape[1])
    some = counts > 0
    first = np.where(some.any(axis=1), some.argmax(axis=1), len(hours))
    last = len(hours) - 1 - some[:, ::-1].argmax(axis=1)
    return np.asarray((hours >= first[:, None]) & (hours <= last[:, None]))


FEWEST_HOURS = 48  # least hours that the members' exchanges must span
FEWEST_COUNT = 8  # exchanges that an account needs to be compared
FEWEST_MEMBERS = 2 * FEWEST_VALUES  # members that are needed; half of them propose hours, half are tested
FEWEST_OTHERS = FEWEST_REFERENCE  # other accounts that are needed
MOST_HOURS = 400 * 24  # hours that are compared; chosen, more than a year, so stray rows far off cost nothing
MOST_SAMPLED = 2000  # members that are compared
MOST_OTHERS = 400  # other accounts are thinned to at least this many, and less than twice as many


def others_hours(rows: Columns, member: Mask) -> Hours | NoFinding:
    """Hourly counts of the members, split into a proposing and a tested half, and of other accounts.

    `rows` are those of `hourly`, with `account` as a number. Members alternate between the halves in the
    order of their numbers, which is unrelated to their hours. A `NoFinding` where there are too few members,
    other accounts or hours.
    """
    return _hours(Same(rows["account"]), Same(rows["hour"]), Same(rows["exchanges"]), Same(member))


def _busiest(hours: Ints, exchanges: Floats) -> tuple[int, int]:
    """Start and end of the span of `hours` (end excluded); where it is longer than `MOST_HOURS`, of the
    stretch of that length with the most `exchanges`.
    """
    begin, end = int(hours.min()), int(hours.max()) + 1
    if end - begin <= MOST_HOURS:
        return begin, end
    order = np.argsort(hours, kind="stable")
    at = hours[order]
    known = np.concatenate([[0.0], np.cumsum(exchanges[order])])
    held = known[np.searchsorted(at, at + MOST_HOURS, "left")] - known[:-1]
    begin = int(at[np.argmax(held)])
    return begin, min(begin + MOST_HOURS, end)


@lru_cache(maxsize=4)  # two tests read the same hours of one group in turn
def _hours(
    accounts: ColumnValues, hours: ColumnValues, exchanges: ColumnValues, members: ColumnValues
) -> Hours | NoFinding:
    """`others_hours` for columns that are compared by identity, so that the result can be cached."""
    account, hour = np.asarray(accounts.array, np.int64), np.asarray(hours.array, np.int64)
    count, member = np.asarray(exchanges.array, float), np.asarray(members.array, bool)
    if not member.any():
        return NoFinding("no member has an exchange with a time")
    begin, end = _busiest(hour[member], count[member])
    if end - begin < FEWEST_HOURS:
        return NoFinding(f"the members' exchanges span fewer than {FEWEST_HOURS} hours")
    within = (hour >= begin) & (hour < end)
    totals = np.bincount(account[within], weights=count[within], minlength=int(account.max()) + 1)
    inside = np.zeros(len(totals), bool)
    inside[account[member]] = True
    mine = np.flatnonzero(inside & (totals >= FEWEST_COUNT))[:MOST_SAMPLED]
    rest = np.flatnonzero(~inside & (totals >= FEWEST_COUNT))
    if len(mine) < FEWEST_MEMBERS:
        return NoFinding(f"fewer than {FEWEST_MEMBERS} members have {FEWEST_COUNT} exchanges")
    if len(rest) < FEWEST_OTHERS:
        return NoFinding(
            f"fewer than {FEWEST_OTHERS} other accounts have {FEWEST_COUNT} exchanges between the members' "
            f"first and last hour"
        )
    rest = rest[:: max(1, len(rest) // MOST_OTHERS)]
    place = np.full(len(totals), -1, np.int64)
    place[mine] = np.arange(len(mine))
    place[rest] = len(mine) + np.arange(len(rest))
    used = within & (place[account] >= 0)
    shape = (len(mine) + len(rest), end - begin)
    cells = place[account[used]] * shape[1] + (hour[used] - begin)
    counts = (
        np.bincount(cells, weights=count[used], minlength=shape[0] * shape[1]).astype(float).reshape(shape)
    )
    proposing = counts[: len(mine) : 2].sum(axis=0)
    span = np.arange(begin, end)
    profile = np.bincount(span % 24, weights=proposing, minlength=24) / max(proposing.sum(), 1.0)
    daily = np.bincount((span - begin) // 24, weights=proposing)
    usual = profile[span % 24] * daily[(span - begin) // 24]
    return Hours(
        proposing=proposing,
        usual=usual,
        tested=counts[1 : len(mine) : 2],
        others=counts[len(mine) :],
        exchanges=int(count[member].sum()),
    )
