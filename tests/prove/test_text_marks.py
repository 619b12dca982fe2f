"""Do marks in finished text break nothing, say nothing false, and obey their law?"""

import datetime as dt
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.prove.keyring import Keyring
from stillwatch.prove.text import canaries, choices
from stillwatch.prove.text.untouchable import is_data, spans

RING = Keyring(master=bytes(32))
KEY = RING.key("choices", "c", 1)
PROSE = (
    "For example, a tyre shop often keeps stock. Furthermore, it does not sell abroad. Therefore the whole shop cannot grow, "
    "although it has numerous customers. Make sure that you save. As a result, nearly all of them were not served quickly."
)


def answers(number=1_200):
    """Answers as assistants give them: prose around fenced code that has tests, JSON alone, prose with inline code, code alone."""
    rng = np.random.default_rng(5)
    for i in range(number):
        a, b = (int(v) for v in rng.integers(2, 90, 2))
        code = f'def often(x):\n    """Therefore, for example, does not fail."""\n    # finally, make sure that it is not wrong\n    return x * {a} + {b}  # roughly 7\n'
        data = {
            "often": ["therefore", "for example,"],
            "thus": a,
            "note": "it does not, cannot, will not",
            "whole": [b, None, True],
        }
        yield (
            ("fenced", f"{PROSE}\n\n```python\n{code}```\n\n{PROSE}", code, (a, b)),
            ("json", json.dumps(data, indent=i % 3 or None), data, None),
            (
                "inline",
                f"Therefore, call `often(x)` often, for example with `{{'often': {a}}}`. {PROSE}",
                None,
                None,
            ),
            ("code", code, code, (a, b)),
        )[i % 4]


def run(code, numbers):
    held = {}
    exec(code, held)
    return held["often"](3) == 3 * numbers[0] + numbers[1]


def test_marked_code_passes_its_tests_and_marked_json_parses_to_the_same_on_1200_answers():
    changed = 0
    for turn, (kind, said, content, numbers) in enumerate(answers()):
        marked = canaries.apply(choices.apply(said, KEY), KEY, turn)
        changed += marked != said
        if kind == "json":
            assert json.loads(marked) == content
        elif kind == "code":
            assert run(marked, numbers)
        elif kind == "fenced":
            block = re.search(r"```python\n(.*?)```", marked, re.DOTALL).group(1)
            assert block == content
            assert run(block, numbers)
        else:
            assert re.findall(r"`[^`]*`", marked) == re.findall(r"`[^`]*`", said)
    assert changed == 600  # both kinds with prose, every time


def test_a_mark_changes_choices_alone_and_marking_twice_changes_nothing_more():
    marked = choices.apply(PROSE, KEY)
    assert marked != PROSE
    assert choices.apply(marked, KEY) == marked
    some, other = list(choices.places(PROSE)), list(choices.places(marked))
    assert [one.pair for one in some] == [one.pair for one in other]


@pytest.mark.parametrize(
    "text",
    ["Is it not?", "It is not.", "He said \"it does not\".", "as a whole", "I do not, however", "```\nit does not\n", "> it does not",
     "| often | thus |", "see https://a.b/often", "# Often", "    often", "DO NOT", "Does not it?"],
)  # fmt: skip
def test_places_where_another_word_would_not_do_are_left(text):
    assert choices.apply(text, KEY) == text
    assert choices.apply(text, RING.key("choices", "d", 1)) == text


@given(st.text(max_size=300))
@settings(max_examples=300)
def test_any_text_survives(text):
    marked = choices.apply(text, KEY)
    assert choices.apply(marked, KEY) == marked
    canaries.apply(text, KEY, 3)
    assert all(0 <= start <= end <= len(text) for start, end in spans(text))


def test_what_is_data_is_not_prose():
    assert all(map(is_data, ['{"a": 1}', "[1, 2]", "<html>", "x = 1\ny = 2", "{broken", "", "12"]))
    assert not any(map(is_data, ["Hello there.", "Yes, it does not."]))


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
    assert canaries.apply("Yes, that works.", KEY, 0).startswith("Yes, that works.\n\nAs an aside: ")
    for text in ('{"a": 1}', "x = 1", "Run this:\n```\nls\n```", "Which one?\n- a\n- b"):
        assert canaries.apply(text, KEY, 0) == text


def test_real_answers_keep_their_code():
    import ast
    import warnings

    path = Path(__file__).parents[2].parent / "shared/data/distill_codealpaca/pairs.parquet"
    if not path.exists():
        pytest.skip("real answers with code are not at hand")
    import pyarrow.parquet as pq

    checked = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for said in pq.read_table(path)["output"].to_pylist():
            try:
                ast.parse(said)
            except SyntaxError:
                continue
            checked += 1
            ast.parse(choices.apply(said, KEY))
    assert checked > 500
