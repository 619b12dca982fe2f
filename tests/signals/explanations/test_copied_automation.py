from tests.signals.crowds import load, marked, traits


def test_an_account_that_keeps_a_minute_or_a_time_of_day_is_marked_and_others_are_not():
    known = traits(4, minute=[0.9, 0.1, 0.1, 0.4], hourly=[0.1, 0.9, 0.3, 0.7])
    assert marked("copied_automation", known) == [[0, 1]]


def test_it_bends_coercion_and_division_and_fungible_and_turns_and_load_beside_likeness():
    assert load("copied_automation").bends == {
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
