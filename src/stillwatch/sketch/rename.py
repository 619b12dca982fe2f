"""Other names in a sketch: pseudonyms in place of accounts and of values that accounts share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.sketch.digest import name_keys
from stillwatch.sketch.observe import NAMES

NewName = Callable[[Any], Any]
"""A function from a value to the value in its place."""


def replaced(column: pa.Array | pa.ChunkedArray, name: NewName) -> tuple[pa.Array, dict[Any, Any]]:
    """The column with other values of the same type (null stays null), and the mapping from old to new ones.

    `name` is called once for each distinct value.
    """
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    coded = whole.dictionary_encode()
    made = {value: name(value) for value in coded.dictionary.to_pylist()}
    values = pa.array([made[value] for value in coded.dictionary.to_pylist()], coded.dictionary.type)
    return values.take(coded.indices), made


def renamed(table: pa.Table, names: Mapping[str, NewName]) -> pa.Table:
    """The table with other values in the columns `names`; a sketch's `account_key` follows `account_id`."""
    metadata = table.schema.metadata
    for column, name in names.items():
        values, _made = replaced(table.column(column), name)
        table = _with(table, column, values)
        if column == "account_id" and "account_key" in table.column_names:
            keys = np.ascontiguousarray(name_keys(values, NAMES)).view(np.int64)
            table = _with(table, "account_key", pa.array(keys))
    return table.replace_schema_metadata(metadata)


def _with(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    """The table with other values in a column, under the column's own field."""
    place = table.column_names.index(column)
    return table.set_column(place, table.schema.field(place), values)
