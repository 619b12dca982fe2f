"""Links between accounts with similar requests that share no value.

The accounts of a campaign that shares no address, card or phrase still have one purpose, and are similar in
their requests: mix of capabilities, lengths of prompts and answers, follow-ups, form of writing. Each account
is a point in these measures. Close points fall into the same cell of a random grid more often than distant
ones (locality-sensitive hashing: Indyk and Motwani 1998; Datar, Immorlica, Indyk and Mirrokni 2004). An
account's cells in several grids are therefore treated as values that it shares, and clustered like others.
"""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis import _

from stillwatch.contract.phrases import FEWEST_HOLDERS
from stillwatch.contract.summaries import CAPABILITIES, Summaries
from stillwatch.detect import weigh
from stillwatch.stats.arrays import Floats

KIND = "neighbour"  # kind of the links that this module makes
FEWEST_EXCHANGES = 6  # exchanges that an account needs; shares of fewer are mostly noise
FEWEST_ACCOUNTS = 50  # accounts below which no links are made
GRIDS, AXES = 24, 2  # number of random grids, and of random directions of each
CELL_WIDTH = 2.0  # width of a cell, in interquartile ranges
FURTHEST_SPANS = 4.0  # interquartile ranges from the median at which a measure is clipped
LARGEST_SHARE_IN_CELL = 0.25  # share of the accounts from which a cell is too common to be a link

# Columns of the edges between accounts and cells of behaviour.
EDGES = pa.schema(
    {"account_id": pa.string(), "kind": pa.string(), "value": pa.string(), "weight": pa.float64()}
)


def measured(summaries: Summaries) -> ir.Table:
    """Account: counts and sums of its requests in the first half of the data, sorted by account, for accounts
    with at least `FEWEST_EXCHANGES` exchanges there.
    """
    names = ("exchanges", "followups", "output_known", "output_log", "words_log", "texts", "written")
    capabilities = [f"capability_{c}" for c in range(len(CAPABILITIES))]
    rows = summaries.halves.filter((_.half == 0) & (_.exchanges >= FEWEST_EXCHANGES))
    return rows.select("account_id", *names, *capabilities).order_by("account_id")


def neighbours(rows: pa.Table) -> pa.Table:
    """Account × cell edges (`EDGES`) for clustering, from the rows of `measured`, with weights as in
    `weigh.links`. No edges for fewer than `FEWEST_ACCOUNTS` accounts.
    """
    if rows.num_rows < FEWEST_ACCOUNTS:
        return EDGES.empty_table()
    points, edges = _points(rows), []
    rng = np.random.default_rng(0)
    for grid in range(GRIDS):
        turned = points @ rng.normal(size=(points.shape[1], AXES)) + rng.uniform(0, CELL_WIDTH, AXES)
        _cells, cell, holders = np.unique(
            np.floor(turned / CELL_WIDTH).astype(np.int64), axis=0, return_inverse=True, return_counts=True
        )
        cell = cell.ravel()
        frequent = np.flatnonzero(
            (holders[cell] >= FEWEST_HOLDERS) & (holders[cell] < LARGEST_SHARE_IN_CELL * len(points))
        )
        columns = {
            "account_id": rows.column("account_id").take(pa.array(frequent)),
            "kind": [KIND] * len(frequent),
            "value": [f"{grid}:{c}" for c in cell[frequent]],
            "weight": np.log10(weigh.AGREEMENT * len(points) / holders[cell[frequent]]),
        }
        edges.append(pa.table(columns, EDGES))
    return pa.concat_tables(edges)


def _points(rows: pa.Table) -> Floats:
    """Accounts × measures, each measure centred at its median, divided by its interquartile range and clipped
    to `FURTHEST_SPANS`.
    """
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
    centred: Floats = np.clip(
        (points - middle) / np.where(span > 0, span, 1.0), -FURTHEST_SPANS, FURTHEST_SPANS
    )
    return centred
