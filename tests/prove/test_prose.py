"""Does a mark touch English prose alone, whatever stands around it, and do marker and reader see the same
places?
"""

import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.prove.keyring import Keyring
from stillwatch.prove.text import canaries, choices, code
from stillwatch.prove.text.language import is_english
from stillwatch.prove.text.markdown import BOX, blocks
from tests.prove import answers as made

RING = Keyring(master=bytes(32))
KEYS = [RING.key("choices", name, 1) for name in "abcd"]
CANARY = RING.key("canaries", "a", 1)
INTRO = "Here is the whole thing. It does not often fail for all of the users."
AFTER = "This is not what we often do for all of the users."


def marked(text, keys=KEYS):
    """The text under several keys: with four, a place that may be changed stays as it was once in sixteen."""
    return {canaries.apply(choices.apply(text, key), CANARY, turn) for turn, key in enumerate(keys)}


@pytest.mark.issue(25)
def test_code_data_quotations_and_other_languages_have_no_place_under_any_key():
    broken, used = [], 0
    for one in made.answers(195, real=8):
        places = list(choices.places(one.text))
        used += len(places)
        at = 0
        for piece in one.kept:
            at = one.text.index(piece, at)
            broken += [(one.kind, piece[:80]) for place in places if at <= place.start < at + len(piece)]
            at += len(piece)
        if one.kept[-1].strip() == one.text.strip() and canaries.apply(one.text, CANARY, 0) != one.text:
            broken.append((one.kind, "an aside after it"))
    assert not broken
    assert used > 600


@pytest.mark.issue(25)
def test_an_answer_with_fenced_code_or_data_beside_prose_keeps_its_capacity():
    for one in made.answers(200):
        if one.kind.endswith(("_fenced", "_within")) or one.kind == "json":
            assert len(list(choices.places(one.text))) >= 5, one.kind


@pytest.mark.issue(25)
def test_marker_and_reader_see_the_same_places():
    for one in made.answers(184, seed=7):
        places = [(place.pair, place.context) for place in choices.places(one.text)]
        for key in KEYS[:1]:
            text = choices.apply(one.text, key)
            assert [(place.pair, place.context) for place in choices.places(text)] == places
            assert choices.apply(text, key) == text


PIECES = st.sampled_from(
    [form for pair in choices.PAIRS for form in pair]
    + "The the shop it team is and We of . ? : , \n \n\n `often` “ ” \" ' *so* - 1. > | { } ( ) # x=1 $a$ "
    "<b> never 3 files Often DON'T don’t".split(" ")
)


@given(st.lists(PIECES, max_size=60), st.integers(0, 3))
@settings(max_examples=400, deadline=None)
def test_any_mix_of_words_and_signs_is_read_as_it_was_marked(pieces, number):
    text = " ".join(pieces)
    once = choices.apply(text, KEYS[number])
    assert choices.apply(once, KEYS[number]) == once
    assert [(one.pair, one.context) for one in choices.places(once)] == [
        (one.pair, one.context) for one in choices.places(text)
    ]


ODD = {
    "make": "all: often thus\n\n# {n}\noften:\n\techo It does not often fail.\n\ndefine TEXT\n\n{n}\n\nendef",
    "gherkin": "Feature: Often\n{n}\n\nScenario: It does not fail\nGiven it is not often that we have "
    "numerous files.\nWhen I do not often save the whole file.",
    "graphql": '"""\n{n}\n"""\ntype Often {{\n"""\n{n}\n\n{n}\n"""\nwhole: Int\n}}',
    "r": 'y <- "\n\n{n}\n\n"\nprint(x)',
    "matlab": "%{{\n\n{n}\n\n%}}\nx = often(3);",
    "basic": 'Dim often As Integer\nREM {n}\nMsgBox "It does not often fail."',
    "batch": "@echo off\nREM {n}\n:: {n}\n\nRem Make sure that it works. {n}",
    "hcl": 'variable "often" {{\n  description = <<EOF\n\n{n}\n\nEOF\n}}\n\nx = <<-EOT\n{n}\n  EOT',
    "nix": "{{\n  description = ''\n\n{n}\n\n  '';\n}}",
    "elixir": 'defmodule Often do\n  @moduledoc """\n\n{n}\n\n  """\n  def thus, do: 1\nend',
    "ocaml": '(*\n\n{n}\n\n*)\nlet often = "It does not often fail."',
    "asciidoc": "= Often\n\n----\n\n{n}\n\n----\n\n[source,c]\n----\n\n{n}\n\n----",
    "org": "* Often\n#+BEGIN_SRC sh\n\n{n}\n\n#+END_SRC",
    "bbcode": "[code]\n\n{n}\n\n[/code]",
    "semicolons": "id;note\n1;It does not often fail for us.\n2;It is not often that we have numerous "
    "questions.",
    "one_column": "note\nIt does not often fail for us.\nIt is not often that we have numerous questions.",
    "spaces": "Name     Note\na        It does not often fail for us.\nb        It is not often wrong for "
    "us.",
    "yaml": "Project name: Often\nProject note: It does not often fail for us.\n\nOther note: It is not "
    "often that we have numerous questions.",
    "template": "{{% if often %}}\n\n{n}\n\n{{% endif %}}",
    "dollars": "SELECT 'It does not often fail';\n\nDO $$\n\n{n}\n\n$$;",
    "session": "$ often\nIt does not often fail for all of the users.\n$ thus --note 'It does not'",
    "ruby_data": "puts DATA.read\n__END__\n{n}\n\n{n}",
    "patch": "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n- {n}\n+ {n}",
    "verse": "The moon is often whole at night\nIt does not hide its gentle light\nIt is not dark and "
    "therefore bright",
    "dialogue": "— {n}\n— Make sure that it works. It does not often fail.",
    "forth": "( {n} ) : often 3 ;",
    "long_brackets": "#[==[.rst:\n{n}\n\n{n}\n]==]\noften(3)",
    "title_in_a_docstring": '"""Often\n=====\n\n{n}\n\n{n}\n"""\nimport thus\n\nx = 1',
    "title_below_quotes": '"""\nOften\n-----\n\n{n}\n\n{n}\n"""\nimport thus\n\nx = 1',
    "title_in_a_comment": "/* Often\n--------\n\n{n}\n\n{n}\n*/\nint x = 3;",
    "title_in_long_brackets": "#[===[.rst:\nOften\n-----\n\n{n}\n\n{n}\n#]===]\noften(3)",
    "html_open": '<p title="It does not often fail.">Often</p>\n<p>{n}',
}


SAID = "It is here for us. It does not often fail for all of the users. It was not a problem for us."
QUOTED = (
    "&quot;{q}&quot;",
    "&ldquo;{q}&rdquo;",
    "&#39;{q}&#39;",
    "``{q}''",
    "<<{q}>>",
    "❝{q}❞",
    "`{q}´",
    "‛{q}’",
    "_{q}_",
    "***{q}***",
    "~~{q}~~",
    "[{q}](https://a.b)",
    "![{q}](a.png)",
    "<q>{q}</q>",
    "<blockquote>\n{q}\n</blockquote>",
    "“It is.\n\n{q}\n\nIt was so.”",
    "> It is\n{q}",
    "- “{q}”\n- ‘{q}’",
    "“He said ‘{q}’ to us. {q}”",
    "$$\n\\text{{{q}}}\n$$",
    "\\[\n{q}\n\\]",
    "`` {q} ` ``",
    "~~~\n{q}\n~~~",
    "```\n{q}",
    "- a\n\n  ```\n  {q}\n  ```",
    "1. a\n\n        {q}",
    "case x: /* note\n\n{q}\n\n*/",
    "Name | Note\n:-- | --:\na | {q}",
)


@pytest.mark.issue(25)
@pytest.mark.parametrize("form", QUOTED)
def test_quotations_in_forms_that_the_generator_does_not_make_stay_as_they_are(form):
    piece = form.format(q=SAID)
    tail = "" if form.startswith("```") else f"\n\n{AFTER}"
    for text in (f"{INTRO}\n\n{piece}{tail}", piece):
        assert all(piece in one for one in marked(text))


@pytest.mark.issue(25)
@pytest.mark.parametrize("name", sorted(ODD))
def test_forms_without_a_grammar_stay_as_they_are(name):
    piece = ODD[name].format(n=made.NOTE)
    for text in (f"{INTRO}\n\n{piece}\n\n{AFTER}", piece, f"{INTRO}\n{piece}"):
        assert all(piece in one for one in marked(text))


@pytest.mark.issue(25)
@pytest.mark.parametrize(
    "said",
    [
        "[How many] of the files are there in the house?",
        "We have [so many] files that the house is full.",
        "It is not [nearly the same] as the one that we had.",
        "Why [don't the users] come to the house?",
        "[Isn't the] team in the house with all of us",
        "The rope is [as long as] the car that we have.",
        "It was not [a lot of] work for any of us.",
        "[Thus Spoke] Zarathustra is a book that we read in the class.",
        "The band [Often] came to the house of the king.",
        "They use [the whole numbers] in the rules of the game.",
        "We ask for the [frequently asked] questions of the users.",
        "He stood [before the] Court. It was the end of the day.",
        "We [ensure the safety] of all of the users.",
        "[Thus far] it was the best of the books that we have.",
        "The man [DOES NOT] come to the house of the king.",
        "The files [docs/often] and [often.txt] are in the house.",
        "It is there, is it [not]? It [is not.]",
        "I am sure that it [is not, however,] the end.",
        "You can stay [as long as you like] in the house.",
        "They came [every so often] to the house of the king.",
    ],
)
def test_negation_quantity_and_names_keep_their_meaning(said):
    text = re.sub(r"[\[\]]", "", said)
    for one in marked(text):
        for kept in re.findall(r"\[([^]]*)\]", said):
            assert kept in one


@pytest.mark.issue(25)
def test_the_reasons_for_which_places_are_left_are_counted():
    text = (
        f"{made.PROSE[0]}\n\n```\nit does not\n```\n\nHe said “it does not often fail” to all of "
        f"us.\n\nEr ist often krank, und das ist nicht gut."
    )
    counts = choices.capacity([text])
    assert counts[choices.USED] == 7
    assert counts.total() == 7 + 1 + 2 + 1
    said = choices.as_sentence(counts)
    assert said.startswith("7 of 11 places of equal words carry a choice; left alone: 2 inline code")


def test_apostrophes_of_a_text_are_kept():
    text = "We’re sure that the shop does not open today. It isn’t there."
    seen = {choices.apply(text, RING.key("choices", name, 1)) for name in "abcdefgh"}
    assert any("doesn’t" in one for one in seen)
    assert not any("'" in one for one in seen)


@pytest.mark.issue(25)
def test_two_thousand_characters_of_prose_take_a_few_milliseconds():
    plain = " ".join(
        made.PROSE[at % 4]
        if not at % 4
        else "The king of the old town went down to the river to see the boats, and he came home."
        for at in range(22)
    )
    choices.apply(plain, KEYS[0])  # loads the model of languages
    took = []
    for _ in range(20):
        began = time.perf_counter()
        choices.apply(plain, KEYS[0])
        took.append(time.perf_counter() - began)
    assert 1_900 < len(plain) < 2_500
    assert min(took) < 0.02


def test_grammars_are_loaded_for_what_could_be_code_alone(monkeypatch):
    monkeypatch.setattr(code.importlib, "import_module", lambda name: pytest.fail(f"{name} was loaded"))
    code._parser.cache_clear()
    assert len(marked(" ".join(made.PROSE))) > 1


def test_every_character_of_a_paragraph_has_its_place_in_the_source():
    text = (
        "One *two* three\r\nfour `five` **six** ~~x~~ [a](b)\n\n1. item\n   more\n\n   second "
        "***part***\n\n> aside\n\nlast line"
    )
    for block in blocks(text):
        for source in range(len(text)):
            at = block.at(source) if block.kind == "paragraph" else None
            assert at is None or block.text[at] in (text[source], BOX, "\n")
    whole = " ".join(block.text for block in blocks(text))
    assert "two" not in whole
    assert "five" not in whole
    assert "six" not in whole
    assert "part" not in whole
    assert "last line" in whole


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("x = 1", True),
        ("x = (1", False),
        ("/* note", False),
        ("/* note */", True),
        ("<p>", False),
        ("<p>a<br></p>", True),
        ("cat <<EOF", False),
        ('"""note', False),
        ("puts 1\n__END__", False),
        ("note: |", False),
    ],
)
def test_code_has_ended_where_all_that_it_opens_is_closed(text, ended):
    assert code.has_ended(text) is ended


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("print('(')", True),
        ("x = '''\nnote", False),
        ("cat <<EOF\nnote\nEOF", True),
        ("cat <<EOF\nnote", False),
        ('{"a": "("}', True),
        ("int main(void) { return ')'; }", True),
        ("const a = `\n", False),
        ("/* note", False),
        ("fn main() { let c = '{'; }", True),
    ],
)
def test_a_parser_accepts_whole_programs_alone(text, accepted):
    assert code.is_accepted(text) is accepted


@pytest.mark.parametrize("text", ["name: often\nlist:\n  - a\n\n  - b\n", "- a: b\n- c\n"])
def test_yaml_is_known(text):
    assert code.is_yaml(text)
    assert not code.is_yaml(text + "\nIt does not often fail.\n")


@pytest.mark.parametrize(
    "text",
    [
        "Was not tut, ist Ruhe.",
        "Er ist often krank und kann not kommen.",
        "Por ejemplo, it does not es malo.",
        "Finally, perhaps il faut partir.",
    ],
)
def test_a_mixed_sentence_is_not_english(text):
    assert not is_english(text)


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read(text):
    for block in blocks(text):
        assert 0 <= block.first <= block.last
    list(choices.candidates(f"It does not often fail for all of us. {text}"))


def test_choices_of_prose_keep_their_law():
    texts = [" ".join(made.PROSE).replace("shop", f"shop{noun}") for noun in ("a", "b", "c", "d", "e")]
    some = choices.windows([place for text in texts for place in choices.places(text)])
    assert len(some) >= 5 * 15
    rates = [np.mean(choices.wanted(some, RING.key("choices", str(at), 1))) for at in range(200)]
    assert abs(np.mean(rates) - 0.5) < 0.05


def test_half_of_a_surrogate_pair_and_control_signs_are_read():
    for odd in ("\ud800", "\x00", "\x0c", "\u2028", "\u202e", "\ufffc"):
        for text in (f"{INTRO} {odd}", f"{INTRO}\n\n{odd}\n\nx = ({odd}\n\n{AFTER}", f"{odd}{INTRO}{odd}"):
            assert choices.apply(choices.apply(text, KEYS[0]), KEYS[0]) == choices.apply(text, KEYS[0])


@pytest.mark.issue(25)
def test_every_paragraph_of_a_quotation_of_three_is_left_alone():
    said = "The road is often closed, and it does not open again before the summer has begun."
    quoted = f"“{said}\n\n“{said}\n\n{said}”"
    assert [
        one for one in choices.places(f"The note is long.\n\n{quoted}\n\n{said}") if one.start < len(quoted)
    ] == []


@pytest.mark.issue(25)
def test_a_page_of_a_manual_has_no_prose():
    said = "The file is often not there, and it does not matter which of the two commands is used."
    page = f".TH OFTEN 1\n.SH DESCRIPTION\n{said}\n\n{said}\n\n.SH NOTES\n{said}\n"
    assert not list(choices.places(page))
    assert list(choices.places(said))
