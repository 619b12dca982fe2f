from tests.signals.crowds import load, marked, traits


def test_new_accounts_of_one_afternoon_are_marked_and_those_of_a_weekend_are_not():
    known = traits(
        4, created=[9999, 9999, 8000, 9999], last=[10005, 10050, 10005, 10005], quiet=[1, 1, 1, 40]
    )
    assert marked("workshop", known) == [[0]]


def test_accounts_with_one_coupon_or_no_card_are_marked_and_those_with_own_cards_are_not():
    known = traits(
        5, created=[9999] * 5, last=[10005] * 5, quiet=[1] * 5, payment_fingerprint=[1, 1, 2, -1, 3]
    )
    assert marked("workshop", known) == [[0, 1, 3]]


def test_it_bends_ownership_and_division_and_fungible_and_load_beside_likeness():
    assert load("workshop").bends == {
        "ownership",
        "division",
        "fungible",
        "load",
        "place",
        "habit",
        "timing",
        "purpose",
    }
