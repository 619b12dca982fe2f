import numpy as np
import pytest

from stillwatch.stats.intervals import of_mean, of_share


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
def test_the_interval_of_a_share_covers_at_least_95_percent(rate):
    rng = np.random.default_rng(1)
    hits = rng.binomial(40, rate, 2000)
    found = [of_share(int(h), 40) for h in hits]
    assert np.mean([f.low <= rate <= f.high for f in found]) >= 0.945


def test_the_interval_of_a_mean_covers_95_percent():
    rng = np.random.default_rng(2)
    found = [of_mean(list(rng.normal(3.0, 2.0, 5))) for _ in range(3000)]
    assert abs(np.mean([f.low <= 3.0 <= f.high for f in found]) - 0.95) < 0.015


def test_of_nothing_and_of_one_value_nothing_is_claimed():
    assert of_share(0, 0) is None
    assert of_mean([]) is None
    one = of_mean([0.4], 0.0, 1.0)
    assert (one.low, one.high) == (0.0, 1.0)
