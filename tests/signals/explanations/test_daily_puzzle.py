from tests.signals.crowds import load, marked, traits


def test_accounts_that_send_the_same_texts_are_marked_and_those_with_texts_of_their_own_are_not():
    known = traits(4, exchanges=[6, 6, 6, 60], text_account=[0, 0, 1, 1, 2, 3], text=[1, 2, 1, 2, 3, 1])
    assert marked("daily_puzzle", known) == [[0, 1]]


def test_only_texts_of_other_members_are_repeats():
    known = traits(3, exchanges=[10, 10, 10], text_account=[0, 0, 2, 2], text=[1, 2, 1, 2])
    assert marked("daily_puzzle", known, [0, 1]) == []


def test_it_bends_coercion_and_division_and_fungible_and_turns_and_load_beside_likeness():
    assert load("daily_puzzle").bends == {
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
