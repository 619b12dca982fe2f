import numpy as np

from tests.signals.crowds import load, log10

TEST = load("synchrony")


def rows_of(counts, members):
    who, hour = np.nonzero(counts)
    return {"account": who, "hour": hour, "exchanges": counts[who, hour]}, who < members


def test_members_that_swell_on_the_same_odd_hours_are_seen():
    rng = np.random.default_rng(1)
    counts = rng.poisson(0.4, (300, 144))
    odd = rng.choice(144, 20, replace=False)
    counts[np.ix_(np.arange(60), odd)] += rng.poisson(3.0, (60, 20))
    found = TEST.statistic(*rows_of(counts, 60))
    assert log10(found) > 5


def test_members_that_only_share_a_time_zone_are_not():
    rng = np.random.default_rng(2)
    day = 0.6 + 0.5 * np.cos(np.arange(144) * np.pi / 12)
    counts = np.concatenate([rng.poisson(day, (60, 144)), rng.poisson(0.6, (240, 144))])
    assert log10(TEST.statistic(*rows_of(counts, 60))) < 1
