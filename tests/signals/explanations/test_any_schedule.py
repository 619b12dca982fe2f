from tests.signals.crowds import load, marked, traits


def test_every_account_counts_as_one_since_any_of_them_may_keep_the_schedule():
    known = traits(3)
    assert marked("any_schedule", known) == [[0, 1, 2]]


def test_of_other_accounts_nothing_is_said():
    known = traits(4)
    assert marked("any_schedule", known, [1, 3]) == [[1, 3]]


def test_it_bends_turns_and_load():
    assert load("any_schedule").bends == {"turns", "load"}
