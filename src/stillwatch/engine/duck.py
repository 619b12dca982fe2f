"""DuckDB with known limits.

Whatever is put into a statement as text goes through `identifier` or `literal`. Paths go through `Places`
besides: the database expands `*`, `?` and `[`, and takes a backslash for a slash.
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

PLAIN = re.compile(r"[A-Za-z0-9_./=-]*")
A = TypeVar("A")
B = TypeVar("B")


class DuckDB:
    """DuckDB in this process; see `Engine`."""

    local = True

    def __init__(self, backend: Backend, places: Places) -> None:
        self._backend, self._places = backend, places
        self._compiled: dict[Node, str] = {}

    def load(self, name: str, rows: pa.Table) -> ir.Table:
        """An account-sized Arrow table as a temporary table."""
        self._backend.con.register(f"arrow_{name}", rows)
        self._backend.raw_sql(
            f"create or replace temp table {identifier(name)} as select * from {identifier(f'arrow_{name}')}"
        )
        self._backend.con.unregister(f"arrow_{name}")
        return self._backend.table(name)

    def keep(self, name: str, expression: ir.Table) -> ir.Table:
        """An expression computed once and kept as a temporary table, in place of an earlier one of that
        name.
        """
        columns = ", ".join(_typed(column, kind) for column, kind in expression.schema().items())
        self._backend.raw_sql(
            f"create or replace temp table {identifier(name)} as select {columns} from "
            f"({self._sql(expression)})"
        )
        return self._backend.table(name)

    def ask(self, expression: ir.Table) -> pa.Table:
        """An account-sized expression as Arrow. Equal expressions are compiled once: what is asked of one
        moment after another.
        """
        found = self._backend.con.sql(self._sql(expression)).to_arrow_table()
        return expression.__pyarrow_result__(found, data_mapper=DuckDBPyArrowData)

    def _sql(self, expression: ir.Table) -> str:
        node = expression.op()
        if node not in self._compiled:
            self._compiled[node] = self._backend.compile(expression)
        return self._compiled[node]

    def read_parts(self, paths: Sequence[str | Path]) -> ir.Table:
        """Parquet files of one schema as one table."""
        names = [str(self._places.of(path)) for path in paths]
        return self._backend.read_parquet(names, hive_partitioning=False, union_by_name=False)

    def write(self, expression: ir.Table, path: Path) -> None:
        """Write a table, in its order, as one Parquet file."""
        made = (
            path.parent / f".{uuid4().hex}.parquet"
        )  # the database makes no file where a link leads nowhere yet
        self._copy(self._sql(expression), self._places.of(path.parent) / made.name)
        made.replace(path)

    def write_by(self, expression: ir.Table, column: str, folder: Path) -> dict[str, list[Path]]:
        """Write a table as Parquet, apart by the values of a column that is left out; returns the files
        of each value.
        """
        columns = ", ".join(_typed(name, kind) for name, kind in expression.schema().items())
        query = f"select {columns} from ({self._sql(expression)})"
        folder.mkdir(exist_ok=True)
        self._copy(query, self._places.of(folder), f"partition_by ({identifier(column)})")
        return by_value(folder)

    def _copy(self, query: str, path: Path, *options: str) -> None:
        how = ", ".join(("format parquet", "compression zstd", *options))
        self._backend.raw_sql(f"copy ({query}) to {literal(str(path))} ({how})")

    def spread(self, function: Callable[[A], B], work: Sequence[A]) -> Iterable[B]:
        """The function of each piece of work, in order, on all cores."""
        return on_all_cores(function, work)


def literal(text: str) -> str:
    """A text as a string constant of SQL. A quote is doubled; nothing else has a meaning in one."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as a quoted identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


class Places:
    """Paths as the database may see them: a path of plain signs is itself, any other is reached by a link
    in the folder `home`.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._links: dict[Path, Path] = {}

    def of(self, path: str | Path) -> Path:
        """A path of plain signs that leads to the file or folder `path`."""
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
    """The files of a Hive-partitioned folder by the value in their folder's name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        found.setdefault(path.parent.name.partition("=")[2], []).append(path)
    return found


def _typed(name: str, kind: dt.DataType) -> str:
    """A column of the type that it should have: the database gives wider integers and drops time zones on
    its own.
    """
    if kind.is_int64():
        return f"{identifier(name)}::bigint as {identifier(name)}"
    if kind.is_timestamp():
        return f"{identifier(name)}::timestamptz as {identifier(name)}"
    return identifier(name)


@contextmanager
def duckdb_engine(
    *, memory: str = "2GB", threads: int | None = None, scratch: Path | None = None
) -> Iterator[DuckDB]:
    """A fresh in-process DuckDB that spills to `scratch` (a temporary folder by default) beyond `memory`.

    Times are UTC whatever the machine's zone, and no extension is ever fetched.
    """
    with (
        tempfile.TemporaryDirectory(prefix="stillwatch-") as home,
        tempfile.TemporaryDirectory(prefix="stillwatch-", dir=scratch) as folder,
    ):
        places = Places(Path(home))
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
        # A bar would be drawn into whatever the program prints. In a notebook that cannot draw one, the
        # database refuses to be told.
        with suppress(duckdb.InvalidInputException):
            connection.raw_sql("set enable_progress_bar = false")
        try:
            yield DuckDB(connection, places)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise EngineError(_said(error, folder, memory)) from error
        finally:
            connection.disconnect()


def _said(error: duckdb.Error, scratch: str, memory: str) -> Problem:
    """What the database could not do, and what helps."""
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
