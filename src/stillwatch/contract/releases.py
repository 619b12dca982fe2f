"""One row per model release; optional."""

from __future__ import annotations

import pyarrow as pa

from stillwatch.contract.table import LATEST_US, TIMESTAMP, TableSchema, column

# Input table with a row for each model.
RELEASES = TableSchema(
    name="releases",
    key=("model",),
    columns=(
        column("model", pa.string(), "as in `exchanges`", required=True),
        column(
            "released_at",
            TIMESTAMP,
            "time from which the model could be requested",
            required=True,
            within=(0, LATEST_US),
        ),
    ),
)
