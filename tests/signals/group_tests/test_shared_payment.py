import numpy as np
import pytest

from tests.signals.crowds import load, log10, reason

TEST = load("shared_payment")
PUBLIC = 0
OTHERS = 100 + np.arange(400)
FEW = "fewer than {} have a known card, accounts of one card and one private mail domain counted once"


def rows_of(members, others, domains=None):
    """Cards of members and others; `domains` of the members' mail, of a public service unless given.
    Others use that service.
    """
    value = np.concatenate([members, others])
    n = len(value)
    domain = np.full(n, PUBLIC)
    if domains is not None:
        domain[: len(members)] = domains
    rows = {"value": value, "domain": domain, "exchanges": np.full(n, 5), "account": np.arange(n)}
    return rows, np.arange(n) < len(members)


def test_twelve_cards_that_each_pay_for_five_members_with_public_mail_are_seen():
    found = TEST.statistic(*rows_of(np.arange(60) % 12, OTHERS))
    assert found.value == "12 cards over 60 members"
    assert "12 cards pay for 60 members that claim to be strangers" in found.statement
    assert log10(found) > 9


@pytest.mark.issue(20)
def test_colleagues_whose_company_pays_count_as_one_member():
    cards = np.concatenate([np.zeros(40, int), 1 + np.arange(20)])
    domains = np.concatenate([np.full(40, 7), np.full(20, PUBLIC)])
    found = TEST.statistic(*rows_of(cards, OTHERS, domains))
    assert found.value == "21 cards over 21 members"
    assert found.accounts == 60
    assert found.log_e < 0


@pytest.mark.issue(20)
def test_a_company_card_behind_private_domains_of_its_own_is_one_member_each():
    cards = np.arange(180) % 6
    strangers = TEST.statistic(*rows_of(cards, OTHERS, 1 + np.arange(180)))
    assert strangers.value == "6 cards over 180 members"
    assert log10(strangers) > 20
    assert reason(TEST, *rows_of(cards, OTHERS, 1 + cards)) == FEW.format(
        "8 members"
    )  # six companies: six members


def test_accounts_of_one_card_without_known_domain_are_one_member():
    cards = np.arange(60) % 12
    found = TEST.statistic(*rows_of(cards, OTHERS, np.full(60, -1)))
    assert found.value == "12 cards over 12 members"
    assert found.log_e < 0


def test_couples_among_others_of_whom_one_in_five_repeats_a_card_give_no_evidence():
    others = np.concatenate([OTHERS[:200], OTHERS[:50]])
    assert TEST.statistic(*rows_of(np.arange(40) // 2, others)).log_e < 0


@pytest.mark.issue(20)
def test_a_log_in_which_everybody_repeats_cards_says_nothing():
    assert reason(TEST, *rows_of(np.zeros(300, int), 100 + np.arange(400) // 4)) == (
        "more than 30 % of other accounts repeat another's card"
    )


@pytest.mark.issue(21)
def test_seven_members_or_thirty_nine_others_with_a_card_are_too_few():
    assert reason(TEST, *rows_of(np.zeros(7, int), OTHERS)) == FEW.format("8 members")
    assert reason(TEST, *rows_of(np.zeros(8, int), OTHERS[:39])) == FEW.format("40 other accounts")
