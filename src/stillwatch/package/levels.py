"""The parts of a results folder's tables that a package of each level contains.

| level | content |
|---|---|
| `sealed` | digests only |
| `keyed` | the tables without exchanges and text; accounts and shared values under pseudonyms |
| `open` | the tables unchanged, exchanges and prompts included, without the accounts of leads |
| `account` | the rows of one account, each with its proof |
| `exchange` | the row of one exchange, with its proof |
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa

from stillwatch.contract import results as contract
from stillwatch.package.canonical import LARGEST_INTEGER, Json
from stillwatch.package.pseudonyms import Pseudonyms
from stillwatch.results.folder import TABLES

Level = Literal["sealed", "keyed", "open", "account", "exchange"]
COMMITTED = (*TABLES, contract.PROMPTS)  # tables whose rows are the leaves of the tree

PSEUDONYMOUS = frozenset({"account_id", "value"})  # columns whose values get pseudonyms in a keyed package
KEPT = frozenset(
    """
        accounts basis campaign_id capabilities capability claim created_at detected_at different exchanges
        exchanges_high exchanges_low expires explanation first_seen fpr_empirical fpr_synthetic group_id
        high_days hour hypothesis input_tokens kind known known_since labelled_at language last_seen lead_id
        lineage log10_alert log10_confirm log10_e log10_likelihood log10_likelihood_ratio low_days marked
        marks most name network_class others output_tokens owner q_value rank score speaks texts trait
        verdict weight words_high words_low
    """.split()
)
"""Columns that a keyed package shows unchanged: numbers, times, and words of this program. Those of
`PSEUDONYMOUS` get pseudonyms; all others are left out.
"""
WITHHELD: dict[Level, frozenset[str]] = {
    "sealed": frozenset(schema.name for schema in COMMITTED),
    "keyed": frozenset({contract.ATTRIBUTED.name, contract.PROMPTS.name}),
    "open": frozenset(
        {contract.LEAD_MEMBERS.name, contract.PROFILES.name}
    ),  # groups that an innocent explanation may account for
    "account": frozenset(),
    "exchange": frozenset(),
}
"""Tables that a level leaves out."""


def rows_of(table: pa.Table) -> Iterator[dict[str, Json]]:
    """Yield the rows of a table as JSON: times in ISO 8601 with microseconds, numbers that JSON lacks as
    strings.
    """
    for batch in table.to_batches():
        for row in batch.to_pylist():
            yield {name: plain(value) for name, value in row.items()}


def plain(value: Any) -> Json:  # noqa: ANN401  a cell of any type of the contract
    """A cell as JSON (`rows_of`)."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, list):
        return [plain(one) for one in value]
    is_beyond = (isinstance(value, float) and not math.isfinite(value)) or (
        isinstance(value, int) and abs(value) > LARGEST_INTEGER
    )
    return str(value) if is_beyond else value


def keyed(row: dict[str, Json], names: Pseudonyms) -> dict[str, Json]:
    """The row as a keyed package shows it."""
    shown = {name: value for name, value in row.items() if name in KEPT}
    for name in PSEUDONYMOUS & row.keys():
        kind = "account" if name == "account_id" else str(row.get("kind"))
        shown[name] = None if row[name] is None else names.of(kind, str(row[name]))
    return shown
