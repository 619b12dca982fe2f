import numpy as np
import pytest

from stillwatch.stats.dispersion import even_counts_log_e
from tests.signals.crowds import load, log10, reason

TEST = load("load_balance")


def rows_of(rates, days=4, seed=1):
    """Poisson counts of every account on every day, in either half."""
    rng = np.random.default_rng(seed)
    n = len(rates)
    proposing, tested = (rng.poisson(np.repeat(rates, days) / 2) for _half in range(2))
    return {
        "account": np.repeat(np.arange(n), days),
        "day": np.tile(np.arange(days), n),
        "proposing": proposing,
        "tested": tested,
    }


def test_accounts_that_a_scheduler_gives_equal_shares_are_seen_on_the_first_day():
    rows = rows_of(np.full(120, 26.0), days=1)
    found = TEST.statistic(rows, rows["account"] < 120)
    assert log10(found) > 4
    assert "beyond chance they differ by" in found.statement


@pytest.mark.parametrize("law", ["gamma", "lognormal", "pareto"])
def test_customers_of_any_law_of_rates_give_no_evidence(law):
    rng = np.random.default_rng(2)
    worst = -np.inf
    for seed in range(60):
        rates = {
            "gamma": 15 * rng.gamma(1.0, 1.0, 60),
            "lognormal": 15 * rng.lognormal(0.0, 0.6, 60),
            "pareto": 10 * (1 + rng.pareto(1.2, 60)),
        }[law]
        rows = rows_of(rates, seed=seed)
        found = TEST.statistic(rows, np.ones(len(rows["day"]), bool))
        worst = max(worst, log10(found))
    assert worst < 1.3


def test_counts_that_cluster_in_time_are_not_called_even():
    rng = np.random.default_rng(3)
    bursts = rng.poisson(rng.poisson(3.0, 80) * 5.0)  # equal rates, but in sessions of five
    assert even_counts_log_e(bursts) < 0


def test_what_is_rarely_used_says_nothing():
    rows = rows_of(np.full(40, 2.0))
    rows["day"][:] = np.arange(len(rows["day"])) % 4
    assert reason(TEST, {**rows, "tested": rows["tested"] // 3}, np.ones(160, bool)) == (
        "on no day and not over all days do 10 members have a mean of 6 exchanges in the half of the hours "
        "that is tested"
    )


def test_the_likelihood_ratio_of_two_accounts_is_worked_by_hand():
    # counts 1 and 1 of two: probability k/(2k+1) * 2 / ... = 2 * (k/(2k)) * (k/(2k+1)) for shape k
    shapes = np.array([12.0, 25.0, 60.0, 1e6])
    above = np.mean(2 * 0.5 * shapes / (2 * shapes + 1))
    under = 2 * 0.5 * 4.0 / 9.0
    assert np.isclose(even_counts_log_e(np.array([1, 1])), np.log(above / under), atol=1e-6)
