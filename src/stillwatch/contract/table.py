"""What is a table of the contract: its columns, their types and meanings, and its key?"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: `nullable` says whether a row without it is still a row of the table."""

    name: str
    type: pa.DataType
    nullable: bool
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """A named table whose rows are told apart by `key` (empty when rows need no identity)."""

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
        """Columns without which no row can be read."""
        return tuple(c.name for c in self.columns if not c.nullable)

    def column(self, name: str) -> Column:
        """The column of that name; raises `KeyError` for a name that the table does not have."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def empty(self) -> pa.Table:
        """A table of no rows."""
        return self.arrow.empty_table()

    def conform(self, table: pa.Table) -> pa.Table:
        """The same rows with exactly the contract's columns, in order; absent nullable columns become null.

        Raises `KeyError` for an absent required column and `pyarrow.ArrowInvalid` for a value that does not cast.
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


def column(name: str, kind: pa.DataType, meaning: str, *, required: bool = False) -> Column:
    """Shorthand for the tables below this module."""
    return Column(name=name, type=kind, nullable=not required, meaning=meaning)
