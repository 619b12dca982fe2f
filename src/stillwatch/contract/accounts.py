"""One row per account. The table is optional; without it sign-up, mail and payment are unknown."""

from __future__ import annotations

import pyarrow as pa

from stillwatch.contract.table import LATEST_US, TIMESTAMP, TableSchema, column

STRING = pa.string()  # type of the columns of accounts that hold text

# Input table with a row for each account.
ACCOUNTS = TableSchema(
    name="accounts",
    key=("account_id",),
    columns=(
        column("account_id", STRING, "as in `exchanges`", required=True),
        column("created_at", TIMESTAMP, "time of sign-up", within=(0, LATEST_US)),
        column("email_domain", STRING, "domain of the mail address, never the address"),
        column(
            "email_local_shape",
            STRING,
            "local part of the address, with letters as `a` and digits as `9`",
        ),
        column("payment_fingerprint", STRING, "the processor's card or wallet fingerprint"),
        column("payment_country", STRING, "ISO 3166-1 alpha-2 code of the card's country"),
        column("phone_prefix", STRING, "E.164 prefix of country and operator"),
        column("signup_ip", STRING, "IP address at sign-up"),
        column("program", STRING, "standard, education, research, startup, reseller, ..."),
        column("plan", STRING, "name of the paid plan"),
        column(
            "peer_match",
            STRING,
            "name of a peer with which the account has a value in common (`scan --with-peer`)",
        ),
    ),
)
