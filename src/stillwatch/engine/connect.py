"""What does a stage ask of a database, and how does it get one?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import ibis.expr.types as ir
import pyarrow as pa

from stillwatch.errors import MissingExtra, Problem

A = TypeVar("A")
B = TypeVar("B")


class Engine(Protocol):
    """A database that runs table expressions. Only account-sized tables leave it, by `to_pyarrow()`."""

    local: bool  # whether `spread` stays in this process

    def load(self, name: str, rows: pa.Table) -> ir.Table:
        """An account-sized Arrow table as a temporary table."""

    def keep(self, name: str, expression: ir.Table) -> ir.Table:
        """An expression computed once and kept as a temporary table, in place of an earlier one of that
        name.
        """

    def ask(self, expression: ir.Table) -> pa.Table:
        """An account-sized expression as Arrow. Equal expressions are compiled once: what is asked of one
        moment after another.
        """

    def read_parts(self, paths: Sequence[str | Path]) -> ir.Table:
        """Parquet files of one schema as one table."""

    def write(self, expression: ir.Table, path: Path) -> None:
        """Write a table, in its order, as one Parquet file."""

    def write_by(self, expression: ir.Table, column: str, folder: Path) -> dict[str, list[Path]]:
        """Write a table as Parquet, apart by the values of a column that is left out; returns the files
        of each value.
        """

    def spread(self, function: Callable[[A], B], work: Sequence[A]) -> Iterable[B]:
        """The function of each piece of work, in order, on all cores or all machines."""


@contextmanager
def open_engine(
    name: str = "duckdb", *, memory: str = "1500MB", scratch: Path | None = None, master: str = "local[*]"
) -> Iterator[Engine]:
    """A fresh engine: `duckdb`, in this process, or `spark`, at `master`. Raises `MissingExtra` for a Spark
    that is not installed.
    """
    if name == "duckdb":
        from stillwatch.engine.duck import duckdb_engine

        with duckdb_engine(memory=memory, scratch=scratch) as engine:
            yield engine
        return
    try:
        from stillwatch.engine.spark import spark_engine
    except ImportError as error:
        raise MissingExtra(
            Problem(
                fact="the engine `spark` needs a package that is not installed",
                found=str(error),
                fix="pip install 'stillwatch[spark]' (and a Java of version 17 or later)",
            )
        ) from error
    with spark_engine(master=master, memory=memory, scratch=scratch) as engine:
        yield engine
