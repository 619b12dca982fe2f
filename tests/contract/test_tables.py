"""The names in the contract are fixed: whoever reads our results or writes our input relies on them."""

import json

import pyarrow as pa
import pytest

from stillwatch.contract import results
from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.releases import RELEASES
from stillwatch.contract.table import TableSchema

TABLES = [EXCHANGES, ACCOUNTS, RELEASES, *(v for v in vars(results).values() if isinstance(v, TableSchema))]


@pytest.mark.issue(2)
def test_columns_types_and_order_never_change_unseen(golden):
    told = {
        f"{t.name} ({', '.join(t.names[:1])})": [
            f"{c.name}: {c.type}{'' if c.nullable else ' required'}" for c in t.columns
        ]
        for t in TABLES
    }
    golden("golden/tables.json", json.dumps(told, indent=1) + "\n")


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name + "-" + t.names[-1])
def test_every_column_says_what_it_means_and_the_key_exists(table):
    assert all(c.meaning for c in table.columns)
    assert set(table.key) <= set(table.names)
    assert len(set(table.names)) == len(table.names)


def test_absent_columns_become_null_and_absent_required_ones_are_named():
    full = EXCHANGES.conform(
        pa.table(
            {
                "exchange_id": ["x"],
                "timestamp": pa.array([0], pa.timestamp("us", "UTC")),
                "account_id": ["a"],
                "model": ["m"],
            }
        )
    )
    assert full.column("prompt").to_pylist() == [None]
    with pytest.raises(KeyError, match="account_id"):
        EXCHANGES.conform(full.drop_columns(["account_id"]))
