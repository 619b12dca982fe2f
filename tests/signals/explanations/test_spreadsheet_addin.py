from tests.signals.crowds import load, marked, traits


def test_a_common_user_agent_comes_before_a_common_prompt_template():
    known = traits(5, user_agent=[1, 1, -1, -1, -1], prompt_template=[4, 4, 4, 4, 5])
    assert marked("spreadsheet_addin", known) == [[0, 1], [2, 3]]


def test_accounts_that_share_neither_are_not_marked():
    known = traits(3, user_agent=[1, 2, 3], prompt_template=[4, 5, -1])
    assert marked("spreadsheet_addin", known) == []


def test_it_bends_division_and_fungible_beside_likeness():
    assert load("spreadsheet_addin").bends == {"division", "fungible", "place", "habit", "timing", "purpose"}
