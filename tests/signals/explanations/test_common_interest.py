from tests.signals.crowds import load, marked, traits


def test_every_account_counts_as_one_since_any_of_them_may_have_the_interest():
    known = traits(3)
    assert marked("common_interest", known) == [[0, 1, 2]]


def test_of_other_accounts_nothing_is_said():
    known = traits(4)
    assert marked("common_interest", known, [1, 3]) == [[1, 3]]


def test_it_bends_division_and_fungible_beside_likeness():
    assert load("common_interest").bends == {"division", "fungible", "place", "habit", "timing", "purpose"}
