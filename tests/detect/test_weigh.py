"""Weights of links worked by hand, and what they do not depend on."""

import math
import random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stillwatch.contract.phrases import FEWEST_HOLDERS, Phrases
from stillwatch.contract.summaries import halved, summed
from stillwatch.detect.weigh import AGREEMENT, VALUES_KEPT_PER_ACCOUNT, links, prevalence
from stillwatch.engine.duck import duckdb_engine

pytestmark = pytest.mark.issue(22)
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
ACCOUNTS = 40


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with duckdb_engine(memory="500MB", scratch=tmp_path_factory.mktemp("scratch")) as one:
        yield one


def summaries(engine, agents, phrases, order=lambda rows: rows):
    """Summaries in which each account has one hour in each half; `agents` and `phrases` are accounts by
    value.
    """
    at = pa.timestamp("us", "UTC")
    hours = [(account, half, BEGIN + timedelta(hours=half)) for account in range(ACCOUNTS) for half in (0, 1)]
    agent_of = {account: value for value, some in agents.items() for account in some}
    rows = order(
        [
            {"account_id": f"a{account:02}", "half": half, "hour": hour, "exchanges": 3,
             "user_agent": agent_of.get(account)}
            for account, half, hour in hours
        ]
    )  # fmt: skip
    schema = pa.schema(
        [("account_id", pa.string()), ("half", pa.int32()), ("hour", at), ("exchanges", pa.int64()),
         ("user_agent", pa.string())]
    )  # fmt: skip
    sources = engine.load("sources", pa.Table.from_pylist(rows, schema))
    empty = pa.table(
        {"account_id": pa.array([], pa.string()), "kind": pa.array([], pa.string()),
         "value": pa.array([], pa.string()), "half": pa.array([], pa.int32()),
         "exchanges": pa.array([], pa.int64())}
    )  # fmt: skip
    attributes = engine.load("attributes", empty)
    activity = engine.load("activity", pa.Table.from_pylist(rows, schema).drop_columns("user_agent"))
    hour = int(BEGIN.timestamp()) // 3600
    marks = [
        {"account": account, "kind": "prompt_template", "value": value, "half": half, "hour": hour + half,
         "exchanges": 2}
        for value, some in sorted(phrases.items())
        for account in sorted(some)
        for half in (0, 1)
    ]  # fmt: skip
    began = pa.table({"account_id": [f"a{n:02}" for n in range(ACCOUNTS)], "began": [hour] * ACCOUNTS})
    types = pa.schema([(n, pa.string() if n == "kind" else pa.int64()) for n in (
        "account", "kind", "value", "half", "hour", "exchanges")])  # fmt: skip
    return SimpleNamespace(
        sightings=summed(sources, attributes),
        halves=halved(activity),
        phrases=Phrases.of(began, pa.Table.from_pylist(marks, types)),
    )


def test_a_rare_value_weighs_more_than_a_common_one_and_one_that_hardly_anybody_or_most_show_nothing(engine):
    agents = {"rare": range(4), "common": range(4, 16), "alone": range(16, 16 + FEWEST_HOLDERS - 1),
              "most": range(18, ACCOUNTS)}  # fmt: skip
    found = links(summaries(engine, agents, {11: range(5), 12: range(2)}), engine.ask)
    weight = {
        (row["kind"], row["value"]): (row["weight"], row["holders"], row["exchanges"])
        for row in found.to_pylist()
    }
    assert set(weight) == {("user_agent", "rare"), ("user_agent", "common"), ("prompt_template", "11")}
    for name, holders, exchanges in (("rare", 4, 3), ("common", 12, 3)):
        assert weight["user_agent", name] == (
            pytest.approx(math.log10(AGREEMENT * ACCOUNTS / holders)), holders, exchanges,
        )  # fmt: skip
    assert weight["prompt_template", "11"][1:] == (5, 2)


def test_both_halves_have_twice_the_exchanges_of_the_first(engine):
    given = summaries(engine, {"rare": range(4)}, {11: range(5)})
    first, both = (links(given, engine.ask, first=first) for first in (True, False))
    assert 2 * pc.sum(first.column("exchanges")).as_py() == pc.sum(both.column("exchanges")).as_py()
    assert (
        first.select(["account_id", "weight"])
        .sort_by("account_id")
        .equals(both.select(["account_id", "weight"]).sort_by("account_id"))
    )


def test_an_account_keeps_its_strongest_phrases_and_no_more(engine):
    phrases = {1000 + n: range(3 + n % 5) for n in range(VALUES_KEPT_PER_ACCOUNT + 20)}
    found = links(summaries(engine, {}, phrases), engine.ask).to_pylist()
    mine = [row for row in found if row["account_id"] == "a00"]
    assert len(mine) == VALUES_KEPT_PER_ACCOUNT
    left_out = {str(value) for value in phrases} - {row["value"] for row in mine}
    weakest = min(row["weight"] for row in mine)
    assert all(math.log10(AGREEMENT * ACCOUNTS / len(phrases[int(v)])) <= weakest + 1e-9 for v in left_out)


def test_the_order_of_rows_changes_no_link(engine):
    agents = {"one": range(6), "two": range(6, 14)}
    order = random.Random(3)
    straight, mixed = (
        links(summaries(engine, agents, {11: range(5)}, how), engine.ask)
        for how in (lambda rows: rows, lambda rows: order.sample(rows, len(rows)))
    )
    by = [("account_id", "ascending"), ("kind", "ascending"), ("value", "ascending")]
    assert straight.sort_by(by).equals(mixed.sort_by(by))


def test_prevalence_counts_accounts_and_not_exchanges(engine):
    given = summaries(engine, {"rare": range(4)}, {})
    assert prevalence(given.sightings).to_pyarrow().to_pylist() == [
        {"kind": "user_agent", "value": "rare", "holders": 4}
    ]
