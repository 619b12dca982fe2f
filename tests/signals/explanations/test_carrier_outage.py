from tests.signals.crowds import load, marked, traits


def test_accounts_of_one_network_count_as_one_and_a_lonely_one_is_not_marked():
    known = traits(5, asn=[1, 1, 2, 3, 3])
    assert marked("carrier_outage", known) == [[0, 1], [3, 4]]


def test_an_account_that_shows_it_in_less_than_half_of_its_exchanges_is_not_marked():
    known = traits(3, asn=[1, 1, 1], share_asn=[0.9, 0.6, 0.3])
    assert marked("carrier_outage", known) == [[0, 1]]


def test_it_bends_no_evidence_of_control():
    assert load("carrier_outage").bends == {"place", "habit", "timing"}
