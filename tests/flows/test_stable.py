"""What is reported depends on what accounts did, and not on keys, names, the order of rows or how files
are cut.
"""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stillwatch.flows.scan import Options, scan


@pytest.fixture(scope="module")
def world(tmp_path_factory, small_world):
    place = tmp_path_factory.mktemp("stable") / "world"
    small_world(place)
    return ds.dataset(place / "exchanges").to_table(), pq.read_table(place / "accounts.parquet")


@pytest.fixture(scope="module")
def unchanged(world, tmp_path_factory):
    return reported(tmp_path_factory.mktemp("before"), *world)


def renamed(table, names):
    place = table.schema.get_field_index("account_id")
    new = pa.array([names[one] for one in table.column("account_id").to_pylist()])
    return table.set_column(place, "account_id", new)


def reported(folder: Path, exchanges, accounts, *, files=1, seed=0, back=None):
    """Members and q-value of each campaign of a scan of these rows, cut into so many files."""
    (folder / "log").mkdir(parents=True)
    cuts = np.linspace(0, exchanges.num_rows, files + 1).astype(int).tolist()
    for number, (low, high) in enumerate(itertools.pairwise(cuts)):
        pq.write_table(exchanges.slice(low, high - low), folder / "log" / f"{number}.parquet")
    pq.write_table(accounts, folder / "accounts.parquet")
    options = Options(names={}, accounts=folder / "accounts.parquet", replay=False, seed=seed)
    scan([str(folder / "log")], folder / "out", options)
    members = pq.read_table(folder / "out" / "members.parquet").to_pylist()
    return [
        (
            {
                (back or {}).get(m["account_id"], m["account_id"])
                for m in members
                if m["campaign_id"] == one["campaign_id"]
            },
            one["q_value"],
        )
        for one in pq.read_table(folder / "out" / "campaigns.parquet").to_pylist()
    ]


@pytest.mark.issue(21)
@pytest.mark.parametrize("change", ["key", "names", "order"])
def test_the_same_accounts_are_reported_at_the_same_rate(world, unchanged, tmp_path, change):
    exchanges, accounts = world
    rng = np.random.default_rng(7)
    ((before, rate),) = unchanged
    if change == "key":
        ((after, rate_after),) = reported(tmp_path / "after", exchanges, accounts, seed=5)
    elif change == "names":
        old = sorted(
            set(exchanges.column("account_id").to_pylist()) | set(accounts.column("account_id").to_pylist())
        )
        names = dict(zip(old, [f"a{n:05d}" for n in rng.permutation(len(old))], strict=True))
        back = {new: one for one, new in names.items()}
        ((after, rate_after),) = reported(
            tmp_path / "after", renamed(exchanges, names), renamed(accounts, names), back=back
        )
    else:
        mixed = exchanges.take(pa.array(rng.permutation(exchanges.num_rows)))
        ((after, rate_after),) = reported(tmp_path / "after", mixed, accounts, files=4)
    assert len(before & after) >= 0.99 * len(before | after)
    assert 1 / 3 <= rate_after / rate <= 3
