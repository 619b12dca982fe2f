from tests.signals.crowds import load, marked, traits


def test_network_and_mail_domain_must_both_be_shared():
    known = traits(5, asn=[1, 1, 1, 2, 2], email_domain=[7, 7, 8, 7, 7])
    assert marked("one_institution", known) == [[0, 1], [3, 4]]


def test_an_account_that_is_mostly_elsewhere_is_not_marked():
    known = traits(3, asn=[1, 1, 1], email_domain=[7, 7, 7], share_asn=[0.9, 0.6, 0.3])
    assert marked("one_institution", known) == [[0, 1]]


def test_it_bends_handoff_and_coercion_and_division_and_fungible_and_turns_and_load_beside_likeness():
    assert load("one_institution").bends == {
        "handoff",
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
