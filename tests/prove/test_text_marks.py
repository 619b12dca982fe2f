"""Do marks in finished text break nothing, say nothing false, and obey their law?"""

import datetime as dt
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.prove.keyring import Keyring
from stillwatch.prove.text import canaries, choices

RING = Keyring(master=bytes(32))
KEY = RING.key("choices", "c", 1)
PROSE = (
    "For example, a tyre shop often keeps stock. Furthermore, it does not sell abroad. Therefore the whole "
    "shop cannot grow, "
    "although it has numerous customers. Make sure that you save. As a result, nearly all of them were not "
    "served quickly."
)


def test_a_mark_changes_choices_alone_and_marking_twice_changes_nothing_more():
    marked = choices.apply(PROSE, KEY)
    assert marked != PROSE
    assert choices.apply(marked, KEY) == marked
    some, other = list(choices.places(PROSE)), list(choices.places(marked))
    assert [one.pair for one in some] == [one.pair for one in other]


@pytest.mark.parametrize(
    "text",
    [
        "Is it not?",
        "It is not.",
        'He said "it does not".',
        "as a whole",
        "I do not, however",
        "```\nit does not\n",
        "> it does not",
        "| often | thus |",
        "see https://a.b/often",
        "# Often",
        "    often",
        "DO NOT",
        "Does not it?",
    ],
)
def test_places_where_another_word_would_not_do_are_left(text):
    assert choices.apply(text, KEY) == text
    assert choices.apply(text, RING.key("choices", "d", 1)) == text


@given(st.text(max_size=300))
@settings(max_examples=300)
def test_any_text_survives(text):
    marked = choices.apply(text, KEY)
    assert choices.apply(marked, KEY) == marked
    canaries.apply(text, KEY, 3)


def test_every_canary_is_true_and_is_found_again_and_no_other():
    for at, kind in enumerate(canaries.KINDS):
        lines = [kind.line(option) for option in range(canaries.OPTIONS)]
        assert len(set(lines)) == canaries.OPTIONS
        for option, line in enumerate(lines):
            assert canaries.given(at, f"Sure: {line}.") == option
            assert is_true(line), line


def is_true(line):
    if "=" in line:
        left, right = line.split(" = ")
        return eval(left.replace("×", "*").replace("²", "**2")) == int(right)
    if "prime" in line:
        n = int(line.split()[0])
        return all(n % d for d in range(2, n))
    if " was a " in line:
        day, name = line.split(" was a ")
        return dt.date.fromisoformat(day).strftime("%A") == name
    if "hexadecimal" in line:
        return int(line.split()[0]) == int(line.split()[2], 16)
    if "binary" in line:
        return int(line.split()[0]) == int(line.split()[2], 2)
    celsius, fahrenheit = (int(one) for one in re.findall(r"(\d+) °", line))
    return celsius * 9 / 5 + 32 == fahrenheit


def test_a_canary_follows_prose_alone():
    assert canaries.apply("Yes, that works for all of us.", KEY, 0).startswith(
        "Yes, that works for all of us.\n\nAs an aside: "
    )
    for text in ('{"a": 1}', "x = 1", "Run this:\n```\nls\n```", "Which one?\n- a\n- b"):
        assert canaries.apply(text, KEY, 0) == text
