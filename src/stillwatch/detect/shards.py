"""Clustering of links that do not fit on one machine, in two rounds.

Accounts are divided into shards by a digest of their name, and each shard is clustered where it is stored. A
shard returns little: for each of its groups, the values with the strongest links. These groups are then
clustered by the values that they share, and an account gets the cluster of its group. A campaign is spread
over all n shards, with 1/n of its accounts in each; a group with fewer than `FEWEST_ACCOUNTS_IN_SHARD`
accounts per shard is lost (measured by `benchmarks/shards.py`).
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.detect.cluster import FEWEST_ACCOUNTS, Cluster, communities

FEWEST_ACCOUNTS_IN_SHARD = 3  # accounts that a group must have in one shard
VALUES_OF_A_GROUP = 60  # values of a group, at most, that a shard returns

Spread = Callable[
    [Callable[[Sequence[Path]], tuple[pa.Table, pa.Table]], Sequence[Sequence[Path]]], Iterable[Any]
]


def sharded_communities(
    shards: Sequence[Sequence[Path]],
    spread: Spread,
    seed: int = 0,
    resolution: float = 1.0,
    smallest: int = FEWEST_ACCOUNTS,
) -> pa.Table:
    """Candidates of at least `smallest` accounts as (`candidate`, `account_id`) rows, from links in shards.

    Args:
        shards: Parquet files of links, for each shard.
        spread: Runs a function on each shard's files, locally or elsewhere, and gives the results in order.
        seed: Seed of the clusterings.
        resolution: Resolution of modularity in both rounds.
        smallest: Accounts that a candidate must have.
    """
    of_shards = list(spread(partial(_of_shard, seed=seed, resolution=resolution), shards))
    groups = pa.concat_tables(
        [_named(coarse, number) for number, (_accounts, coarse) in enumerate(of_shards) if coarse.num_rows]
        or [_nothing()]
    )
    upper = communities(groups, seed=seed, resolution=resolution, smallest=1)
    label = dict(
        zip(upper.column("account_id").to_pylist(), upper.column("candidate").to_pylist(), strict=True)
    )
    rows: dict[int, list[str]] = {}
    for number, (accounts, _coarse) in enumerate(of_shards):
        for name, group in zip(
            accounts.column("account_id").to_pylist(), accounts.column("candidate").to_pylist(), strict=True
        ):
            place = label.get(f"{number}:{group}")
            if place is not None:
                rows.setdefault(place, []).append(name)
    kept = {place: names for place, names in rows.items() if len(names) >= smallest}
    return pa.table(
        {
            "candidate": pa.array([place for place, names in kept.items() for _name in names], pa.int64()),
            "account_id": pa.array([name for names in kept.values() for name in names], pa.string()),
        }
    )


def _of_shard(paths: Sequence[Path], *, seed: int, resolution: float) -> tuple[pa.Table, pa.Table]:
    """Account × group rows of one shard, and the links of its groups to their strongest values."""
    links = pa.concat_tables([pq.read_table(path, partitioning=None) for path in paths])
    accounts = communities(links, seed=seed, resolution=resolution, smallest=FEWEST_ACCOUNTS_IN_SHARD)
    inside = links.join(accounts, "account_id", join_type="inner")
    summed = inside.group_by(["candidate", "kind", "value"]).aggregate([("weight", "sum")])
    summed = summed.sort_by(
        [
            ("candidate", "ascending"),
            ("weight_sum", "descending"),
            ("kind", "ascending"),
            ("value", "ascending"),
        ]
    )
    seen: dict[int, int] = {}
    keep = []
    for group in summed.column("candidate").to_pylist():
        seen[group] = seen.get(group, 0) + 1
        keep.append(seen[group] <= VALUES_OF_A_GROUP)
    return accounts, summed.filter(pa.array(keep, pa.bool_()))


def _named(coarse: pa.Table, shard: int) -> pa.Table:
    """Links of a shard's groups for the second round, with groups as accounts, named `shard:group`."""
    names = pc.binary_join_element_wise(str(shard), coarse.column("candidate").cast(pa.string()), ":")
    return pa.table(
        {
            "account_id": names,
            "kind": coarse.column("kind"),
            "value": coarse.column("value"),
            "weight": pc.log1p(coarse.column("weight_sum")),
        }
    )


def _nothing() -> pa.Table:
    """Links without rows."""
    return pa.table(
        {name: pa.array([], pa.string()) for name in ("account_id", "kind", "value")}
        | {"weight": pa.array([], pa.float64())}
    )


def sharded(shards: int, folder: Path, spread: Spread) -> Cluster:
    """A function like `communities` that writes links to `shards` temporary Parquet files under `folder` and
    clusters them with `sharded_communities`.
    """

    def cluster(
        links: pa.Table, seed: int = 0, resolution: float = 1.0, smallest: int = FEWEST_ACCOUNTS
    ) -> pa.Table:
        """Communities of the links, found shard by shard and joined by common values."""
        account = links.column("account_id").combine_chunks().dictionary_encode()
        dealt = np.array(
            [zlib.crc32(name.encode()) % shards for name in account.dictionary.to_pylist()], np.int64
        )
        of_row = dealt[account.indices.to_numpy()] if links.num_rows else np.zeros(0, np.int64)
        with tempfile.TemporaryDirectory(prefix="shards-", dir=folder) as place:
            paths = [[Path(place) / f"{number}.parquet"] for number in range(shards)]
            for number, (path,) in enumerate(paths):
                pq.write_table(links.take(pa.array(np.flatnonzero(of_row == number))), path)
            return sharded_communities(paths, spread, seed, resolution, smallest)

    return cluster
