"""Sums of observations: worked by hand, and the same whatever the order of rows, days, files and names."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.detect import fold
from stillwatch.engine.duck import duckdb_engine
from stillwatch.signals.registry import all_indicators
from tests.detect.observing import observed

pytestmark = pytest.mark.issue(22)
SUMMED = ("activity", "sources", "marks", "items", "usage")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with duckdb_engine(memory="500MB", scratch=tmp_path_factory.mktemp("scratch")) as one:
        yield one


def summed(engine, rows):
    """Rows of each summary, sorted, as dictionaries without order."""
    timed = fold.timed(engine.load("observations", observed(rows)))
    flat = engine.keep("flat", fold.flat(timed))
    tables = {
        "activity": fold.activity(flat, fold.conversations(flat)),
        "sources": fold.sources(flat, fold.one_valued()),
        "marks": fold.marks(timed, 0),
        "items": fold.items(flat),
        "usage": fold.usage(flat),
    }
    return {name: sorted(map(repr, table.to_pyarrow().to_pylist())) for name, table in tables.items()}


ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3 * 24 * 60 - 1), st.integers(1, 6), st.integers(0, 2)),
    min_size=1, max_size=40, unique_by=lambda row: row[:2],
)  # fmt: skip


def test_an_hour_of_one_account_is_summed_as_by_hand(engine):
    rows = [(0, 0, 1, 7), (0, 2, 1, 7), (0, 30, 2, 0), (1, 61, 2, 0)]
    timed = fold.timed(engine.load("observations", observed(rows)))
    flat = fold.flat(timed)
    one, other = fold.activity(flat, fold.conversations(flat)).order_by("account_id").to_pyarrow().to_pylist()
    assert (one["account_id"], one["exchanges"], other["exchanges"]) == ("a0", 3, 1)
    assert (one["gaps"], one["short_gaps"]) == (2, 1)  # of 2 and of 28 minutes
    assert (one["first_turns"], one["followups"]) == (2, 1)
    assert (one["coercions"], one["capability_1"], one["capability_2"]) == (2, 2, 1)
    assert (one["half"], other["half"]) == (0, 1)
    (both,) = [
        row for row in fold.shared_items(fold.items(flat)).to_pyarrow().to_pylist() if row["item"] == 2
    ][1:]
    assert both["exchanges"] == 1
    kinds = {unit.card.name for unit in all_indicators() if unit.is_timed and not unit.is_list}
    assert kinds <= set(fold.sources(flat, fold.one_valued()).columns)


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=4, deadline=None)
def test_days_add_up_in_any_order_and_so_do_rows(engine, rows, random):
    whole = summed(engine, rows)
    mixed = random.sample(rows, len(rows))
    assert summed(engine, mixed) == whole
    days = [[row for row in mixed if row[1] // 1440 == day] for day in range(3)]
    parts = [summed(engine, day) for day in random.sample(days, 3) if day]
    for name in SUMMED:
        assert sorted(row for part in parts for row in part[name]) == whole[name], name


@given(ROWS, st.integers(1, 3))
@settings(max_examples=6, deadline=None)
def test_folding_twice_is_once(engine, rows, times):
    twice = engine.load("twice", pa.concat_tables([observed(rows)] * (times + 1)))
    again = fold.once(twice, fold.copies(twice)).to_pyarrow()
    assert sorted(again.column("exchange_key").to_pylist()) == sorted(
        observed(rows).column("exchange_key").to_pylist()
    )
    assert fold.copies(engine.load("one", observed(rows))).count().to_pyarrow().as_py() == 0


@given(ROWS, st.permutations(range(5)))
@settings(max_examples=4, deadline=None)
def test_other_names_of_accounts_give_the_same_sums_under_these_names(engine, rows, names):
    def counts(rows, back):
        timed = fold.timed(engine.load("observations", observed(rows)))
        flat = fold.flat(timed)
        table = fold.activity(flat, fold.conversations(flat)).drop("organization").to_pyarrow().to_pylist()
        return sorted(repr(row | {"account_id": back[row["account_id"]]}) for row in table)

    renamed = [(names[account], *more) for account, *more in rows]
    straight = {f"a{n}": f"a{n}" for n in range(5)}
    assert counts(renamed, {f"a{names[n]}": f"a{n}" for n in range(5)}) == counts(rows, straight)


def test_halvings_are_the_fewest_that_suffice():
    for number in (0, 1, 7, 8, 9, 1000):
        k = fold.halvings(number, 8)
        assert number / 2**k <= 8
        assert k == 0 or number / 2 ** (k - 1) > 8


def test_a_sample_of_digests_keeps_a_digest_for_all_accounts_or_for_none(engine):
    values = np.arange(64)
    table = pa.table({"value": np.repeat(values, 2), "account_id": ["a", "b"] * 64})
    kept = fold.thin(engine.load("values", table), 3).to_pyarrow()
    assert set(kept.column("value").to_pylist()) == {n for n in values.tolist() if n % 8 == 0}
    assert kept.num_rows == 16
