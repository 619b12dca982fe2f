import numpy as np
from crowds import load, log10

TEST = load("shared_payment")


def rows_of(members, others, domains=1):
    value = np.concatenate([members, others])
    n = np.arange(len(value))
    rows = {"value": value, "domain": n % domains, "exchanges": np.full(len(value), 5), "account": n}
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


def test_six_cards_behind_strangers_of_many_domains_say_more_than_behind_colleagues():
    members, others = np.arange(180) % 6, 100 + np.arange(400)
    strangers = TEST.statistic(*rows_of(members, others, domains=170))
    colleagues = TEST.statistic(*rows_of(members, others))
    assert "6 for members of 4 mail domains" in strangers.statement
    assert log10(strangers) > 8 > 5 > log10(colleagues)


def test_unknown_domains_are_not_different_ones():
    members, others = np.arange(60) % 6, 100 + np.arange(400)
    rows, member = rows_of(members, others)
    rows["domain"] = np.full(len(member), -1)
    assert ", 0 for members of 4 mail domains" in TEST.statistic(rows, member).statement
