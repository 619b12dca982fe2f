"""Connected components of accounts that share addresses or cards."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats

# An address with more accounts is an office or a network's gateway and links no accounts.
MOST_ACCOUNTS_BEHIND_ADDRESS = 15


def connected_components(traffic: Traffic) -> Floats:
    """Size of each account's component, in accounts, over shared cards and client addresses.

    Addresses of more than `MOST_ACCOUNTS_BEHIND_ADDRESS` accounts are left out.
    """
    rows = pa.table({"account": traffic.account, "value": traffic.rows.column("client_ip")})
    rows = rows.group_by(["account", "value"]).aggregate([]).filter(pc.field("value").is_valid())
    held = (
        rows.group_by("value")
        .aggregate([("account", "count")])
        .filter(pc.field("account_count") <= MOST_ACCOUNTS_BEHIND_ADDRESS)
    )
    rows = rows.join(held.select(["value"]), "value", join_type="left semi")
    place = {name: number for number, name in enumerate(traffic.names)}
    cards = [
        (place[a], c)
        for a, c in zip(
            *(traffic.details.column(n).to_pylist() for n in traffic.details.column_names), strict=True
        )
        if a in place
    ]
    account = np.concatenate([rows.column("account").to_numpy(), np.array([a for a, _c in cards], np.int64)])
    named = [f"address {v}" for v in rows.column("value").to_pylist()] + [f"card {c}" for _a, c in cards]
    value = pa.array(named).dictionary_encode().indices.to_numpy()
    n, m = len(traffic.names), int(value.max()) + 1
    graph = sparse.coo_matrix((np.ones(len(account)), (account, n + value)), shape=(n + m, n + m))
    _number, label = sparse.csgraph.connected_components(graph, directed=False)
    return np.bincount(label[:n], minlength=n + m)[label[:n]].astype(np.float64)
