"""Rows of the contract in a JSON array, or a single row over several lines.

JSON Lines, CSV and Parquet with the contract's columns are read as tables and need no format.
"""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.readers.registry import Record, Row, log_format, moment


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    return "columns of the contract" if set(EXCHANGES.required) <= record.keys() else ""


@log_format(
    title="Rows of the contract in a JSON array",
    source="the contract; `docs/input.md`",
    fields={name: name for name in EXCHANGES.names},
    known=EXCHANGES.names,
    recognise=_recognise,
)
def contract_document(record: Record) -> Iterator[Row]:
    """The row unchanged, except that its time may have any unit; none where a record has no column of the
    contract but its time.
    """
    row = {name: record[name] for name in EXCHANGES.names if record.get(name) is not None}
    if not row.keys() - {"timestamp"}:
        return
    if "timestamp" in row:
        row["timestamp"] = moment(row["timestamp"])
    yield row
