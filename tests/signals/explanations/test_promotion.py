from tests.signals.crowds import load, marked, traits


def test_accounts_that_begin_within_two_weeks_of_their_sign_up_are_marked():
    known = traits(4, created=[9900, 9500, float("nan"), 9900], quiet=[2, 2, 2, 40])
    assert marked("promotion", known) == [[0, 2]]


def test_accounts_with_one_coupon_or_no_card_are_marked_and_those_with_own_cards_are_not():
    known = traits(
        5, created=[9999] * 5, last=[10005] * 5, quiet=[1] * 5, payment_fingerprint=[1, 1, 2, -1, 3]
    )
    assert marked("promotion", known) == [[0, 1, 3]]


def test_it_bends_ownership_and_load_beside_likeness():
    assert load("promotion").bends == {"ownership", "load", "place"}
