"""What every engine does with tables, written once and run on each: DuckDB in this process, and Spark."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis import _

from stillwatch.detect import fold
from stillwatch.engine.connect import open_engine, temporary
from tests.detect.observing import observed

pytestmark = pytest.mark.issue(22)
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
TABLE = pa.table(
    {
        "account_id": pa.array(["a", "b", None, "b"], pa.string()),
        "number": pa.array([3, 1, 2, None], pa.int64()),
        "share": pa.array([0.5, None, 1.0, 0.25], pa.float64()),
        "at": pa.array([BEGIN + timedelta(hours=n) for n in range(4)], pa.timestamp("us", "UTC")),
        "values": pa.array([[1, 2], [], [3], [4]], pa.list_(pa.int64())),
        "is_so": pa.array([True, False, None, True], pa.bool_()),
    }
)


@pytest.fixture(scope="module", params=["duckdb", "spark"])
def engine(request, tmp_path_factory):
    if request.param == "spark":
        request.getfixturevalue("java")
    scratch = tmp_path_factory.mktemp("scratch")
    with open_engine(request.param, memory="500MB", master="local[2]", scratch=scratch) as one:
        yield one


def rows(table):
    """Rows in order of `at`, whose times are compared as moments whatever zone an engine gives them."""
    found = table.sort_by("at").to_pylist()
    return [
        row | {"at": row["at"].replace(tzinfo=UTC) if row["at"].tzinfo is None else row["at"].astimezone(UTC)}
        for row in found
    ]


def test_a_table_comes_back_as_it_was_loaded(engine):
    assert rows(engine.ask(engine.load("given", TABLE))) == rows(TABLE)


def test_what_is_kept_is_computed_once_and_replaces_an_earlier_table_of_its_name(engine):
    given = engine.load("given", TABLE)
    first = engine.keep("kept", given.filter(_.number > 1))
    assert engine.ask(first.count().name("n").as_table()).column("n").to_pylist() == [2]
    second = engine.keep("kept", given.filter(_.number == 1))
    assert engine.ask(second.select("number")).column("number").to_pylist() == [1]


def test_temporary_tables_end_with_their_block_and_others_stay(engine):
    given = engine.load("given", TABLE)
    with temporary(engine) as keep:
        table, loaded = keep("own", given.filter(_.number > 1)), keep("own", TABLE.select(["number"]))
        assert table.get_name() != loaded.get_name()
        copied = engine.keep("copied", table.select("number"))
        assert engine.ask(loaded.count().name("n").as_table()).column("n").to_pylist() == [4]
    assert sorted(engine.ask(copied).column("number").to_pylist()) == [2, 3]
    for one in (table, loaded):
        with pytest.raises(Exception, match=one.get_name()):
            engine.ask(one.mutate(more=_.number + 1))
    assert engine.ask(given.count().name("n").as_table()).column("n").to_pylist() == [4]


def test_files_are_written_in_order_and_read_back(engine, tmp_path):
    given = engine.load("given", TABLE)
    engine.write(given.order_by(_.at.desc()), tmp_path / "one.parquet")
    assert pq.read_table(tmp_path / "one.parquet").column("account_id").to_pylist() == ["b", None, "b", "a"]
    engine.write(given.filter(_.number.notnull()), tmp_path / "two.parquet")
    both = engine.read_parts([tmp_path / "one.parquet", tmp_path / "two.parquet"])
    assert engine.ask(both.count().name("n").as_table()).column("n").to_pylist() == [7]
    files = engine.write_by(given.filter(_.account_id.notnull()), "account_id", tmp_path / "parts")
    assert set(files) == {"a", "b"}
    (part,) = files["a"]
    assert "account_id" not in pq.read_schema(part).names
    assert pq.read_table(files["b"], partitioning=None).num_rows == 2


def test_work_is_spread_in_order(engine):
    assert list(engine.spread(abs, [-3, 1, -2])) == [3, 1, 2]
    assert list(engine.spread(abs, [])) == []


def test_an_hour_of_one_account_is_summed_as_by_hand(engine):
    table = observed([(0, 0, 1, 7), (0, 2, 1, 7), (0, 30, 2, 0), (1, 61, 2, 0)])
    timed = fold.timed(engine.load("observations", table))
    flat = engine.keep("flat", fold.flat(timed))
    summed = fold.activity(flat, fold.conversations(flat)).order_by("account_id")
    one, other = engine.ask(summed).to_pylist()
    assert (one["account_id"], one["exchanges"], other["exchanges"]) == ("a0", 3, 1)
    assert (one["gaps"], one["short_gaps"], one["first_turns"], one["followups"]) == (2, 1, 2, 1)
    assert one["gaps_log"] == pytest.approx(17.6211, abs=1e-3)  # log2 of 120 s and of 1,680 s
    phrases = engine.ask(fold.marks(timed, 0).filter(_.kind == "prompt_template")).to_pylist()
    assert {(row["account_id"], row["value"], row["exchanges"]) for row in phrases} >= {
        ("a0", 1, 2), ("a0", 101, 2), ("a1", 2, 1),
    }  # fmt: skip


def test_an_exchange_that_was_delivered_twice_is_kept_once_and_the_same_one_everywhere(engine):
    table = observed([(0, 0, 1, 0), (1, 5, 2, 0)])
    other = table.set_column(
        table.column_names.index("model"), "model", pa.array(["another", "model"], pa.string())
    )
    twice = engine.load("twice", pa.concat_tables([other, table]))
    several = engine.keep("several", fold.copies(twice))
    kept = engine.ask(fold.once(twice, several).select("account_id", "model").order_by("account_id"))
    assert kept.to_pylist() == [{"account_id": "a0", "model": "another"}, {"account_id": "a1", "model": "m"}]
