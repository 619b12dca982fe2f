import numpy as np
import pytest

from tests.signals.crowds import load, log10, reason

TEST = load("work_queue")


def rows_of(pairs, accounts, members):
    """(account, item) pairs; every account sends 10 exchanges."""
    account, item = np.array(sorted(pairs, key=lambda p: (p[1], p[0]))).T
    rest = np.setdiff1d(np.arange(accounts), account)
    account, item = np.concatenate([rest, account]), np.concatenate([np.zeros(len(rest), int), item])
    return {"account": account, "item": item, "exchanges": np.full(len(account), 10)}, account < members


def test_members_who_share_items_with_strangers_and_never_with_each_other_are_seen():
    pairs = [(m, 1 + 40 * k + m) for m in range(40) for k in range(3)] + [(40 + m, 1 + m) for m in range(40)]
    pairs += [(80 + m, 41 + m) for m in range(40)]
    found = TEST.statistic(*rows_of(pairs, 120, 40))
    assert found.value == "0 of 80 repeats inside"
    assert log10(found) > 4


def test_members_who_repeat_each_other_give_no_evidence():
    pairs = {(m, 1 + (m * k) % 31) for m in range(20) for k in range(1, 9)}
    found = TEST.statistic(*rows_of(pairs, 200, 20))
    assert found.log_e < 0


def test_heavy_accounts_that_draw_from_one_short_list_are_not_taken_for_a_queue():
    rng = np.random.default_rng(3)
    sizes = np.concatenate([rng.integers(300, 900, 60), rng.integers(3, 40, 900)])
    pairs = {(a, 1 + int(i)) for a, n in enumerate(sizes) for i in rng.integers(0, 3000, n)}
    found = TEST.statistic(*rows_of(pairs, 960, 60))
    assert found.log_e < 0


@pytest.mark.issue(21)
def test_nineteen_pairs_or_one_member_with_repeats_say_nothing():
    one = [(a, a) for a in range(1, 41)]
    few = [(0, item) for item in range(1, 20)] + one
    assert reason(TEST, *rows_of(few, 100, 1)) == (
        "there are fewer than 20 pairs of accounts in which one repeats a text of a member"
    )
    enough = [(0, item) for item in range(1, 41)] + one
    assert reason(TEST, *rows_of(enough, 100, 1)) == (
        "fewer than 2 members send a text that another account sends too"
    )
