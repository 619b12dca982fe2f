from tests.signals.crowds import load, marked, traits


def test_accounts_with_one_card_count_as_one_and_those_without_a_card_do_not():
    known = traits(5, payment_fingerprint=[1, 1, -1, -1, 2])
    assert marked("shared_vouchers", known) == [[0, 1]]


def test_it_bends_ownership_and_the_volumes_of_one_credit():
    assert load("shared_vouchers").bends == {"ownership", "load"}
