from tests.signals.crowds import load, marked, traits


def test_accounts_most_of_whose_texts_others_send_too_count_as_one():
    known = traits(3, exchanges=[3, 4, 3], text_account=[0, 0, 1, 1, 2], text=[1, 2, 1, 2, 3])
    assert marked("red_team", known) == [[0, 1]]


def test_so_do_those_of_one_address_range_that_repeat_nothing():
    known = traits(
        5, exchanges=[1, 1, 10, 10, 10], text_account=[0, 1], text=[1, 1], client_prefix=[1, 1, 1, 1, 2]
    )
    assert marked("red_team", known) == [[0, 1], [2, 3]]


def test_it_bends_coercion_and_fungible():
    assert load("red_team").bends == {"coercion", "fungible"}
