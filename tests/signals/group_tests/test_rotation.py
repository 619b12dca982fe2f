import numpy as np
import pytest

from stillwatch.stats.returns import fewer_returns_log_e
from tests.signals.crowds import load, log10, reason

TEST = load("rotation")


def rows_of(counts, members):
    """From account × hour counts."""
    who, hour = np.nonzero(counts)
    return {"account": who, "hour": hour, "exchanges": counts[who, hour]}, who < members


def test_accounts_that_take_turns_are_seen():
    counts = np.zeros((120, 100), int)
    for turn in range(2000):  # 20 exchanges an hour, always the account that rested longest
        counts[turn % 40, turn // 20] += 1
    counts[40:] = np.random.default_rng(1).poisson(0.3, (80, 100))
    assert log10(TEST.statistic(*rows_of(counts, 40))) > 20


def test_accounts_drawn_at_random_give_no_evidence():
    counts = np.random.default_rng(2).poisson(0.5, (120, 100))
    assert log10(TEST.statistic(*rows_of(counts, 40))) < 1


def test_the_bet_on_two_draws_from_two_accounts_is_worked_by_hand():
    # the second draw returns with probability 1/2 under the null; a bet of b on it gives (1 - b/2) / (1/2)
    # for a new one
    expected = np.mean([(1 - b / 2) / 0.5 for b in (0.9, 0.7, 0.5, 0.3, 0.1)])
    assert np.isclose(np.exp(fewer_returns_log_e(np.array([2]), np.array([2]), 2)), expected)


@pytest.mark.issue(21)
def test_four_members_have_no_turns():
    assert reason(TEST, *rows_of(np.ones((20, 50), int), 4)) == "the group has fewer than 5 members"
