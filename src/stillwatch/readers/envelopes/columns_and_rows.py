"""Tables in JSON, with column names separate from rows of values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

from stillwatch.readers.envelope import Inner, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record, at

COLUMNS = (("columns",), ("Columns",), ("schema", "fields"))  # paths of the list of columns
ROWS = ("rows", "Rows", "data")  # names of the list of rows


@envelope(
    title="a table in JSON: names of columns, and rows of values",
    source="Azure Log Analytics and Data Explorer: query; pandas to_json(orient='split'); BigQuery REST; "
    "Trino",
    keys=("columns", "tables", "Tables", "schema"),
)
def columns_and_rows(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The rows of all tables, as objects."""
    several = record.get("tables", record.get("Tables"))
    if not isinstance(several, list):
        return _table(record)
    tables = [_table(one) for one in several]
    return None if not tables or None in tables else [row for table in tables for row in table or ()]


def _table(table: Any) -> list[Inner] | None:  # noqa: ANN401  any JSON value
    """The rows of one table as objects; None where the value is no table."""
    columns = next((found for path in COLUMNS if isinstance(found := at(table, *path), list)), None)
    rows = next((found for name in ROWS if isinstance(found := at(table, name), list)), None)
    if not columns or rows is None:
        return None
    names = [
        name
        for one in columns
        if isinstance(name := one if isinstance(one, str) else next(_names(one), None), str)
    ]
    if len(names) < len(columns):
        return None
    cells = [_cells(row) for row in rows]
    return [dict(zip_longest(names, row[: len(names)])) for row in cells if row is not None]


def _names(column: Any) -> Iterator[Any]:  # noqa: ANN401  any JSON value
    """Yield the names of a column."""
    for name in ("name", "ColumnName", "column_name"):
        if (found := at(column, name)) is not None:
            yield found


def _cells(row: Any) -> list[Any] | None:  # noqa: ANN401  any JSON value
    """The values of a row, also in BigQuery's form; None where the value is no row."""
    fields = at(row, "f")  # of BigQuery
    if isinstance(fields, list):
        return [at(one, "v") for one in fields]
    return row if isinstance(row, list) else None
