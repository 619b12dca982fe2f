import numpy as np
import pytest

from stillwatch.stats.sequential import HOURS_A_YEAR, alert_level, alert_log_e, confirm_log_e


def lasting_log_e(rng, groups, hours):
    """e = U^(-1/2) / 2 has mean 1; the same U lasts for some hours, as evidence does."""
    lasting = rng.integers(1, 30)
    u = rng.random((groups, hours // lasting + 1)).repeat(lasting, axis=1)[:, :hours]
    return np.log(0.5) - 0.5 * np.log(u)


def worst_log_e(rng, groups, bars):
    """At each hour all or nothing: exactly the bar with probability 1/bar, for which Markov's inequality
    is tight.
    """
    hit = rng.random((groups, len(bars))) < np.exp(-bars)
    return np.where(hit, bars, -np.inf)


@pytest.mark.issue(3)
@pytest.mark.parametrize("worst", [False, True])
def test_false_alerts_in_a_provider_year_stay_within_the_stated_number(worst):
    rng = np.random.default_rng(1)
    groups, hours, per_year = 40, 500, 40.0
    bar = np.full(hours, alert_log_e(groups, per_year))
    drawn = [
        worst_log_e(rng, groups, bar) if worst else lasting_log_e(rng, groups, hours) for _run in range(600)
    ]
    alerts = [(log_e >= bar).sum() for log_e in drawn]
    allowed = per_year * hours / HOURS_A_YEAR
    assert np.mean(alerts) <= allowed + 3 * np.sqrt(allowed / len(alerts))
    assert (
        not worst or np.mean(alerts) > 0.8 * allowed
    )  # the bound is reached, so the bar is no higher than it must be


@pytest.mark.issue(5)
@pytest.mark.parametrize("worst", [False, True])
def test_alerts_of_a_watch_that_looks_irregularly_stay_within_the_stated_number(worst):
    """Looks minutes to days apart, other numbers of groups at each: the number holds for the time that
    passed.
    """
    rng = np.random.default_rng(4)
    per_year, runs = 40.0, 800
    alerts, allowed = [], []
    for _run in range(runs):
        passed = rng.exponential(rng.choice([0.5, 6.0, 60.0], 80))
        groups = int(rng.integers(3, 60))
        bars = np.log(groups) - np.log([alert_level(per_year, hours) for hours in passed])
        log_e = worst_log_e(rng, groups, bars) if worst else lasting_log_e(rng, groups, len(bars))
        alerts.append((log_e >= bars).sum())
        allowed.append(per_year * passed.sum() / HOURS_A_YEAR)
    assert np.mean(alerts) <= np.mean(allowed) + 3 * np.sqrt(np.mean(allowed) / runs)
    assert not worst or np.mean(alerts) > 0.8 * np.mean(allowed)


@pytest.mark.issue(3)
@pytest.mark.parametrize("worst", [False, True])
def test_a_report_at_any_stopping_time_holds_the_rate(worst):
    """Whoever stops at the worst hour reports a null group no more often than the rate."""
    rng = np.random.default_rng(2)
    fdr, groups, hours, runs = 0.2, 20, 300, 2000
    bars = np.array([confirm_log_e(groups, fdr, hour) for hour in range(1, hours + 1)])
    ever = [
        bool(((worst_log_e(rng, groups, bars) if worst else lasting_log_e(rng, groups, hours)) >= bars).any())
        for _run in range(runs)
    ]
    assert np.mean(ever) <= fdr + 3 * np.sqrt(fdr * (1 - fdr) / runs)


@pytest.mark.issue(3)
def test_the_bar_of_a_single_look_would_lose_the_rate():
    rng = np.random.default_rng(3)
    once = np.full(300, np.log(20 / 0.2))
    ever = [bool((worst_log_e(rng, 20, once) >= once).any()) for _run in range(100)]
    assert np.mean(ever) > 0.9


def test_a_lasting_group_is_confirmed_sooner_or_later_and_more_looks_ask_for_more():
    assert confirm_log_e(100, 0.01, 10) < confirm_log_e(100, 0.01, 100)
    assert alert_log_e(100, 12.0) < alert_log_e(1000, 12.0)
    assert alert_log_e(100, 1.0) > alert_log_e(100, 12.0)
