"""Weights of links between accounts and the values that they share.

The match weight of a shared value is log10(m/u), with m the probability that two accounts under one control
agree and u the probability that two independent accounts do (Fellegi and Sunter 1969). With the
term-frequency adjustment (Winkler 2000) u is the prevalence of the value itself, so a rare value has a high
weight and a common one, as of a popular framework, a low weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import ibis.expr.types as ir
import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from stillwatch.contract.phrases import FEWEST_HOLDERS, Phrases
from stillwatch.contract.summaries import Summaries

AGREEMENT = 0.5  # m: probability that two accounts under one control agree; also the largest prevalence
VALUES_KEPT_PER_ACCOUNT = 40  # phrases, and bands, of an account that are kept as links, of each kind
# Rows of links: `weight` in log10 units, `exchanges` in which the account shows the value, and `holders`, the
# number of accounts that show the value.
LINKS = pa.schema(
    {
        "account_id": pa.string(),
        "kind": pa.string(),
        "value": pa.string(),
        "weight": pa.float64(),
        "exchanges": pa.int64(),
        "holders": pa.int64(),
    }
)


def prevalence(sightings: ir.Table) -> ir.Table:
    """Kind × value: number of accounts that show it (`holders`)."""
    return sightings.group_by(["kind", "value"]).agg(holders=_.account_id.nunique())


def links(summaries: Summaries, run: Callable[[ir.Table], pa.Table], *, first: bool = True) -> pa.Table:
    """Account × value links (`LINKS`) with their weight in log10 units, for values that at least
    `FEWEST_HOLDERS` and less than a share `AGREEMENT` of the accounts show.

    Of phrases and bands, an account keeps the `VALUES_KEPT_PER_ACCOUNT` of each kind with the highest product
    of exchanges and weight.

    Args:
        summaries: Summaries of the log.
        run: Evaluates an expression of the engine to an Arrow table.
        first: Whether to use the first half of the data only.
    """
    accounts = summaries.phrases.accounts
    few = run(_few(summaries, accounts, first=first)).select(LINKS.names).cast(LINKS)
    return pa.concat_tables([few, _many(summaries.phrases, accounts, first=first)])


def _few(summaries: Summaries, accounts: int, *, first: bool) -> ir.Table:
    """Links of the kinds with one value per exchange, and of account attributes."""
    seen = summaries.sightings
    if first:
        seen = seen.filter((_.half == 0) | _.half.isnull())
    seen = seen.semi_join(summaries.halves, "account_id")
    merged = seen.group_by(["account_id", "kind", "value"]).agg(exchanges=_.exchanges.sum())
    holders = merged.group_by(["kind", "value"]).agg(holders=_.count())
    shared = holders.filter((_.holders >= FEWEST_HOLDERS) & (_.holders < AGREEMENT * accounts))
    return merged.join(shared, ["kind", "value"]).select(
        "account_id",
        "kind",
        "value",
        "exchanges",
        "holders",
        weight=(AGREEMENT * accounts / _.holders).log10(),
    )


def _many(phrases: Phrases, accounts: int, *, first: bool) -> pa.Table:
    """Links of phrases and bands."""
    account, value, exchanges, holders = _pairs(
        phrases.starts, phrases.account, phrases.hour, phrases.half, phrases.exchanges, phrases.end, first,
        FEWEST_HOLDERS, AGREEMENT * accounts,
    )  # fmt: skip
    weight = np.array(
        [math.log10(AGREEMENT * accounts / n) if n else 0.0 for n in range(holders.max(initial=0) + 1)]
    )
    weight = weight[holders]
    bucket = account.astype(np.int64) * max(len(phrases.kinds), 1) + phrases.kind[value]
    kept = _most(
        bucket, len(phrases.names) * max(len(phrases.kinds), 1), exchanges * weight, VALUES_KEPT_PER_ACCOUNT
    )
    account, value = account[kept], value[kept]
    return pa.table(
        {
            "account_id": phrases.names.take(pa.array(account)),
            "kind": pa.array(phrases.kinds, pa.string()).take(pa.array(phrases.kind[value])),
            "value": pc.cast(pa.array(phrases.codes[value]), pa.string()),
            "weight": weight[kept],
            "exchanges": exchanges[kept],
            "holders": holders[kept],
        },
        LINKS,
    )


@numba.njit(cache=True, nogil=True)
def _pairs(starts, account, hour, half, exchanges, end, first, fewest, most):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Arrays of account, value, exchanges and the value's number of holders, sorted by value and account, for
    values with at least `fewest` and fewer than `most` holders. Other arguments are arrays of `Phrases`.
    """
    n = len(account)
    accounts, values = np.empty(n, np.int32), np.empty(n, np.int32)
    sums, holders = np.empty(n, np.int64), np.empty(n, np.int64)
    k = 0
    for v in range(len(starts) - 1):
        begin, row, stop = k, starts[v], starts[v + 1]
        while row < stop:
            who, many = account[row], 0
            while row < stop and account[row] == who:
                if hour[row] < end and (half[row] == 0 or not first):
                    many += exchanges[row]
                row += 1
            if many:
                accounts[k], values[k], sums[k] = who, v, many
                k += 1
        if k - begin < fewest or k - begin >= most:
            k = begin
        holders[begin:k] = k - begin
    return accounts[:k], values[:k], sums[:k], holders[:k]


@numba.njit(cache=True, nogil=True)
def _most(bucket, buckets, score, kept):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Positions of the `kept` entries with the highest `score` in each bucket; of equal ones the first."""
    ends = np.zeros(buckets + 1, np.int64)
    for b in bucket:
        ends[b + 1] += 1
    ends = np.cumsum(ends)
    free, ordered = ends[:-1].copy(), np.empty(len(bucket), np.int64)
    for place in range(len(bucket)):
        ordered[free[bucket[place]]] = place
        free[bucket[place]] += 1
    out, k = np.empty(len(bucket), np.int64), 0
    for b in range(buckets):
        mine = ordered[ends[b] : ends[b + 1]]
        if len(mine) > kept:
            mine = mine[np.argsort(-score[mine], kind="mergesort")[:kept]]
        for place in mine:
            out[k] = place
            k += 1
    return out[:k]
