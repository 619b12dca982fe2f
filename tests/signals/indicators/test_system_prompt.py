from tests.signals.crowds import indicator_values


def test_the_value_is_the_key_of_the_system_prompt_and_none_is_null():
    assert indicator_values("system_prompt", system_key=[9, 0]) == ["9", None]
