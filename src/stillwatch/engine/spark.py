"""How does a stage run on Spark, and what of Spark does it need?

Nothing but the `pyspark` package, whose jars come with it, a Java, and a folder that every machine sees:
observations and summaries are Parquet there. Executors run the readers and the sketch, so `stillwatch` is
installed on them too.
"""

from __future__ import annotations

import itertools
import os
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

A = TypeVar("A")
B = TypeVar("B")
SHUFFLES_PER_CORE = 2
LEAST_MB = 3072


class Spark:
    """A Spark session; see `Engine`."""

    local = False

    def __init__(self, session: SparkSession, backend: Backend, scratch: Path) -> None:
        self._session = session
        self._backend = backend
        self._scratch = scratch.resolve()
        self._number = itertools.count()

    def load(self, name: str, rows: pa.Table) -> ir.Table:
        """An account-sized Arrow table as a temporary view."""
        self._session.createDataFrame(rows).createOrReplaceTempView(name)
        return self._backend.table(name)

    def keep(self, name: str, expression: ir.Table) -> ir.Table:
        """An expression computed once and kept as Parquet; what comes after does not go back beyond it."""
        path = self._scratch / f"{name}-{next(self._number)}"
        self._frame(expression).write.option("compression", "lz4").parquet(str(path))
        return self._view(self._session.read.parquet(str(path)))

    def ask(self, expression: ir.Table) -> pa.Table:
        """An account-sized expression as Arrow."""
        return expression.to_pyarrow()

    def read_parts(self, paths: Sequence[str | Path]) -> ir.Table:
        """Parquet files of one schema as one table."""
        return self._view(self._session.read.parquet(*(str(Path(path).resolve()) for path in paths)))

    def write(self, expression: ir.Table, path: Path) -> None:
        """Write a table, in its order, as one Parquet file."""
        with tempfile.TemporaryDirectory(prefix=".spark-", dir=path.parent) as folder:
            target = Path(folder) / "one"
            self._frame(expression).coalesce(1).write.option("compression", "zstd").parquet(str(target))
            (part,) = target.glob("*.parquet")
            part.replace(path)

    def write_by(self, expression: ir.Table, column: str, folder: Path) -> dict[str, list[Path]]:
        """Write a table as Parquet, apart by the values of a column that is left out; returns the files
        of each value.
        """
        frame = self._frame(expression).repartition(column)
        frame.write.option("compression", "zstd").partitionBy(column).parquet(str(folder.resolve()))
        return by_value(folder)

    def spread(self, function: Callable[[A], B], work: Sequence[A]) -> Iterable[B]:
        """The function of each piece of work, in order, on all executors."""
        if not work:
            return []
        return self._session.sparkContext.parallelize(list(work), len(work)).map(function).toLocalIterator()

    def _frame(self, expression: ir.Table) -> DataFrame:
        return self._session.sql(self._backend.compile(expression))

    def _view(self, frame: DataFrame) -> ir.Table:
        name = f"part_{next(self._number)}"
        frame.createOrReplaceTempView(name)
        return self._backend.table(name)


@contextmanager
def spark_engine(*, master: str, memory: str, scratch: Path | None) -> Iterator[Spark]:
    """A Spark session at `master`, in UTC, with Arrow for what comes to the driver; it ends with the block.

    `scratch` is a folder for what is kept on the way, which every machine sees.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # executors need what this process has
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
    """A size such as `1500MB` in Spark's words, and no less than a driver needs for itself."""
    number, unit = int("".join(c for c in memory if c.isdigit()) or 0), memory.upper().lstrip("0123456789. ")
    megabytes = number * {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1 << 20}.get(unit[:1], 1)
    return f"{max(LEAST_MB, int(megabytes))}m"
