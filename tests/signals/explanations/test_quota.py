from tests.signals.crowds import load, marked, traits


def test_accounts_that_fill_at_least_half_of_their_days_are_marked():
    known = traits(3, full_days=[0.8, 0.5, 0.4])
    assert marked("quota", known) == [[0, 1]]


def test_an_account_without_nights_is_not_marked_however_full_its_days_are():
    known = traits(2, full_days=[0.9, 0.9], quiet=[2, 40])
    assert marked("quota", known) == [[0]]


def test_it_bends_turns_and_load():
    assert load("quota").bends == {"turns", "load"}
