from tests.signals.crowds import indicator_values


def test_the_values_are_the_bands_and_short_prompts_have_none():
    bands = {f"band_{b}": [b + 1, b + 1] for b in range(4)}
    assert indicator_values("prompt_near_duplicate", words=[30, 3], **bands) == [
        [1, 2, 3, 4],
        [None] * 4,
    ]
