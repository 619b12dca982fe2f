import numpy as np
import pytest

from tests.signals.crowds import load, log10, reason, two_halves

TEST = load("trace_coercion")
CLIENTS = np.arange(330) % 7


def test_thirty_members_who_force_reasoning_out_are_seen():
    rows, member = two_halves(np.full(30, 0.9), np.zeros(300), CLIENTS)
    found = TEST.statistic(rows, member)
    assert "30 of 30 members" in found.statement
    assert log10(found) > 12


def test_a_group_of_which_one_in_ten_tries_it_gives_no_evidence():
    rows, member = two_halves(np.repeat([0.9, 0.0], [3, 27]), np.zeros(300), CLIENTS)
    assert TEST.statistic(rows, member).log_e < 0


def test_a_group_that_never_tries_it_is_not_spoken_of():
    assert reason(TEST, *two_halves(np.zeros(30), np.zeros(300), CLIENTS)) == (
        "no member tried to force hidden reasoning into the answer in one prompt in fifty in the half of the "
        "hours that is tested"
    )


@pytest.mark.issue(21)
@pytest.mark.parametrize(("members", "others", "few"), [(7, 300, "8 members"), (30, 39, "40 other accounts")])
def test_too_few_accounts_say_nothing(members, others, few):
    rows = two_halves(np.full(members, 0.3), np.zeros(others), np.arange(members + others) % 7)
    assert reason(TEST, *rows) == f"fewer than {few} have an exchange in the half of the hours that is tested"


@pytest.mark.issue(20)
@pytest.mark.parametrize("members", [30, 400])
def test_users_of_a_client_whose_other_users_coerce_as_well_give_no_evidence(members):
    clients = np.concatenate([np.zeros(members, int), np.zeros(60, int), 1 + np.arange(900) % 5])
    shares = np.concatenate([np.full(60, 0.9), np.zeros(900)])
    found = TEST.statistic(*two_halves(np.full(members, 0.9), shares, clients))
    assert found.log_e <= 0


@pytest.mark.issue(20)
def test_members_whose_client_is_unknown_are_compared_with_all_others():
    clients = np.concatenate([np.full(30, -1), np.zeros(60, int), np.full(240, -1)])
    shares = np.concatenate([np.full(6, 0.9), np.zeros(294)])
    found = TEST.statistic(*two_halves(np.full(30, 0.9), shares, clients))
    assert log10(found) > 12


@pytest.mark.issue(20)
def test_one_in_ten_users_of_the_client_raises_the_bound_to_a_half():
    clients = np.concatenate([np.zeros(330, int), np.ones(600, int)])
    shares = np.concatenate([np.full(30, 0.9), np.zeros(870)])
    half = np.repeat([0.9, 0.0], [15, 15])
    found = TEST.statistic(*two_halves(half, shares, clients))
    assert found.log_e < 0
    elsewhere = TEST.statistic(*two_halves(half, shares, np.roll(clients, 300)))
    assert log10(elsewhere) > 1


@pytest.mark.issue(22)
def test_the_order_of_the_rows_does_not_change_the_evidence_in_its_last_bit():
    rng = np.random.default_rng(1)
    place = np.arange(3000) % 29
    clients = np.concatenate([np.arange(97) % 29, place])
    shares = np.where(rng.random(3000) < 0.06 * place / 29, 0.9, 0.0)
    rows, member = two_halves(np.where(np.arange(97) % 4 == 0, 0.9, 0.0), shares, clients)
    first = TEST.statistic(rows, member).log_e
    for _draw in range(20):
        order = rng.permutation(len(member))
        mixed = {name: np.asarray(column)[order] for name, column in rows.items()}
        assert TEST.statistic(mixed, member[order]).log_e == first
