import numpy as np
import pytest

from tests.signals.crowds import load, log10, reason

TEST = load("shared_signup")


def rows_of(members, others):
    value = np.concatenate([members, others])
    rows = {"value": value, "exchanges": np.full(len(value), 5), "account": np.arange(len(value))}
    return rows, np.arange(len(value)) < len(members)


def test_forty_members_with_ten_values_among_others_with_their_own_are_seen():
    found = TEST.statistic(*rows_of(np.arange(40) % 10, 100 + np.arange(400)))
    assert "30" in found.statement  # 40 members, 10 first holders: 30 repeats
    assert log10(found) > 20
    assert "addresses" in found.statement


def test_couples_among_others_who_share_more_give_no_evidence():
    found = TEST.statistic(*rows_of(np.arange(40) // 2, 100 + np.arange(400) // 40))
    assert log10(found) < 1


@pytest.mark.issue(21)
def test_seven_members_or_thirty_nine_others_with_a_value_are_too_few():
    assert (
        reason(TEST, *rows_of(np.zeros(7, int), 100 + np.arange(400)))
        == "fewer than 8 members have a known sign-up address"
    )
    assert reason(TEST, *rows_of(np.zeros(8, int), 100 + np.arange(39))) == (
        "fewer than 40 other accounts have a known sign-up address"
    )


def test_a_campus_and_a_pool_of_addresses_both_share_more_than_others():
    others = 1000 + np.arange(400)
    campus = TEST.statistic(*rows_of(np.arange(80) % 4, others))
    pool = TEST.statistic(*rows_of(np.arange(80) // 2, others))
    assert log10(campus) > log10(pool) > 1.3
    assert TEST.family == "place"  # which describes a group and never counts
