import numpy as np
from crowds import load, log10

TEST = load("shared_payment")


def rows_of(members, others):
    value = np.concatenate([members, others])
    rows = {"value": value, "exchanges": np.full(len(value), 5), "account": np.arange(len(value))}
    return rows, np.arange(len(value)) < len(members)


def test_twelve_cards_that_each_pay_for_five_members_are_seen():
    found = TEST.statistic(*rows_of(np.arange(60) % 12, 100 + np.arange(400)))
    assert "12 of the 12 cards" in found.statement
    assert log10(found) > 9


def test_one_company_card_behind_forty_members_is_one_trial():
    members = np.concatenate([np.zeros(40, int), 1 + np.arange(20)])
    found = TEST.statistic(*rows_of(members, 100 + np.arange(400)))
    assert "1 of the 21 cards" in found.statement
    assert found.log_e < 0
