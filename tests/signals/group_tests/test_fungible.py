import numpy as np
import pytest

from tests.signals.crowds import load, log10, reason

TEST = load("fungible")
SHARES = np.array([0.3, 0.2, 0.2, 0.15, 0.1, 0.05])


def rows_of(counts):
    """From half × account × kind counts; every account is a member."""
    half, account, work = np.nonzero(counts)
    rows = {"account": account, "half": half, "work": 1 + work, "exchanges": counts[half, account, work]}
    return rows, np.ones(len(work), bool)


def drawn(mixes, rng, exchanges=12):
    return np.stack([[rng.multinomial(exchanges, mix) for mix in mixes] for _half in range(2)])


@pytest.mark.issue(20)
def test_members_that_draw_from_one_mixture_of_six_templates_are_seen():
    found = TEST.statistic(*rows_of(drawn(np.tile(SHARES, (60, 1)), np.random.default_rng(1))))
    assert found.value == "6 kinds of work"
    assert "60 members send 6 kinds of work, which others hardly send, in one mixture" in found.statement
    assert found.accounts == 60
    assert found.exchanges == 720
    assert log10(found) > 6


@pytest.mark.issue(20)
@pytest.mark.parametrize("concentration", [1.0, 5.0])
def test_members_with_preferences_are_not(concentration):
    rng = np.random.default_rng(2)
    found = TEST.statistic(*rows_of(drawn(rng.dirichlet(concentration * SHARES * 2, 60), rng)))
    assert found.log_e < 0


@pytest.mark.issue(20)
def test_members_that_send_each_template_equally_often_are_not():
    assert TEST.statistic(*rows_of(np.full((2, 60, 6), 2))).log_e < 0


def test_members_with_one_kind_each_are_not():
    own = np.zeros((2, 60, 6), int)
    own[:, np.arange(60), np.arange(60) % 6] = 12
    assert TEST.statistic(*rows_of(own)).log_e < 0


@pytest.mark.issue(20)
def test_one_template_says_nothing():
    assert "fewer than 2 kinds of work" in reason(TEST, *rows_of(np.full((2, 60, 1), 12)))
    nearly = np.zeros((2, 60, 2), int)
    nearly[..., 0], nearly[:, ::3, 1] = 20, 1
    assert reason(TEST, *rows_of(nearly)) == "more than 90 % of the group's own work is of one kind"


def test_seven_members_say_nothing():
    assert reason(TEST, *rows_of(drawn(np.tile(SHARES, (7, 1)), np.random.default_rng(3)))) == (
        "fewer than 8 members show a phrase that 8 accounts and less than 50 % of all show"
    )


def test_work_of_the_first_half_alone_says_nothing():
    counts = drawn(np.tile(SHARES, (60, 1)), np.random.default_rng(4))
    counts[1] = 0
    assert reason(TEST, *rows_of(counts)) == (
        "fewer than 8 members send work of the group's own kinds in 2 of the hours that are tested"
    )


@pytest.mark.issue(21)
def test_work_that_others_send_as_often_is_not_the_group_s_own():
    rows, _all = rows_of(drawn(np.tile(SHARES, (60, 1)), np.random.default_rng(5)))
    found = reason(TEST, rows, rows["account"] < 30)
    assert found.startswith("the group has fewer than 2 kinds of work that make up 0.5 % of its work")
    assert found.endswith("that it sends 10 times as often as others")


@pytest.mark.issue(20)
def test_a_few_busy_members_that_nobody_proposed_do_not_make_the_work_usual():
    """66 accounts share the work, of which 60 are the group; 300 others send a little work of their own."""
    rng = np.random.default_rng(6)
    counts = np.zeros((2, 366, 306), int)
    counts[:, :66, :6] = drawn(np.tile(SHARES, (66, 1)), rng, exchanges=30)
    counts[:, np.arange(66, 366), np.arange(6, 306)] = 3
    rows, _all = rows_of(counts)
    outside = rows["exchanges"][rows["account"] >= 60]
    theirs = rows["exchanges"][(rows["account"] >= 60) & (rows["account"] < 66)]
    assert theirs.sum() > 0.1 * outside.sum()
    assert log10(TEST.statistic(rows, rows["account"] < 60)) > 6
