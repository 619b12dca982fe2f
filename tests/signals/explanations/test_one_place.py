from tests.signals.crowds import load, marked, traits


def test_accounts_of_one_address_range_count_as_one_and_a_lonely_one_is_not_marked():
    known = traits(5, client_prefix=[1, 1, 2, 3, 3])
    assert marked("one_place", known) == [[0, 1], [3, 4]]


def test_an_account_that_shows_it_in_less_than_half_of_its_exchanges_is_not_marked():
    known = traits(3, client_prefix=[1, 1, 1], share_client_prefix=[0.9, 0.6, 0.3])
    assert marked("one_place", known) == [[0, 1]]


def test_it_bends_handoff_and_coercion_and_division_and_fungible_and_turns_and_load_beside_likeness():
    assert load("one_place").bends == {
        "handoff",
        "coercion",
        "division",
        "fungible",
        "turns",
        "load",
        "place",
        "habit",
        "timing",
        "purpose",
    }
