"""How does a stage get a database with known limits?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ibis
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
