"""One row per action taken on an account."""

from __future__ import annotations

import pyarrow as pa

from stillwatch.contract.table import TIMESTAMP, TableSchema, column

# Input table with a row for each action on an account.
ACTIONS = TableSchema(
    name="actions",
    columns=(
        column("account_id", pa.string(), "as in `exchanges`", required=True),
        column("at", TIMESTAMP, "time from which the action holds", required=True),
        column("action", pa.string(), "name of the action, such as `suspend`"),
        column("campaign_id", pa.string(), "campaign for which it was taken"),
    ),
)
