"""Is one pool of work divided, so that members do not repeat each other where others repeat them?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import ibis.expr.types as ir
import numpy as np
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.profiles import ColumnValues
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome, group_test
from stillwatch.stats.arrays import Bools, Floats, Ints
from stillwatch.stats.evalues import binomial_log_e
from stillwatch.stats.factorize import Same, codes, distinct

FEWEST_PAIRS = 20  # pairs of accounts, at least one of them a member, that are needed
MOST_ROWS = 2_000_000  # pairs of account and text that are read
# Numbers of repeats below the first are exact; larger ones are grouped into bins of that width in the
# logarithm, which is an approximation for speed.
EXACT_REPEATS, BIN_WIDTH = 32, 0.05


def repeated(summaries: Summaries) -> ir.Table:
    """Account × text (`item`) for texts that several accounts sent, sorted by text; `exchanges` is the
    account's volume. An account without such a text has one row with item 0.
    """
    volumes = summaries.halves.group_by("account_id").agg(exchanges=_.exchanges.sum())
    pairs = summaries.items.select("account_id", "item").distinct()
    several = (
        pairs.group_by("item").agg(holders=_.count()).filter(_.holders > 1)
    )  # `summaries.items` has texts shared in the whole log, not only up to this prefix
    sent = pairs.semi_join(several, "item").order_by(["item", "account_id"]).limit(MOST_ROWS)
    rows = volumes.left_join(sent, "account_id").select("account_id", "exchanges", item=_.item.fill_null(0))
    return rows.order_by(["item", "account_id"])


def crowd(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """A draw under the null: accounts draw items from one pool, members and others alike."""
    n = accounts * 5
    sizes = rng.integers(1, 30, n)
    who = np.repeat(np.arange(n), sizes)
    item = rng.integers(1, 40 * n, len(who))
    pairs = np.unique(np.stack([item, who], axis=1), axis=0)
    return {"account": pairs[:, 1], "item": pairs[:, 0], "exchanges": sizes[pairs[:, 1]]}, pairs[
        :, 1
    ] < accounts


@group_test(
    family="division",
    rows=repeated,
    sample_null=crowd,
    measures="repeats of a member's text by another account: by a member, or by someone outside",
    null="of the pairs of accounts in which one repeats a text of a member, pairs of members are at least "
    "half as many as if "
    "repeated texts met at random, given how many each account sends: people with one interest repeat each "
    "other at "
    "least as often as they repeat strangers",
    innocent=("a labelling shop, which also divides one queue",),
    evaded_by="sending items twice, at the price of more exchanges",
    source="Munford 1977, A Note on the Uniformity Assumption in the Birthday Problem: collisions are at "
    "least n²/2M for any popularity curve",
    reads=("observations.text_key",),
    everyone=True,
)
def work_queue(rows: Columns, member: Mask) -> Outcome:
    """Whether members repeat members' texts less than others' texts, or why that cannot be tested."""
    account = np.asarray(rows["account"], np.int64)
    met = _meetings(Same(rows["account"]), Same(rows["item"]), Same(rows["exchanges"]))
    volume = met.volume
    inside = np.zeros(len(volume), bool)
    inside[account[member]] = True
    share = _expected_share(met.number, inside)
    mine = np.flatnonzero(inside)
    known, ends = met.partner, met.ends
    at = np.concatenate([known[ends[a] : ends[a + 1]] for a in mine.tolist()] or [known[:0]])
    within = int(inside[at].sum()) // 2  # a pair of members is listed for both
    trials = len(at) - within
    if trials < FEWEST_PAIRS:
        return NoFinding(
            f"there are fewer than {FEWEST_PAIRS} pairs of accounts in which one repeats a text of a member"
        )
    if share <= 0:
        return NoFinding("fewer than 2 members send a text that another account sends too")
    return Finding(
        log_e=binomial_log_e(trials - within, trials, min(1 - share / 2, 0.999)),
        value=f"{within} of {trials} repeats inside",
        accounts=int(inside.sum()),
        exchanges=int(volume[inside].sum()),
        statement=f"of {trials} pairs of accounts in which one repeats a text of a member, {within} are two "
        f"members; were "
        f"repeats handed out at random it would be {trials * share:.0f}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meetings:
    """Pairs of accounts that follow each other in the rows of one text, the rows being sorted by text.

    `partner[ends[a]:ends[a + 1]]` are the distinct partners of account a; `number` is the number of times
    that an account is in a pair, `volume` its exchanges.
    """

    volume: Floats
    partner: Ints
    ends: Ints
    number: Ints


@lru_cache(maxsize=1)  # every candidate has the same rows
def _meetings(accounts: ColumnValues, items: ColumnValues, exchanges: ColumnValues) -> _Meetings:
    """The pairs of accounts that follow each other in the rows of one text."""
    account, item = np.asarray(accounts.array, np.int64), np.asarray(items.array, np.int64)
    volume = np.zeros(int(account.max(initial=-1)) + 1)
    volume[account] = np.asarray(exchanges.array, float)
    twice = np.flatnonzero((item[1:] == item[:-1]) & (item[1:] != 0))
    one, other = account[twice], account[twice + 1]
    number = np.bincount(np.concatenate([one, other]), minlength=len(volume))
    both = distinct(np.concatenate([one * len(volume) + other, other * len(volume) + one]))
    ends = np.searchsorted(both, np.arange(len(volume) + 1) * len(volume))
    return _Meetings(volume=volume, partner=both % max(len(volume), 1), ends=ends, number=number)


def _expected_share(meetings: Ints, inside: Bools) -> float:
    """Expected share of pairs of two members among all pairs with a member, were repeats matched at random.

    `meetings` is the number of repeats per account. Two accounts with a and b of the 2E ends of all repeats
    form a pair with probability 1 - exp(-ab/2E), as in the configuration model (Bollobás 1980). A pair that
    meets repeatedly counts once.
    """
    ends = float(meetings.sum())
    if ends == 0:
        return 0.0
    sides = []
    for side in (inside, ~inside):
        some = meetings[side & (meetings > 0)].astype(float)
        bins = np.where(
            some < EXACT_REPEATS, some, np.floor(np.log(np.maximum(some, 1.0)) / BIN_WIDTH) + EXACT_REPEATS
        )
        place, number = codes(bins.astype(np.int64))
        count = np.bincount(place, minlength=number).astype(float)
        sides.append((np.bincount(place, weights=some, minlength=number) / np.maximum(count, 1.0), count))
    (mine, many), (theirs, others) = sides
    met = -np.expm1(-np.outer(mine, mine) / ends)
    within = 0.5 * float(many @ met @ many - many @ np.diag(met))
    across = float(many @ -np.expm1(-np.outer(mine, theirs) / ends) @ others)
    return within / (within + across) if within + across > 0 else 0.0
