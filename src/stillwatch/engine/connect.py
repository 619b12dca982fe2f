"""The interface `Engine` of a database, and `open_engine`, which opens one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import ibis.expr.types as ir
import pyarrow as pa

from stillwatch.errors import MissingExtra, Problem

A = TypeVar("A")  # any type
B = TypeVar("B")  # any type


class Engine(Protocol):
    """A database that runs Ibis table expressions. Only tables with about one row an account are fetched."""

    local: bool  # whether `spread` runs in this process

    def load(self, name: str, rows: pa.Table) -> ir.Table:
        """Store an account-sized Arrow table as the temporary table `name`; returns it as an expression."""

    def keep(self, name: str, expression: ir.Table) -> ir.Table:
        """Compute an expression and store it as the temporary table `name`, in place of an earlier one;
        returns the stored table.
        """

    def drop(self, tables: Iterable[ir.Table]) -> None:
        """Remove tables that `load` or `keep` stored. Expressions over them can no longer be computed."""

    def ask(self, expression: ir.Table) -> pa.Table:
        """Compute an account-sized expression and return it as Arrow. Equal expressions are compiled once,
        since replays repeat them for every moment.
        """

    def read_parts(self, paths: Sequence[str | Path]) -> ir.Table:
        """Parquet files of one schema as one table."""

    def write(self, expression: ir.Table, path: Path) -> None:
        """Write an expression as one Parquet file; the order of its rows is kept."""

    def write_by(self, expression: ir.Table, column: str, folder: Path) -> dict[str, list[Path]]:
        """Write an expression as Parquet files partitioned by `column`, which the files do not contain;
        returns the files by the column's value.
        """

    def spread(self, function: Callable[[A], B], work: Sequence[A]) -> Iterable[B]:
        """Results of `function` for each item of `work`, in order, computed on all cores or machines."""


NUMBER = itertools.count(1)  # of temporary tables, so that no two have one name
Keep = Callable[[str, "ir.Table | pa.Table"], ir.Table]


@contextmanager
def temporary(engine: Engine) -> Iterator[Keep]:
    """A function that stores a table or the result of an expression under a name that begins as given;
    the tables are removed when the block ends.
    """
    made: list[ir.Table] = []

    def keep(name: str, table: ir.Table | pa.Table) -> ir.Table:
        """Store the table under a name of its own, and record it so that it is dropped in the end."""
        own = f"{name}_{next(NUMBER)}"
        made.append(engine.load(own, table) if isinstance(table, pa.Table) else engine.keep(own, table))
        return made[-1]

    try:
        yield keep
    finally:
        engine.drop(made)


@contextmanager
def open_engine(
    name: str = "duckdb", *, memory: str = "1500MB", scratch: Path | None = None, master: str = "local[*]"
) -> Iterator[Engine]:
    """A new engine: `duckdb`, in this process, or `spark`, at the URL `master`.

    `memory` is a size such as `1500MB` and `scratch` a folder for temporary files (None: the system's).
    Raises `MissingExtra` where Spark is not installed.
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
