"""Reads the lists that are included in the package."""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq


def bundled_list(name: str) -> pa.Table:
    """The bundled list in `data/NAME.parquet` (`data/SOURCES.md`)."""
    return pq.read_table(BytesIO(files("stillwatch.enrich").joinpath(f"data/{name}.parquet").read_bytes()))
