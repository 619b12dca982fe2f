"""How does a stage get a database with known limits?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend


@contextmanager
def duckdb_engine(
    *, memory: str = "2GB", threads: int | None = None, scratch: Path | None = None
) -> Iterator[Backend]:
    """A fresh in-process DuckDB that spills to `scratch` (a temporary folder by default) beyond `memory`.

    Times are UTC whatever the machine's zone, and no extension is ever fetched.
    """
    with tempfile.TemporaryDirectory(prefix="stillwatch-", dir=scratch) as folder:
        connection = ibis.duckdb.connect(
            ":memory:",
            memory_limit=memory,
            threads=threads or os.cpu_count() or 1,
            temp_directory=folder,
            preserve_insertion_order=False,
            autoinstall_known_extensions=False,
            autoload_known_extensions=False,
        )
        connection.raw_sql("set timezone = 'UTC'")
        try:
            yield connection
        finally:
            connection.disconnect()


def load(engine: Backend, name: str, rows: pa.Table) -> ir.Table:
    """An account-sized Arrow table as a temporary table of the engine."""
    engine.con.register(f"arrow_{name}", rows)
    engine.raw_sql(f'create or replace temp table "{name}" as select * from "arrow_{name}"')
    engine.con.unregister(f"arrow_{name}")
    return engine.table(name)


def keep(engine: Backend, name: str, expression: ir.Table) -> ir.Table:
    """An expression computed once and kept as a temporary table."""
    return engine.create_table(name, expression, temp=True)
