from tests.signals.crowds import load, marked, traits


def test_accounts_that_signed_up_together_or_stayed_for_a_few_days_are_marked():
    known = traits(
        5,
        created=[9990, 9995, 9999, 8000, 9000],
        first=[10000, 10000, 10000, 10000, 9001],
        last=[10050, 10240, 10900, 10300, 9050],
    )
    assert marked("hackathon", known) == [[0, 1, 2, 4]]


def test_an_account_whose_sign_up_is_not_known_is_marked():
    known = traits(3, created=[float("nan"), 8000, 8001], last=[10050, 12000, 12000])
    assert 0 in marked("hackathon", known)[0]


def test_accounts_with_one_coupon_or_no_card_are_marked_and_those_with_own_cards_are_not():
    known = traits(
        5, created=[9999] * 5, last=[10005] * 5, quiet=[1] * 5, payment_fingerprint=[1, 1, 2, -1, 3]
    )
    assert marked("hackathon", known) == [[0, 1, 3]]


def test_it_bends_ownership_and_division_and_fungible_and_load_beside_likeness():
    assert load("hackathon").bends == {
        "ownership",
        "division",
        "fungible",
        "load",
        "place",
        "habit",
        "timing",
        "purpose",
    }
