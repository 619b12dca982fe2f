"""The engine DuckDB, with a memory limit.

Text in a statement is quoted by `identifier` or `literal`. Paths also go through `SafePaths`, because DuckDB
expands `*`, `?` and `[` and reads a backslash as a slash.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend
from ibis.backends.duckdb.converter import DuckDBPyArrowData
from ibis.expr.operations import Node

from stillwatch.engine.cores import CORES, on_all_cores
from stillwatch.errors import EngineError, Problem

PLAIN = re.compile(r"[A-Za-z0-9_./=-]*")  # paths that DuckDB takes literally
A = TypeVar("A")  # any type
B = TypeVar("B")  # any type


class DuckDB:
    """DuckDB in this process; see `Engine`."""

    local = True

    def __init__(self, backend: Backend, places: SafePaths) -> None:
        self._backend, self._places = backend, places
        self._compiled: dict[Node, str] = {}

    def load(self, name: str, rows: pa.Table) -> ir.Table:
        """Store an account-sized Arrow table as the temporary table `name`; returns it as an expression."""
        self._backend.con.register(f"arrow_{name}", rows)
        self._backend.raw_sql(
            f"create or replace temp table {identifier(name)} as select * from {identifier(f'arrow_{name}')}"
        )
        self._backend.con.unregister(f"arrow_{name}")
        return self._backend.table(name)

    def keep(self, name: str, expression: ir.Table) -> ir.Table:
        """Compute an expression and store it as the temporary table `name`, in place of an earlier one;
        returns the stored table.
        """
        columns = ", ".join(_typed(column, kind) for column, kind in expression.schema().items())
        self._backend.raw_sql(
            f"create or replace temp table {identifier(name)} as select {columns} from "
            f"({self._sql(expression)})"
        )
        return self._backend.table(name)

    def drop(self, tables: Iterable[ir.Table]) -> None:
        """Remove tables that `load` or `keep` stored. Expressions over them can no longer be computed."""
        for table in tables:
            self._backend.raw_sql(f"drop table if exists {identifier(table.get_name())}")

    def ask(self, expression: ir.Table) -> pa.Table:
        """Compute an account-sized expression and return it as Arrow. Equal expressions are compiled once."""
        found = self._backend.con.sql(self._sql(expression)).to_arrow_table()
        return expression.__pyarrow_result__(found, data_mapper=DuckDBPyArrowData)

    def _sql(self, expression: ir.Table) -> str:
        """The SQL of an expression, compiled once."""
        node = expression.op()
        if node not in self._compiled:
            self._compiled[node] = self._backend.compile(expression)
        return self._compiled[node]

    def read_parts(self, paths: Sequence[str | Path]) -> ir.Table:
        """Parquet files of one schema as one table."""
        names = [str(self._places.of(path)) for path in paths]
        return self._backend.read_parquet(names, hive_partitioning=False, union_by_name=False)

    def write(self, expression: ir.Table, path: Path) -> None:
        """Write an expression as one Parquet file; the order of its rows is kept."""
        made = (
            path.parent / f".{uuid4().hex}.parquet"
        )  # DuckDB cannot create a file through a link without a target
        self._copy(self._sql(expression), self._places.of(path.parent) / made.name)
        made.replace(path)

    def write_by(self, expression: ir.Table, column: str, folder: Path) -> dict[str, list[Path]]:
        """Write an expression as Parquet files partitioned by `column`, which the files do not contain;
        returns the files by the column's value.
        """
        columns = ", ".join(_typed(name, kind) for name, kind in expression.schema().items())
        query = f"select {columns} from ({self._sql(expression)})"
        folder.mkdir(exist_ok=True)
        self._copy(query, self._places.of(folder), f"partition_by ({identifier(column)})")
        return by_value(folder)

    def _copy(self, query: str, path: Path, *options: str) -> None:
        """Write the rows of a query to a Parquet file."""
        how = ", ".join(("format parquet", "compression zstd", *options))
        self._backend.raw_sql(f"copy ({query}) to {literal(str(path))} ({how})")

    def spread(self, function: Callable[[A], B], work: Sequence[A]) -> Iterable[B]:
        """Results of `function` for each item of `work`, in order, computed on all cores."""
        return on_all_cores(function, work)


def literal(text: str) -> str:
    """A string as an SQL string constant, with single quotes doubled."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as a quoted SQL identifier, with double quotes doubled."""
    return '"' + name.replace('"', '""') + '"'


class SafePaths:
    """Paths without characters that are special to DuckDB. A path with such characters is reached by a
    symbolic link in the folder `home`.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._links: dict[Path, Path] = {}

    def of(self, path: str | Path) -> Path:
        """`path` itself, made absolute, or a symbolic link to it where it has characters outside `PLAIN`."""
        place = Path(path).absolute()
        if PLAIN.fullmatch(str(place)):
            return place
        if place not in self._links:
            self._links[place] = (
                self._home / f"{len(self._links)}{place.suffix if PLAIN.fullmatch(place.suffix) else ''}"
            )
            self._links[place].symlink_to(place)
        return self._links[place]


def by_value(folder: Path) -> dict[str, list[Path]]:
    """The Parquet files of a Hive-partitioned folder, keyed by the value in the name `COLUMN=VALUE`."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        found.setdefault(path.parent.name.partition("=")[2], []).append(path)
    return found


def _typed(name: str, kind: dt.DataType) -> str:
    """SQL that casts a column to its declared type, since DuckDB widens integers and drops time zones."""
    if kind.is_int64():
        return f"{identifier(name)}::bigint as {identifier(name)}"
    if kind.is_timestamp():
        return f"{identifier(name)}::timestamptz as {identifier(name)}"
    return identifier(name)


@contextmanager
def duckdb_engine(
    *, memory: str = "2GB", threads: int | None = None, scratch: Path | None = None
) -> Iterator[DuckDB]:
    """A new in-process DuckDB that spills to `scratch` (None: a temporary folder) beyond `memory`.

    Its time zone is UTC, and it downloads no extension. Raises `EngineError` where DuckDB runs out of memory
    or disk, or cannot read or write a file.
    """
    with (
        tempfile.TemporaryDirectory(prefix="stillwatch-") as home,
        tempfile.TemporaryDirectory(prefix="stillwatch-", dir=scratch) as folder,
    ):
        places = SafePaths(Path(home))
        connection = ibis.duckdb.connect(
            ":memory:",
            memory_limit=memory,
            threads=threads or CORES,
            temp_directory=str(places.of(folder)),
            preserve_insertion_order=False,
            autoinstall_known_extensions=False,
            autoload_known_extensions=False,
        )
        connection.raw_sql("set timezone = 'UTC'")
        # A progress bar would be mixed into the program's output. DuckDB refuses this setting in a notebook
        # that cannot draw one.
        with suppress(duckdb.InvalidInputException):
            connection.raw_sql("set enable_progress_bar = false")
        try:
            yield DuckDB(connection, places)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise EngineError(_said(error, folder, memory)) from error
        finally:
            connection.disconnect()


def _said(error: duckdb.Error, scratch: str, memory: str) -> Problem:
    """The `Problem` for an error of DuckDB."""
    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return Problem(
            fact="the database ran out of memory",
            where=scratch,
            found=f"--memory {memory}, and what could be spilled to disk",
            fix="give more with --memory, or a larger disk to TMPDIR",
        )
    if "No space left" in text:
        return Problem(
            fact="no space is left on the disk",
            where=scratch,
            fix="free some, or give another disk to --out and --store; what is finished is kept, the next "
            "run goes on from it",
        )
    return Problem(
        fact="the database could not read or write a file", where=scratch, found=text.splitlines()[0][:200]
    )
