from tests.signals.crowds import load, marked, traits


def test_a_common_system_prompt_comes_before_a_common_user_agent():
    known = traits(5, system_prompt=[1, 1, -1, -1, -1], user_agent=[4, 4, 4, 4, 5])
    assert marked("one_program", known) == [[0, 1], [2, 3]]


def test_accounts_that_share_neither_are_not_marked():
    known = traits(3, system_prompt=[1, 2, 3], user_agent=[4, 5, -1])
    assert marked("one_program", known) == []


def test_it_bends_coercion_and_division_and_fungible_beside_likeness():
    assert load("one_program").bends == {
        "coercion",
        "division",
        "fungible",
        "place",
        "habit",
        "timing",
        "purpose",
    }
