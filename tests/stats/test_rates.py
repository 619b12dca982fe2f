"""Each e-value's mean under its null, by simulation; and power, so that none is trivially small."""

import numpy as np
import pytest

from stillwatch.stats.dispersion import even_counts_log_e
from stillwatch.stats.evalues import binomial_log_e, mean_log_e
from stillwatch.stats.fdr import e_bh_q_values
from stillwatch.stats.homogeneity import Alike, alike, even
from stillwatch.stats.membership import log_beta_binomial, moments
from stillwatch.stats.returns import fewer_returns_log_e


def mean_e(logs):
    values = np.exp(np.minimum(logs, 50))
    return values.mean() - 3 * values.std() / np.sqrt(len(values))


@pytest.mark.issue(2)
@pytest.mark.parametrize("bound", [0.05, 0.5, 0.9])
def test_the_binomial_bet_has_exact_mean_one_at_its_boundary(bound):
    n = 40
    k = np.arange(n + 1)
    from scipy.stats import binom

    values = np.exp([binomial_log_e(int(i), n, bound) for i in k])
    assert np.isclose((values * binom.pmf(k, n, bound)).sum(), 1.0)
    assert (values * binom.pmf(k, n, 0.7 * bound)).sum() < 1.0
    assert binomial_log_e(n, n, bound) > 0


@pytest.mark.issue(2)
@pytest.mark.parametrize("shape", [4.0, 1.0, 0.3])
def test_even_counts_under_gamma_rates(shape):
    rng = np.random.default_rng(1)
    logs = [even_counts_log_e(rng.poisson(rng.gamma(shape, 15 / shape, 40))) for _ in range(2000)]
    assert mean_e(np.array(logs)) <= 1.0
    assert (np.array(logs) >= np.log(20)).mean() <= 0.05


def test_even_counts_have_power_against_a_scheduler():
    rng = np.random.default_rng(2)
    logs = [even_counts_log_e(rng.poisson(13.0, 150)) for _ in range(50)]
    assert np.median(logs) > np.log(1e6)


@pytest.mark.issue(2)
def test_returns_of_independent_accounts_of_unequal_rates():
    rng = np.random.default_rng(3)
    logs = []
    for _ in range(1500):
        rates = rng.dirichlet(np.full(30, 0.8))
        draws, distinct = [], []
        for _window in range(6):
            picked = rng.choice(30, 20, p=rates)
            draws.append(20)
            distinct.append(len(set(picked)))
        logs.append(fewer_returns_log_e(np.array(draws), np.array(distinct), 30))
    assert mean_e(np.array(logs)) <= 1.0


@pytest.mark.issue(2)
@pytest.mark.parametrize("compare", [alike, even])
def test_crowding_of_accounts_that_are_drawn_as_the_others_are(compare):
    rng = np.random.default_rng(4)
    logs = []
    for _ in range(1500):
        mine, others = rng.normal(size=25), rng.normal(size=300)
        found = compare(mine + 0.1 * rng.normal(size=25), mine + 0.1 * rng.normal(size=25), others)
        logs.append(found.log_e if isinstance(found, Alike) else 0.0)
    assert mean_e(np.array(logs)) <= 1.0


def test_a_mean_of_e_values_is_one_of_logs_too_large_for_floats():
    assert mean_log_e(np.array([2000.0, -np.inf])) == pytest.approx(2000 - np.log(2))


def test_e_bh_is_worked_by_hand():
    # m = 4: e = 400 alone gives 4/400; the second of 100 gives 4/(2*100); the best of both is at most the
    # larger k's
    q = e_bh_q_values(np.log(np.array([400.0, 100.0, 1.0, 0.5])))
    assert np.allclose(q, [0.01, 0.02, 1.0, 1.0])


def test_moments_recover_a_beta():
    rng = np.random.default_rng(5)
    counts = np.full(4000, 60.0)
    hits = rng.binomial(60, rng.beta(6.0, 2.0, 4000)).astype(float)
    a, b = moments(hits, counts)
    assert a / (a + b) == pytest.approx(0.75, abs=0.02)
    assert a + b == pytest.approx(8.0, rel=0.2)
    assert log_beta_binomial(np.array([54.0]), np.array([60.0]), a, b) > log_beta_binomial(
        np.array([6.0]), np.array([60.0]), a, b
    )
