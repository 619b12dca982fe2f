from __future__ import annotations

import numpy as np
import pytest

from stillwatch.simulate.grammar import FOLLOW_UP, GRAMMAR, ROOTS
from stillwatch.simulate.prompts import Grammar, mix, place


def test_a_key_always_gives_the_same_words_whoever_stands_beside_it():
    keys = np.arange(300, dtype=np.uint64)
    whole = GRAMMAR.expand("item_code", keys)
    assert list(GRAMMAR.expand("item_code", keys[100:200])) == list(whole[100:200])


def test_mixing_is_one_to_one_on_a_sample():
    assert len(np.unique(mix(np.arange(100_000, dtype=np.uint64), 4))) == 100_000


@pytest.mark.parametrize("root", ROOTS)
def test_every_root_gives_words_without_open_slots(root):
    texts = GRAMMAR.expand(root, np.arange(500, dtype=np.uint64))
    assert not any("{" in text or "}" in text for text in texts)


def test_every_root_has_a_follow_up():
    assert all(rule in GRAMMAR for rule in FOLLOW_UP)


def test_a_tag_repeats_one_choice_within_a_rule():
    grammar = Grammar({"x": ["{y@1}-{y@1}"], "y": ["a", "b", "c"]})
    assert all(text[0] == text[2] for text in grammar.expand("x", np.arange(50, dtype=np.uint64)))


def test_a_rule_that_names_no_rule_is_refused():
    with pytest.raises(ValueError, match="does not exist"):
        Grammar({"x": ["{nowhere}"]})


def test_a_rule_that_leads_back_to_itself_is_refused():
    with pytest.raises(ValueError, match="cycle"):
        Grammar({"x": ["a {y}"], "y": ["b", "{x}"]})


def test_words_numbers_and_rules_come_out_as_they_were_put_in():
    grammar = Grammar({"x": ["<{y}>{n:0-0}|{n:7-7}|{n:10000-10000}{none}"], "y": ["é漢😀"], "none": [""]})
    assert set(grammar.expand("x", np.arange(2000, dtype=np.uint64))) == {"<é漢😀>0|7|10000"}
    drawn = Grammar({"x": ["{n:5-90}"]}).expand("x", np.arange(5000, dtype=np.uint64))
    assert {int(number) for number in drawn} == set(range(5, 91))
    assert grammar.expand("x", np.zeros(0, dtype=np.uint64)).shape == (0,)


def test_a_template_stands_first_last_or_inside():
    templates = np.array(["T"] * 3 + [""], dtype=object)
    items = np.array(["one two. three four. five"] * 4, dtype=object)
    first, last, inside, bare = place(templates, items, np.array([0, 1, 2, 0]))
    assert first.startswith("T")
    assert last.endswith("T")
    assert "\nT\n" in inside
    assert bare == items[3]
