from tests.signals.crowds import load, marked, traits


def test_address_range_and_client_must_both_be_shared():
    known = traits(5, client_prefix=[1, 1, 1, 2, -1], user_agent=[7, 7, 8, 7, 7])
    assert marked("agency", known) == [[0, 1]]


def test_it_bends_handoff_and_division_and_fungible_and_turns_and_load_beside_likeness():
    assert load("agency").bends == {
        "handoff",
        "division",
        "fungible",
        "turns",
        "load",
        "place",
        "habit",
        "timing",
        "purpose",
    }
