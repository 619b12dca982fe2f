from stillwatch.signals.registry import FAMILIES
from tests.signals.crowds import load, marked, traits


def test_accounts_of_one_declared_owner_count_as_one():
    known = traits(4, owner=[5, 5, 6, 7])
    assert marked("one_employer", known) == [[0, 1]]


def test_people_with_one_card_in_one_place_count_as_one_without_a_declaration():
    known = traits(4, payment_fingerprint=[3, 3, 3, 4], client_prefix=[8, 8, 9, 8])
    assert marked("one_employer", known) == [[0, 1]]


def test_one_card_in_one_place_without_nights_is_no_employer():
    known = traits(3, payment_fingerprint=[3, 3, 3], client_prefix=[8, 8, 8], quiet=[2, 40, 40])
    assert marked("one_employer", known) == [[0]]


def test_a_declared_owner_and_an_undeclared_one_are_two():
    known = traits(4, owner=[5, 5, 6, 7], payment_fingerprint=[-1, -1, 3, 3], client_prefix=[8, 8, 8, 8])
    assert marked("one_employer", known) == [[0, 1], [2, 3]]


def test_of_undeclared_accounts_those_of_two_cards_are_marked():
    known = traits(7, payment_fingerprint=[1, 1, 1, 2, 2, 3, 3], client_prefix=[8] * 7)
    assert marked("one_employer", known) == [[0, 1, 2], [3, 4]]


def test_it_bends_everything():
    assert load("one_employer").bends == set(FAMILIES)
