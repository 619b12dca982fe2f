"""The queries run in DuckDB and fire where several accounts show a value within a day, and only there."""

from datetime import datetime, timedelta

import duckdb
import pyarrow as pa
import pytest

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.export.content import ExportedIndicator
from stillwatch.export.exporters.sigma_sql import _condition
from tests.export.planted import AGENT, GREETING

pytestmark = pytest.mark.issue(28)
BEGIN = datetime.fromisoformat("2026-04-02T00:00:00+00:00")


def fired(text, rows):
    made = [{"exchange_id": f"x{n}", "model": "m", **row} for n, row in enumerate(rows)]
    base = duckdb.connect()
    base.register("exchanges", EXCHANGES.conform(pa.Table.from_pylist(made)))
    queries = [part for part in text.split(";\n") if "SELECT" in part]
    assert len(queries) >= 4
    return [row for query in queries for row in base.execute(query).fetchall()]


def shown(accounts, hours=1.0, **values):
    return [
        {"account_id": f"a{n}", "timestamp": BEGIN + timedelta(hours=hours * n), **values}
        for n in range(accounts)
    ]


@pytest.mark.parametrize(
    "values", [{"client_ip": "117.176.214.77"}, {"tls_fingerprint": GREETING.upper()}, {"user_agent": AGENT}]
)
def test_three_accounts_within_a_day_fire_and_two_or_a_slow_three_do_not(export, values):
    text = export("sigma_sql")
    three = fired(text, shown(3, **values))
    assert {(row[1], row[4]) for row in three} == {("x2", 3)}
    assert fired(text, shown(2, **values)) == []
    assert fired(text, shown(3, hours=13, **values)) == []
    assert fired(text, shown(2, **values) * 2) == []  # one account often is one account


def test_others_values_and_rows_after_the_expiry_do_not_fire(export):
    text = export("sigma_sql")
    assert fired(text, shown(5, client_ip="117.176.215.77", user_agent="x", tls_fingerprint="y")) == []
    assert fired(text, shown(5, client_ip="no address")) == []
    late = [
        {**row, "timestamp": row["timestamp"] + timedelta(days=365)}
        for row in shown(5, client_ip="117.176.214.77")
    ]
    assert fired(text, late) == []


def test_a_revoked_campaign_has_no_query(export):
    assert "SELECT" not in export("sigma_sql", revoked=frozenset({"C1", "C2"}))


@pytest.mark.parametrize(
    ("value", "inside", "outside"),
    [
        ("2001:db8:7::/48", "2001:db8:7:1::2", "2001:db8:70::1"),
        ("192.0.2.128/25", "192.0.2.200", "192.0.2.1"),
        ("192.0.2.7/32", "192.0.2.7", "192.0.2.70"),
    ],
)
def test_ranges_are_those_of_the_addresses(value, inside, outside):
    what = ExportedIndicator(
        kind="client_prefix", value=value, members=3, others=0, probability=1.0, confidence=90
    )
    query = (
        f"SELECT client_ip FROM (VALUES ('{inside}'), ('{outside}')) t(client_ip) WHERE {_condition(what)}"
    )
    assert duckdb.sql(query).fetchall() == [(inside,)]
