import numpy as np

from stillwatch.signals.registry import NoFinding
from tests.signals.crowds import load, log10, two_halves

TEST = load("round_the_clock")


def test_forty_members_with_nearly_one_value_among_others_of_every_value_are_seen():
    rng = np.random.default_rng(1)
    rows, member = two_halves(0.33 + 0.001 * rng.random(40), rng.normal(0.33, 3.0, 400))
    found = TEST.statistic(rows, member)
    assert found.accounts >= 36
    assert log10(found) > 6
    assert "quietest eight hours" in found.statement


def test_members_as_spread_as_everybody_give_no_evidence():
    rng = np.random.default_rng(2)
    rows, member = two_halves(rng.normal(0.33, 3.0, 40), rng.normal(0.33, 3.0, 400))
    found = TEST.statistic(rows, member)
    assert isinstance(found, NoFinding) or found.log_e < 0


def test_a_crowd_twice_as_alike_as_everybody_stays_below_the_threshold():
    rng = np.random.default_rng(3)
    rows, member = two_halves(rng.normal(0.33, 1.5, 60), rng.normal(0.33, 3.0, 400))
    found = TEST.statistic(rows, member)
    assert isinstance(found, NoFinding) or log10(found) < 2
