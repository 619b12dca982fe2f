"""Where do the lists that come with the package lie?"""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq


def bundled_list(name: str) -> pa.Table:
    """A bundled list (`data/SOURCES.md`) by its file's stem."""
    return pq.read_table(BytesIO(files("stillwatch.enrich").joinpath(f"data/{name}.parquet").read_bytes()))
