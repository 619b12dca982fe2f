"""Counts of exchanges by account, network and week."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.policy.preview import WEEK_S
from stillwatch.readers.discover import discover
from stillwatch.readers.limits import LIMITS
from stillwatch.readers.read import check, read

PREFIX = {4: 24, 6: 48}  # prefix length in bits by IP version: chosen, the usual size of one site
# Columns of the exchanges by account, network and week.
SCHEMA = pa.schema(
    [("account_id", pa.string()), ("network", pa.string()), ("week", pa.int64()), ("exchanges", pa.int64())]
)


def weekly(paths: Sequence[str], log_format: str = "auto") -> pa.Table:
    """Exchanges of the logs at `paths` as a table of `account_id`, `network` (null where there is no valid
    address), `week` (its start in seconds since 1970) and `exchanges`.

    Raises `InputError` where a file cannot be read.
    """
    sources = check(discover(paths, names={}, log_format=log_format), {}, LIMITS)
    parts = []
    for batch in read(sources, {}, LIMITS):
        rows = batch.rows
        at = pc.cast(pc.cast(rows.column("timestamp"), pa.timestamp("s", tz="UTC"), safe=False), pa.int64())
        week = pc.multiply(pc.divide(at, WEEK_S), WEEK_S)
        some = pa.table(
            {"account_id": rows.column("account_id"), "client_ip": rows.column("client_ip"), "week": week}
        )
        parts.append(some.group_by(["account_id", "client_ip", "week"]).aggregate([([], "count_all")]))
    if not parts:
        return SCHEMA.empty_table()
    every = pa.concat_tables(parts)
    addresses = every.column("client_ip").unique().to_pylist()
    networks = {address: _network(address) for address in addresses}
    network = pa.array([networks[address] for address in every.column("client_ip").to_pylist()], pa.string())
    table = pa.table(
        {
            "account_id": every.column("account_id"), "network": network, "week": every.column("week"),
            "exchanges": every.column("count_all"),
        }
    )  # fmt: skip
    summed = table.group_by(["account_id", "network", "week"]).aggregate([("exchanges", "sum")])
    return summed.rename_columns(
        [name.replace("exchanges_sum", "exchanges") for name in summed.column_names]
    ).select(SCHEMA.names)


def _network(address: str | None) -> str | None:
    """The network of an address with the prefix length `PREFIX`; None where it is no address."""
    try:
        one = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    return str(ipaddress.ip_network(f"{one}/{PREFIX[one.version]}", strict=False))
