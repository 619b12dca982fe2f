"""Which accounts ask for the same things in the same manner, though they share no value?

A campaign that shares no address, card or phrase still has one purpose, and its accounts lie close together in what they
ask: mix of capabilities, lengths of prompts and answers, follow-ups, form of writing. Close points fall into the same cell of
a randomly turned and shifted grid more often than distant ones (locality-sensitive hashing: Indyk and Motwani 1998; Datar,
Immorlica, Indyk and Mirrokni 2004), so that an account's cells in several grids are values that it shares, and are clustered as any other.
"""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ibis import _

from stillwatch.contract.summaries import CAPABILITIES, Summaries

KIND = "pursuit"
FEWEST = 6  # exchanges below which shares are mostly chance
FEWEST_ACCOUNTS = 50
GRIDS, AXES, WIDTH = (
    24,
    2,
    2.0,
)  # cells of WIDTH quartile spans, on AXES random directions of each of GRIDS grids
FURTHEST = 4.0  # spans from the median beyond which an account is as far as any
HOLDERS, COMMON = 3, 0.25  # a cell of fewer accounts, or of a larger share, says nothing

Array = npt.NDArray[np.float64]


def measured(summaries: Summaries) -> ir.Table:
    """Account × what it asked for on the first half of the data, for accounts with enough exchanges."""
    activity = summaries.activity
    names = ("exchanges", "followups", "output_known", "output_log", "words_log", "texts", "written")
    sums = {
        name: activity[name].sum()
        for name in (*names, *(f"capability_{c}" for c in range(len(CAPABILITIES))))
    }
    rows = activity.filter(_.half == 0).group_by("account_id").agg(**sums)
    return rows.filter(_.exchanges >= FEWEST).order_by("account_id")


def pursuits(rows: pa.Table, seed: int) -> pa.Table:
    """Account × cell edges, as `weigh.links` gives them for shared values, from the rows of `measured`."""
    if rows.num_rows < FEWEST_ACCOUNTS:
        return _edges(rows.column("account_id").slice(0, 0), [], [], [], [])
    points = _points(rows)
    rng = np.random.default_rng(seed)
    account, value, weight, held = [], [], [], []
    exchanges = rows.column("exchanges").to_numpy()
    for grid in range(GRIDS):
        turned = points @ rng.normal(size=(points.shape[1], AXES)) + rng.uniform(0, WIDTH, AXES)
        _cells, cell, holders = np.unique(
            np.floor(turned / WIDTH).astype(np.int64), axis=0, return_inverse=True, return_counts=True
        )
        cell = cell.ravel()
        told = np.flatnonzero((holders[cell] >= HOLDERS) & (holders[cell] < COMMON * len(points)))
        account.append(told)
        value += [f"{grid}:{c}" for c in cell[told]]
        weight.append(np.log10(0.5 * len(points) / holders[cell[told]]))
        held.append(holders[cell[told]])
    places = np.concatenate(account)
    return _edges(
        rows.column("account_id").take(pa.array(places)),
        value,
        np.concatenate(weight),
        exchanges[places],
        np.concatenate(held),
    )


def _points(rows: pa.Table) -> Array:
    """One point an account; every measure in spans between its quartiles from its median."""
    column = {
        name: np.asarray(rows.column(name).to_numpy(), np.float64)
        for name in rows.column_names
        if name != "account_id"
    }
    many = column["exchanges"]
    shares = [column[f"capability_{c}"] / many for c in range(len(CAPABILITIES))]
    shares += [column["followups"] / many, column["written"] / np.maximum(column["texts"], 1)]
    # The arc sine of the square root gives shares of all sizes the same sampling error (Anscombe 1948).
    measures = [2 * np.arcsin(np.sqrt(np.clip(share, 0, 1))) for share in shares]
    measures += [column["words_log"] / many, column["output_log"] / np.maximum(column["output_known"], 1)]
    points = np.stack(measures, axis=1)
    low, middle, high = np.percentile(points, (25, 50, 75), axis=0)
    span = np.where(high > low, high - low, points.std(axis=0))
    centred: Array = np.clip((points - middle) / np.where(span > 0, span, 1.0), -FURTHEST, FURTHEST)
    return centred


def _edges(
    accounts: pa.ChunkedArray,
    value: list[str],
    weight: Array | list[float],
    exchanges: Array | list[int],
    holders: Array | list[int],
) -> pa.Table:
    return pa.table(
        {
            "account_id": accounts,
            "kind": pa.array([KIND] * len(value), pa.string()),
            "value": pa.array(value, pa.string()),
            "weight": pa.array(weight, pa.float64()),
            "exchanges": pa.array(exchanges, pa.int64()),
            "holders": pa.array(holders, pa.int64()),
        }
    )
