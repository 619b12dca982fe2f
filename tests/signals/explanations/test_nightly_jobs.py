from tests.signals.crowds import load, marked, traits


def test_an_account_that_keeps_a_clock_is_marked():
    known = traits(3, minute=[0.9, 0.1, 0.1], hourly=[0.1, 0.9, 0.3])
    assert marked("nightly_jobs", known) == [[0, 1]]


def test_a_job_beside_other_use_is_marked_where_the_account_has_a_quiet_third_of_the_day():
    known = traits(3, hourly=[0.6, 0.6, 0.4], quiet=[2, 40, 2])
    assert marked("nightly_jobs", known) == [[0]]


def test_it_bends_division_and_fungible_and_turns_and_load_beside_likeness():
    assert load("nightly_jobs").bends == {
        "division",
        "fungible",
        "turns",
        "load",
        "place",
        "habit",
        "timing",
        "purpose",
    }
