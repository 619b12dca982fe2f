"""The e-value against preferences and rotas: both parts of its null by simulation, at their boundary; and
its power.
"""

import numpy as np
import pytest
from scipy.stats import binom

from stillwatch.stats.mixtures import BALANCED, OWN, one_mixture_log_e

WORLDS = 1000
SHARES = np.array([0.3, 0.2, 0.2, 0.15, 0.1, 0.05])


def rarely(logs, level):
    """Whether e-values reach 1/level no more often than Markov allows, up to an error of 0.001 (exact
    binomial bound).
    """
    return (np.asarray(logs) >= -np.log(level)).sum() <= binom.ppf(0.999, len(logs), level)


def mean_at_most_one(logs):
    values = np.exp(np.minimum(logs, 50))
    return values.mean() - 3 * values.std() / np.sqrt(len(values)) <= 1.0


def preferring(rng, accounts, exchanges, shares):
    """Counts of two halves of accounts with preferences of their own, at an intraclass correlation of
    `OWN[0]`.
    """
    mixes = rng.dirichlet((1 - OWN[0]) / OWN[0] * shares, accounts)
    return [rng.multinomial(exchanges, mixes) for _half in range(2)]


@pytest.mark.issue(20)
@pytest.mark.parametrize("exchanges", [3, 12])
@pytest.mark.parametrize("accounts", [12, 80])
def test_accounts_with_preferences_rarely_look_like_one_mixture(accounts, exchanges):
    rng = np.random.default_rng([1, accounts, exchanges])
    logs = []
    for _ in range(WORLDS):
        learned, tested = preferring(rng, accounts, exchanges, SHARES)
        logs.append(one_mixture_log_e(tested.astype(float), learned.sum(axis=0) + 0.5))
    assert mean_at_most_one(logs)
    assert rarely(logs, 0.05)
    assert rarely(logs, 0.01)


@pytest.mark.issue(20)
@pytest.mark.parametrize("accounts", [12, 80])
def test_accounts_that_keep_a_rota_rarely_look_like_one_mixture(accounts):
    """Each account deals 25 of 60 cards of six kinds: its counts vary 35/59 times as much as random
    draws, nearly `BALANCED[-1]`.
    """
    rng = np.random.default_rng([2, accounts])
    assert 0.98 * BALANCED[-1] < 35 / 59 <= BALANCED[-1]
    logs = []
    for _ in range(WORLDS):
        counts = rng.multivariate_hypergeometric([10] * 6, 25, accounts).astype(float)
        logs.append(one_mixture_log_e(counts, np.full(6, 1 / 6)))
    assert mean_at_most_one(logs)
    assert rarely(logs, 0.05)
    assert rarely(logs, 0.01)


@pytest.mark.issue(20)
@pytest.mark.parametrize(("accounts", "exchanges", "least"), [(60, 12, 1e6), (20, 24, 1e3), (200, 4, 1e6)])
def test_it_has_power_against_a_random_dispatcher(accounts, exchanges, least):
    rng = np.random.default_rng([3, accounts])
    logs = [
        one_mixture_log_e(rng.multinomial(exchanges, SHARES, accounts).astype(float), SHARES)
        for _ in range(50)
    ]
    assert np.median(logs) > np.log(least)


def test_too_little_to_compare_gives_no_evidence():
    assert one_mixture_log_e(np.eye(6), SHARES) == 0.0  # one exchange an account
    assert one_mixture_log_e(np.full((9, 1), 5.0), np.ones(1)) == 0.0
    assert one_mixture_log_e(np.zeros((0, 6)), SHARES) == 0.0
