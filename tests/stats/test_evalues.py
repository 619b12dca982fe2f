"""E-values of bets: exact means where all outcomes can be listed."""

from itertools import product

import numpy as np
import pytest

from stillwatch.stats.evalues import binomial_log_e, bounded_log_e


def mean(bounds, chances):
    """Expected e-value against `bounds` where trial i succeeds with probability `chances[i]`: a sum over
    all outcomes.
    """
    total = 0.0
    for outcome in product([False, True], repeat=len(bounds)):
        seen = np.array(outcome)
        total += np.exp(bounded_log_e(seen, bounds)) * np.where(seen, chances, 1 - chances).prod()
    return total


@pytest.mark.issue(20)
def test_a_bet_on_trials_of_different_bounds_has_exact_mean_one_at_its_boundary():
    bounds = np.array([0.2, 0.9, 0.5, 0.2, 0.7, 0.35, 0.2, 0.5])
    assert mean(bounds, bounds) == pytest.approx(1.0)
    assert mean(bounds, 0.7 * bounds) < 1.0
    assert mean(bounds, np.minimum(2 * bounds, 1.0)) > 1.0


@pytest.mark.issue(20)
@pytest.mark.parametrize("successes", [0, 3, 20])
def test_trials_of_one_bound_are_the_binomial_bet(successes):
    seen = np.arange(20) < successes
    assert bounded_log_e(seen, np.full(20, 0.2)) == pytest.approx(binomial_log_e(successes, 20, 0.2))


def test_without_trials_there_is_no_evidence():
    assert bounded_log_e(np.zeros(0, bool), np.zeros(0)) == 0.0


def test_the_order_of_trials_does_not_matter():
    seen, bounds = np.array([True, False, True]), np.array([0.2, 0.5, 0.9])
    assert bounded_log_e(seen, bounds) == pytest.approx(bounded_log_e(seen[::-1], bounds[::-1]))
