"""One row per account and trial: whether the account's next request was refused, by a coin or an outage, or
was spared.
"""

from __future__ import annotations

import pyarrow as pa

from stillwatch.contract.table import TIMESTAMP, TableSchema, column

# Table with a row for each account and moment of a probe: refused or spared.
TRIALS = TableSchema(
    name="trials",
    columns=(
        column("trial", pa.string(), "name of the moment; its rows were drawn together", required=True),
        column(
            "at",
            TIMESTAMP,
            "from when on the account's next request was to be refused or spared",
            required=True,
        ),
        column("account_id", pa.string(), "as in `exchanges`", required=True),
        column("failed", pa.bool_(), "whether it was refused", required=True),
    ),
)
