import numpy as np
from crowds import load, log10

TEST = load("joint_silence")


def rows_of(counts, members):
    who, hour = np.nonzero(counts)
    return {"account": who, "hour": hour, "exchanges": counts[who, hour]}, who < members


def test_members_that_all_stop_for_six_hours_are_seen():
    rng = np.random.default_rng(1)
    counts = rng.poisson(1.0, (300, 144))
    counts[:60, 80:86] = 0
    found = TEST.statistic(*rows_of(counts, 60))
    assert "in 6 hours" in found.statement
    assert log10(found) > 4


def test_members_without_a_common_pause_are_not_spoken_of():
    counts = np.random.default_rng(2).poisson(1.0, (300, 144))
    assert TEST.statistic(*rows_of(counts, 60)) is None
