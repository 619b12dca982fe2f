from tests.signals.crowds import indicator_values


def test_the_values_are_the_phrases_of_the_prompt():
    assert indicator_values("prompt_template", phrases=[[5, 7], None]) == [[5, 7], None]
