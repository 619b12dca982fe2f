"""The engine Spark.

It needs the `pyspark` package, Java, and a folder that all machines share, where observations and summaries
are written as Parquet. Executors run the readers and the sketch, so `stillwatch` must be installed on them.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.pyspark import Backend
from pyspark.sql import DataFrame, SparkSession

from stillwatch.engine.duck import by_value

A = TypeVar("A")  # any type
B = TypeVar("B")  # any type
SHUFFLES_PER_CORE = 2  # shuffle partitions for each core: chosen
LEAST_MB = 3072  # smallest memory of the driver in MB: chosen


class Spark:
    """A Spark session; see `Engine`."""

    local = False

    def __init__(self, session: SparkSession, backend: Backend, scratch: Path) -> None:
        self._session = session
        self._backend = backend
        self._scratch = scratch.resolve()
        self._number = itertools.count()
        self._folders: dict[str, Path] = {}  # of the files of kept tables, by view

    def load(self, name: str, rows: pa.Table) -> ir.Table:
        """Store an account-sized Arrow table as the temporary view `name`; returns it as an expression."""
        self._session.createDataFrame(rows).createOrReplaceTempView(name)
        return self._backend.table(name)

    def keep(self, name: str, expression: ir.Table) -> ir.Table:
        """Compute an expression and store it as Parquet; returns the stored table, which is not computed
        again by later expressions.
        """
        path = self._scratch / f"{name}-{next(self._number)}"
        self._frame(expression).write.option("compression", "lz4").parquet(str(path))
        kept = self._view(self._session.read.parquet(str(path)))
        self._folders[kept.get_name()] = path
        return kept

    def drop(self, tables: Iterable[ir.Table]) -> None:
        """Remove tables that `load` or `keep` stored. Expressions over them can no longer be computed."""
        for table in tables:
            self._session.catalog.dropTempView(table.get_name())
            if (folder := self._folders.pop(table.get_name(), None)) is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def ask(self, expression: ir.Table) -> pa.Table:
        """Compute an account-sized expression and return it as Arrow."""
        return expression.to_pyarrow()

    def read_parts(self, paths: Sequence[str | Path]) -> ir.Table:
        """Parquet files of one schema as one table."""
        return self._view(self._session.read.parquet(*(str(Path(path).resolve()) for path in paths)))

    def write(self, expression: ir.Table, path: Path) -> None:
        """Write an expression as one Parquet file; the order of its rows is kept."""
        with tempfile.TemporaryDirectory(prefix=".spark-", dir=path.parent) as folder:
            target = Path(folder) / "one"
            self._frame(expression).coalesce(1).write.option("compression", "zstd").parquet(str(target))
            (part,) = target.glob("*.parquet")
            part.replace(path)

    def write_by(self, expression: ir.Table, column: str, folder: Path) -> dict[str, list[Path]]:
        """Write an expression as Parquet files partitioned by `column`, which the files do not contain;
        returns the files by the column's value.
        """
        frame = self._frame(expression).repartition(column)
        frame.write.option("compression", "zstd").partitionBy(column).parquet(str(folder.resolve()))
        return by_value(folder)

    def spread(self, function: Callable[[A], B], work: Sequence[A]) -> Iterable[B]:
        """Results of `function` for each item of `work`, in order, computed on all executors."""
        if not work:
            return []
        return self._session.sparkContext.parallelize(list(work), len(work)).map(function).toLocalIterator()

    def _frame(self, expression: ir.Table) -> DataFrame:
        """The data frame of an expression."""
        return self._session.sql(self._backend.compile(expression))

    def _view(self, frame: DataFrame) -> ir.Table:
        """A data frame as a table of the engine."""
        name = f"part_{next(self._number)}"
        frame.createOrReplaceTempView(name)
        return self._backend.table(name)


@contextmanager
def spark_engine(*, master: str, memory: str, scratch: Path | None) -> Iterator[Spark]:
    """A Spark session at the URL `master`, in UTC; it is stopped when the block ends.

    `scratch` is a folder for intermediate tables, shared by all machines.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # executors need the packages of this process
    session = (
        SparkSession.builder.master(master)
        .appName("stillwatch")
        .config("spark.driver.memory", _at_least(memory))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.sql.ansi.enabled", "false")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    session.conf.set(
        "spark.sql.shuffle.partitions", SHUFFLES_PER_CORE * session.sparkContext.defaultParallelism
    )
    with tempfile.TemporaryDirectory(prefix="spark-", dir=scratch) as folder:
        try:
            yield Spark(session, ibis.pyspark.connect(session), Path(folder))
        finally:
            session.stop()


def _at_least(memory: str) -> str:
    """A size such as `1500MB` in Spark's notation (`3072m`), at least `LEAST_MB`."""
    number, unit = int("".join(c for c in memory if c.isdigit()) or 0), memory.upper().lstrip("0123456789. ")
    megabytes = number * {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1 << 20}.get(unit[:1], 1)
    return f"{max(LEAST_MB, int(megabytes))}m"
