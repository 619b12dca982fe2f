from tests.signals.crowds import load, marked, traits


def test_accounts_with_a_person_s_nights_are_marked_and_those_without_are_not():
    known = traits(4, quiet=[2, 40, 12, 33])
    assert marked("home_workers", known) == [[0, 2]]


def test_an_account_of_which_too_little_is_known_is_marked():
    known = traits(2, exchanges=[3, 100], quiet=[float("nan"), 33])
    assert marked("home_workers", known) == [[0]]


def test_it_bends_division_and_fungible_and_load_beside_likeness():
    assert load("home_workers").bends == {
        "division",
        "fungible",
        "load",
        "place",
        "habit",
        "timing",
        "purpose",
    }
