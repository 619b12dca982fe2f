import numpy as np
import pytest

from stillwatch.signals.registry import Finding, NoFinding
from tests.signals.crowds import load, log10, reason

TEST = load("handoff")


def rows_of(held, accounts, members, begun=lambda _account, _conversation: 0):
    """(account, conversation) pairs, begun at that hour; accounts without one are there too."""
    rest = [(a, -1) for a in range(accounts) if a not in {x for x, _ in held}]
    account, conversation = np.array(rest + sorted(held, key=lambda p: p[1])).T
    by_conversation = {c: {a for a, x in held if x == c} for _, c in held}
    met = [len(set().union(*(by_conversation[c] for x, c in held if x == a)) - {a}) for a in account]
    rows = {
        "account": account,
        "conversation": conversation,
        "partners": np.array(met),
        "begun": np.array([begun(a, c) for a, c in zip(account, conversation, strict=True)], float),
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


@pytest.mark.issue(20)
def test_teams_that_keep_their_conversations_to_themselves_are_not():
    """Students of one course in teams: 15 of four, or 6 of ten. One circle of eleven is larger than a team."""
    for team, counted in ((4, 0), (10, 0), (11, 55)):
        members = 60 // team * team
        held = [
            (first + place, first // team * 10 + topic)
            for first in range(0, members, team)
            for topic in range(3)
            for place in range(team)
        ]
        found = TEST.statistic(*rows_of(held, 600, members))
        assert found.accounts == counted
        assert (found.log_e > 20.0) == bool(counted)


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


@pytest.mark.issue(20)
@pytest.mark.parametrize("heaviest", [3, 40])
def test_a_client_that_numbers_its_conversations_from_one_hands_nothing_on(heaviest):
    rng = np.random.default_rng(heaviest)
    held = [(a, c) for a in range(60) for c in range(rng.integers(1, heaviest + 1))]
    begun = rng.integers(0, 24 * 20, (60, heaviest))
    rows = rows_of(held, 400, 60, lambda a, c: begun[a, c] if c >= 0 else 0)
    assert reason(TEST, *rows).startswith("all but fewer than 8 members share ids of conversations")
    at_once = rows_of(held, 400, 60)  # a workshop, in which all begin within a day
    found = TEST.statistic(*at_once)
    assert not isinstance(found, Finding) or found.log_e < np.log(20)


@pytest.mark.issue(20)
def test_ids_that_are_drawn_from_a_short_range_hand_nothing_on():
    rng = np.random.default_rng(5)
    held = sorted({(a, int(c)) for a in range(80) for c in rng.integers(0, 3000, 40)})
    begun = rng.integers(0, 24 * 20, (80, 3000))
    assert isinstance(
        TEST.statistic(*rows_of(held, 400, 80, lambda a, c: begun[a, c] if c >= 0 else 0)), NoFinding
    )


@pytest.mark.issue(20)
@pytest.mark.parametrize("pool", [24, 60])
def test_a_pool_that_draws_an_account_for_each_request_is_seen(pool):
    rng = np.random.default_rng(pool)
    held, start = set(), {}
    for conversation in range(pool * 10):
        start[conversation] = int(rng.integers(0, 24 * 20))
        for account in rng.integers(0, pool, 1 + rng.geometric(0.25)):
            held.add((int(account), conversation))
    rows = rows_of(sorted(held), 800, pool, lambda _a, c: start[c] if c >= 0 else 0)
    assert log10(TEST.statistic(*rows)) > 15
