"""Schema of a table of the contract: its columns with types, meanings and limits, and its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")  # type of every time in the contract
TableRow = Mapping[str, Any]  # values of a row by column


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table. A row may lack its value where `nullable`.

    A number, or a time in microseconds since 1970, must be from `least` to `most`. A string must have at most
    `longest` bytes. None means no limit; text that is read once and never stored has none.
    """

    name: str
    type: pa.DataType
    nullable: bool
    meaning: str
    least: float | None = None
    most: float | None = None
    longest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """A named table. The columns of `key` identify a row; `key` is empty where rows need no identity."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema, in the contract's order."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in the contract's order."""
        return tuple(c.name for c in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must have a value in every row."""
        return tuple(c.name for c in self.columns if not c.nullable)

    def column(self, name: str) -> Column:
        """The column of that name; raises `KeyError` for a name that the table does not have."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def empty(self) -> pa.Table:
        """An Arrow table with this schema and no rows."""
        return self.arrow.empty_table()

    def conform(self, table: pa.Table) -> pa.Table:
        """The rows of `table` with exactly this schema's columns, in order and cast to its types; absent
        nullable columns are filled with nulls and other columns are dropped.

        Raises `KeyError` for an absent required column and `pyarrow.ArrowInvalid` for a value that does not
        cast.
        """
        arrays = []
        for column in self.columns:
            if column.name in table.column_names:
                arrays.append(table.column(column.name).cast(column.type))
            elif column.nullable:
                arrays.append(pa.nulls(table.num_rows, column.type))
            else:
                raise KeyError(column.name)
        return pa.table(arrays, schema=self.arrow)


MAX_NAME_BYTES = 512  # of a name, an address or a user agent; chosen, several times what any of them needs
# Accepted range of a time in a log, in microseconds since 1970: the years 2015 to 2099.
EARLIEST_US, LATEST_US = (1_420_070_400_000_000, 4_102_444_799_999_999)


def column(
    name: str,
    kind: pa.DataType,
    meaning: str,
    *,
    required: bool = False,
    within: tuple[float, float] | None = None,
    text: bool = False,
) -> Column:
    """A `Column`, in short form for the modules that define tables.

    `within` is the accepted range (least, most); without it a time must be from `EARLIEST_US` to
    `LATEST_US` and a number has no limit. A string, or a string in a list, has at most `MAX_NAME_BYTES`
    bytes unless `text`.
    """
    if within is None and pa.types.is_timestamp(kind):
        within = (EARLIEST_US, LATEST_US)
    stringy = pa.types.is_string(kind) or (pa.types.is_list(kind) and pa.types.is_string(kind.value_type))
    return Column(
        name=name,
        type=kind,
        nullable=not required,
        meaning=meaning,
        least=within[0] if within else None,
        most=within[1] if within else None,
        longest=MAX_NAME_BYTES if stringy and not text else None,
    )
