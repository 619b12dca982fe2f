"""Groups drawn from the log itself: how often their evidence reaches that of a group."""

import numpy as np
import pytest

from stillwatch.detect.judge import judge
from stillwatch.detect.matched import synthetic_rate
from tests.detect.benches import group, made_bench, made_explanation, made_judged, made_test, names

ACCOUNTS, MEMBERS = 400, 30
LEVEL = np.random.default_rng(1).normal(size=ACCOUNTS)
LEVEL[:MEMBERS] = 2.0
SUM = made_test("sums", "load", lambda places: 2.0 + LEVEL[places].sum())
NONE = frozenset()


def rate(places, bench=None, taken=NONE, seed=0):
    bench = bench or made_bench(ACCOUNTS, [SUM])
    (one,) = judge([group(places)], bench)
    return synthetic_rate(one, bench, taken, seed)


@pytest.mark.issue(20)
def test_a_group_unlike_any_other_has_the_bound_of_no_success_in_a_hundred_draws():
    assert rate(range(MEMBERS)) == pytest.approx(1 - 0.025 ** (1 / 100), abs=1e-4)


@pytest.mark.issue(20)
def test_a_group_of_ordinary_accounts_has_a_high_rate():
    ordinary = np.random.default_rng(2).choice(np.arange(MEMBERS, ACCOUNTS), 30, replace=False)
    assert 0.2 < rate(ordinary.tolist()) <= 1.0


@pytest.mark.issue(20)
def test_the_bound_lies_between_nothing_and_one_and_is_the_same_for_one_seed():
    rng = np.random.default_rng(3)
    for _ in range(10):
        places = rng.choice(ACCOUNTS, 20, replace=False).tolist()
        once, again, otherwise = rate(places, seed=5), rate(places, seed=5), rate(places, seed=6)
        assert 0.0 < once <= 1.0
        assert once == again
        assert 0.0 < otherwise <= 1.0


@pytest.mark.issue(20)
def test_members_are_matched_by_volume():
    """The group's evidence is usual among accounts that send as much, and unusual among all."""
    volume = np.where(np.arange(ACCOUNTS) < 100, 5000.0, 20.0)
    heavy = made_test("heavy", "load", lambda places: 0.2 * (places < 100).sum())
    alike = made_bench(ACCOUNTS, [heavy], exchanges=np.full(ACCOUNTS, 100.0))
    matched = made_bench(ACCOUNTS, [heavy], exchanges=volume)
    assert rate(range(30), alike) < 0.05
    assert rate(range(30), matched) == 1.0


@pytest.mark.issue(20)
def test_members_are_matched_by_the_mark_of_the_nearest_explanation():
    labels = np.where(np.arange(ACCOUNTS) < 100, 0, -1)
    marked = made_test("marked", "load", lambda places: float((places < 100).sum()))
    bench = made_bench(ACCOUNTS, [marked], [made_explanation("program", ["division"], labels)])
    assert rate(range(30), bench) == 1.0
    assert rate(range(30), made_bench(ACCOUNTS, [marked])) < 0.05


@pytest.mark.issue(20)
def test_members_of_campaigns_are_not_drawn():
    high = np.where(np.arange(ACCOUNTS) < 200, 2.0, 0.0)
    test = made_test("high", "load", lambda places: high[places].sum())
    bench = made_bench(ACCOUNTS, [test])
    assert rate(range(30), bench, taken=names(range(30, 200))) == pytest.approx(0.0362, abs=1e-3)


def test_where_nobody_else_sends_as_much_nothing_is_known():
    bench = made_bench(ACCOUNTS, [SUM], exchanges=np.where(np.arange(ACCOUNTS) < MEMBERS, 1e6, 10.0))
    assert rate(range(MEMBERS), bench) is None
    assert synthetic_rate(made_judged([]), bench, NONE, 0) is None
    assert synthetic_rate(made_judged(range(5)), bench, names(range(ACCOUNTS)), 0) is None
