import numpy as np
import pytest
from crowds import load, log10, reason

TEST = load("handoff")


def rows_of(held, accounts, members):
    """(account, conversation) pairs; accounts without one are there too."""
    rest = [(a, -1) for a in range(accounts) if a not in {x for x, _ in held}]
    account, conversation = np.array(rest + sorted(held, key=lambda p: p[1])).T
    by_conversation = {c: {a for a, x in held if x == c} for _, c in held}
    met = [len(set().union(*(by_conversation[c] for x, c in held if x == a)) - {a}) for a in account]
    rows = {
        "account": account,
        "conversation": conversation,
        "partners": np.array(met),
        "exchanges": np.full(len(account), 5),
    }
    return rows, account < members


def test_conversations_that_pass_from_member_to_member_are_seen():
    held = [(a, c) for c in range(40) for a in (c, (c + 1) % 40, (c + 7) % 40)]
    found = TEST.statistic(*rows_of(held, 400, 40))
    assert "40 of 40 members" in found.statement
    assert log10(found) > 20


def test_couples_with_two_accounts_each_are_not():
    held = [(a, a // 2) for a in range(40)]
    assert TEST.statistic(*rows_of(held, 400, 40)).log_e < 0


def test_a_log_without_shared_conversations_says_nothing():
    assert reason(TEST, *rows_of([], 400, 40)) == "no conversation is carried on by several accounts"


@pytest.mark.issue(21)
def test_seven_members_or_thirty_nine_others_are_too_few():
    held = [(0, 1), (1, 1)]
    assert reason(TEST, *rows_of(held, 400, 7)) == "the group has fewer than 8 members"
    assert reason(TEST, *rows_of(held, 79, 40)) == "there are fewer than 40 other accounts"


@pytest.mark.issue(21)
def test_a_log_in_which_everybody_shares_conversations_says_nothing():
    held = [(a, c) for c in range(0, 90, 3) for a in (c, c + 1, c + 2)]
    assert reason(TEST, *rows_of(held, 90, 9)) == (
        "more than 30 % of other accounts share conversations with 2 or more accounts"
    )
