"""One row per action taken on an account."""

from __future__ import annotations

import pyarrow as pa

from stillwatch.contract.table import TIMESTAMP, TableSchema, column

ACTIONS = TableSchema(
    name="actions",
    columns=(
        column("account_id", pa.string(), "as in `exchanges`", required=True),
        column("at", TIMESTAMP, "from when on it holds", required=True),
        column("action", pa.string(), "what was done, such as `suspend`"),
        column("campaign_id", pa.string(), "the campaign for which it was done"),
    ),
)
