"""Rows that make a judgement fail are found among the others."""

import random

import pytest

from stillwatch.watch.poison import poisonous

pytestmark = pytest.mark.issue(21)


def found(rows, bad):
    runs = poisonous(rows, lambda run: any(row in bad for row in run))
    return {row for run in runs for row in run}


@pytest.mark.parametrize("seed", range(5))
def test_exactly_the_poisonous_rows_are_found(seed):
    bad = set(random.Random(seed).sample(range(5000), 5))
    assert found(5000, bad) == bad


def test_no_row_is_blamed_for_what_fails_without_rows():
    assert poisonous(1000, lambda _run: True) == []


def test_no_row_is_blamed_for_what_fails_only_together_with_what_was_judged_before():
    assert poisonous(1000, lambda _run: False) == []


def test_rows_that_fail_only_together_are_kept_apart_together():
    assert found(8, {3}) == {3}
    assert poisonous(8, lambda run: 3 in run and 4 in run) == [range(8)]


def test_many_poisonous_rows_cost_a_bounded_number_of_trials():
    trials = []

    def fails(run):
        trials.append(run)
        return len(run) > 0

    runs = poisonous(100_000, fails, trials=50)
    assert len(trials) <= 50
    assert sum(len(run) for run in runs) == 100_000
