from tests.signals.crowds import load, marked, traits


def test_accounts_with_one_card_count_as_one_and_those_without_a_card_do_not():
    known = traits(5, payment_fingerprint=[1, 1, -1, -1, 2])
    assert marked("family_and_friends", known) == [[0, 1]]


def test_it_bends_ownership_and_handoff_and_division():
    assert load("family_and_friends").bends == {"ownership", "handoff", "division"}
