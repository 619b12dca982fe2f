import numpy as np
from crowds import load, log10

TEST = load("succession")


def rows_of(first, last, members):
    return {
        "first": np.array(first),
        "last": np.array(last),
        "exchanges": np.full(len(first), 9),
        "account": np.arange(len(first)),
    }, np.arange(len(first)) < members


def test_twenty_members_that_begin_as_twenty_fall_silent_are_seen():
    rng = np.random.default_rng(1)
    others = rng.integers(0, 600, 200)
    first = [0] * 20 + [303] * 20 + others.tolist()
    last = [300] * 20 + [720] * 20 + np.minimum(others + rng.integers(1, 400, 200), 720).tolist()
    found = TEST.statistic(*rows_of(first, last, 40))
    assert "20 of 20" in found.statement
    assert log10(found) > 6


def test_members_that_come_and_go_on_their_own_give_no_evidence():
    rng = np.random.default_rng(2)
    first = rng.integers(0, 600, 240)
    found = TEST.statistic(*rows_of(first, np.minimum(first + rng.integers(1, 400, 240), 720), 40))
    assert found is None or log10(found) < 1
