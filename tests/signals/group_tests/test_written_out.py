import numpy as np

from stillwatch.signals.registry import NoFinding
from tests.signals.crowds import load, log10, two_halves

TEST = load("written_out")


def test_forty_members_with_nearly_one_value_among_others_of_every_value_are_seen():
    rng = np.random.default_rng(1)
    rows, member = two_halves(0.97 + 0.02 * rng.random(40), rng.beta(2, 2, 400))
    found = TEST.statistic(rows, member)
    assert found.accounts >= 36
    assert log10(found) > 6
    assert "capital" in found.statement


def test_members_as_spread_as_everybody_give_no_evidence():
    rng = np.random.default_rng(2)
    rows, member = two_halves(rng.beta(2, 2, 40), rng.beta(2, 2, 400))
    found = TEST.statistic(rows, member)
    assert isinstance(found, NoFinding) or found.log_e < 0
