"""One row per exchange with its true campaign, as known to a simulator or an evaluation."""

from __future__ import annotations

import pyarrow as pa

from stillwatch.contract.table import TableSchema, column

# Table of a simulated world with the campaign of each exchange.
TRUTH = TableSchema(
    name="truth",
    key=("exchange_id",),
    columns=(
        column("exchange_id", pa.string(), "as in `exchanges`", required=True),
        column("account_id", pa.string(), "as in `exchanges`", required=True),
        column("campaign_id", pa.string(), "null for ordinary traffic"),
    ),
)
