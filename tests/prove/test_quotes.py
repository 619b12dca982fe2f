"""Is an innocent who repeats marked text that stood before it spared, in whatever form it stood there?"""

import numpy as np
import pytest

from stillwatch.prove import seen
from stillwatch.prove.case import PromptAnswer, SuspectCase
from stillwatch.prove.registry import provenance_tests
from stillwatch.prove.replacing import replacing
from stillwatch.prove.seen import TextBefore, groups, is_unread, readings, words
from stillwatch.prove.seen import explained as explained_words
from stillwatch.prove.text import canaries, choices
from tests.prove import later_forms, short_forms
from tests.prove import quoting as q

pytestmark = pytest.mark.issue(25)
TESTS = {test.name: test for test in provenance_tests()}
FUZZED = 40
TWENTY = (
    "plain",
    "quoted",
    "blockquote",
    "fence",
    "json",
    "xml",
    "indented",
    "re-wrapped",
    "upper case",
    "double spaces",
    "bold words",
    "html entities",
    "hyphenated",
    "line numbers",
    "chat",
    "list of words",
    "zero width",
    "base64",
    "look-alikes",
    "table",
)
EACH = 25  # innocents of each of twenty forms


@pytest.fixture(scope="module")
def texts():
    """Marked texts under one key: windows, and choices."""
    ring = q.ring_of(1, "greenlist", "choices")
    rng = np.random.default_rng(0)
    green, chosen = (ring.key_of(one) for one in ring.issued)
    return (
        ring,
        [q.marked_prose(rng, green, 60) for _ in range(6)],
        [q.choosy_prose(rng, chosen, 9) for _ in range(6)],
    )


def found(texts, form, rng, rows=6):
    ring, windows, chosen = texts
    (one,) = TESTS["radioactivity_text"].test(
        q.quoting(rng, ring, form, rows=rows, text=lambda at: windows[at])
    )
    (other,) = TESTS["keyed_choices"].test(q.quoting(rng, ring, form, rows=rows, text=lambda at: chosen[at]))
    return one, other


def test_the_same_answers_convict_where_nothing_was_before_the_suspect(texts):
    """So the tests below are able to fail."""
    one, other = found(texts, lambda _: "Say something.", np.random.default_rng(1))
    assert one.log10_p < -20
    assert other.log10_p < -8


EVERY = q.FORMS | q.LATER | later_forms.FORMS | later_forms.THIRD


@pytest.mark.parametrize("name", EVERY)
def test_no_form_of_quoting_convicts(texts, name):
    one, other = found(texts, EVERY[name], np.random.default_rng(2))
    assert one.log10_p > -2.5
    assert other.log10_p > -2.5
    assert one.units > 50  # what the suspect says of its own is still tested


@pytest.fixture
def explained(monkeypatch):
    """A case whose other answers use every word, so that hardly a row is unread."""
    known = {*q.STOCK, *(word for form in choices.PAIRS for some in form for word in words(some))}
    monkeypatch.setattr(seen, "explained", lambda pairs: set(known))


@pytest.mark.parametrize("name", later_forms.FOURTH)
def test_a_passage_of_which_some_words_are_altered_was_seen(texts, explained, name):
    ring, windows, chosen = texts
    for some, test in ((windows, "radioactivity_text"), (chosen, "keyed_choices")):
        asked = later_forms.FOURTH[name]
        case = SuspectCase(
            keyring=ring,
            answers=[PromptAnswer(prompt=f"Say this again: {asked(text)}", answer=text) for text in some],
            tokenize=q.tokenize,
            decoys=0,
        )
        assert TESTS[test].test(case)[0].log10_p > -2.5


SHORT = (
    {f"cipher, {name}": lambda t, make=make: later_forms.some_words(t, make, 1) for name, make in later_forms.CIPHERS.items()}
    | short_forms.LEFT | short_forms.AT_FIRST | short_forms.HELD_BACK | short_forms.FRESH | short_forms.REPLACED
)  # fmt: skip


@pytest.mark.parametrize("said", ["{}", "It says: {}. That is all I can read in it."])
@pytest.mark.parametrize("name", SHORT)
def test_a_few_words_in_any_form_are_not_counted(texts, explained, name, said):
    ring, windows, _ = texts
    few = [" ".join(text.split()[at : at + 5]) for text in windows for at in range(0, 60, 5)]
    shown = [
        PromptAnswer(prompt=f"What is this? {SHORT[name](text)}", answer=said.format(text)) for text in few
    ]
    case = SuspectCase(keyring=ring, answers=shown, tokenize=q.tokenize, decoys=0)
    assert TESTS["radioactivity_text"].test(case)[0].log10_p > -2.5
    bare = [PromptAnswer(prompt="What is this?", answer=said.format(text)) for text in few]
    case = SuspectCase(keyring=ring, answers=bare, tokenize=q.tokenize, decoys=0)
    assert TESTS["radioactivity_text"].test(case)[0].log10_p < -15


def test_letters_are_aligned_with_an_altered_text_and_not_with_another():
    said = words("We had seen that the teacher often made a long story of the house and the river")
    for shown in (
        "teechir iften mude a lang stery if tha hause",
        "ehers ofte mad a lon stor o th hous",
        "tchr oftn md a lng stry of th hs",
        "The tea. oft. ma. a lo. sto. o. t. ho.",
    ):
        assert TextBefore([shown]).aligned(said)[5:12].all()
        assert not TextBefore([shown]).aligned(said)[:3].any()
    other = "Nobody asked about blue bicycles; rain was expected on Friday and his uncle repaired clocks."
    assert not TextBefore([other]).aligned(said).any()


def test_two_letters_that_some_answers_use_explain_nothing_and_a_long_word_that_two_use_is_explained():
    rng = np.random.default_rng(6)
    many = [PromptAnswer(prompt="", answer=q.prose(rng, 40)) for _ in range(400)]
    rare = [PromptAnswer(prompt="", answer="hs th photosynthesis") for _ in range(2)]
    assert explained_words([*many, *rare]) >= {"photosynthesis", "house", "of"}
    assert explained_words([*many, *rare]).isdisjoint({"hs", "th"})
    assert explained_words(rare) >= {"hs", "th"}


def test_what_is_unexplained_is_measured_against_the_answer_that_it_could_hold():
    known = set(q.STOCK)
    assert is_unread("what is this qwxz vmrk", known, "the house of the people")
    assert not is_unread("what is this qwxz vmrk", known, "the house of the people " * 8)


def test_an_answer_on_the_subject_of_its_prompt_is_no_repetition():
    asked = "Write a story about an old house near the water and the family that lived there for many years."
    said = words(
        "Every morning the smell of bread came up from the kitchen. Anna counted her steps to the door, past the "
        "clock that nobody wound, and wondered whether her brother would write before winter closed the road."
    )
    assert not TextBefore([asked]).repeats(said).any()
    assert (
        TextBefore([asked])
        .repeats(words("This is about an old house near the water and the family there."))
        .all()
    )


def test_forms_within_forms_made_at_random_convict_nobody_more_often_than_the_level(texts):
    rng = np.random.default_rng(25)
    p = []
    for turn in range(FUZZED):
        _, form = (q, later_forms)[turn % 2].fuzzed(rng)
        p += [one.log10_p for one in found(texts, form, rng)]
    assert np.mean(np.array(p) <= np.log10(0.05)) <= 0.05
    assert min(p) > -4


@pytest.mark.slow
@pytest.mark.parametrize("test", ["radioactivity_text", "keyed_choices"])
def test_five_hundred_innocents_who_quote_in_twenty_forms_are_rejected_at_the_level_at_most(test):
    p = []
    for turn in range(EACH):
        ring = q.ring_of(100 + turn, "greenlist", "choices")
        rng = np.random.default_rng(100 + turn)
        if test == "radioactivity_text":
            marked = [q.marked_prose(rng, ring.key_of(ring.issued[0]), 20) for _ in range(3)]
        else:
            marked = [q.choosy_prose(rng, ring.key_of(ring.issued[1]), 8) for _ in range(3)]
        for name in TWENTY:
            case = q.quoting(
                rng, ring, q.FORMS[name], rows=len(marked), text=lambda at, marked=marked: marked[at]
            )
            p += [one.log10_p for one in TESTS[test].test(case)]
    p = np.array(p)
    assert len(p) == 500
    for level in (0.05, 0.01, 0.001):
        assert np.mean(p <= np.log10(level)) <= level + 3 * np.sqrt(level * (1 - level) / 500)


@pytest.mark.parametrize("where", ["system", "tool", "earlier"])
def test_what_stood_in_a_system_prompt_a_tools_result_or_an_earlier_turn_is_not_counted(
    tmp_path, texts, where
):
    import json

    from stillwatch.flows.answers import Unread, pairs_of

    ring, _, chosen = texts
    rows = []
    for at, text in enumerate(chosen):
        asked = {"prompt": "Go on.", "answer": text}
        if where == "system":
            rows.append(asked | {"system": q.FORMS["upper case"](text)})
        elif where == "tool":
            rows.append(
                asked | {"messages": [{"role": "tool", "content": [{"text": q.FORMS["json"](text)}]}]}
            )
        else:
            talk = {"conversation_id": at}
            rows += [talk | {"prompt": q.FORMS["table"](text), "answer": "Read."}, talk | asked]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    pairs = pairs_of(path, Unread())
    (one,) = TESTS["keyed_choices"].test(SuspectCase(keyring=ring, answers=pairs, decoys=0))
    assert one.units == 0
    bare = [PromptAnswer(prompt="Go on.", answer=text) for text in chosen]
    assert TESTS["keyed_choices"].test(SuspectCase(keyring=ring, answers=bare, decoys=0))[0].log10_p < -8


SPLIT = {
    "one message a word": lambda t: {"messages": [{"role": "user", "content": word} for word in t.split()]},
    "pieces of a stream": lambda t: {"stream": [{"delta": t[at : at + 4]} for at in range(0, len(t), 4)]},
    "chunks of documents": lambda t: {"documents": [{"id": at, "chunk": t[at : at + 12]} for at in range(0, len(t), 12)]},
    "names of fields": lambda t: {"counts": {word: at for at, word in enumerate(t.split())}},
    "codes of characters": lambda t: {"codes": [ord(sign) for sign in t]},
    "another column of answers": lambda t: {"output": t.upper()},
    "one column a word": lambda t: {f"w{at}": word for at, word in enumerate(t.split())},
}  # fmt: skip


@pytest.mark.parametrize("name", SPLIT)
def test_a_text_that_is_split_over_messages_columns_or_names_was_seen(tmp_path, texts, name):
    import json

    from stillwatch.flows.answers import Unread, pairs_of

    ring, windows, chosen = texts
    for some, test in ((windows, "radioactivity_text"), (chosen, "keyed_choices")):
        path = tmp_path / "answers.jsonl"
        rows = [{"prompt": "Go on.", "answer": text} | SPLIT[name](text) for text in some]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        case = SuspectCase(keyring=ring, answers=pairs_of(path, Unread()), tokenize=q.tokenize, decoys=0)
        (one,) = TESTS[test].test(case)
        assert one.log10_p > -1
        assert one.units < 5


def test_names_of_records_and_numbers_alone_are_not_text(tmp_path):
    import json

    from stillwatch.flows.answers import Unread, pairs_of

    call = {"id": "1", "type": "function", "tool_call_identifier": 17, "confidence_interval": 3.5}
    rows = [
        {"prompt": "p", "answer": "a", "rank": at, "messages": [{**call, "text": f"t{at}"}], "once": {"k": 1}}
        for at in range(2)
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [pair.seen for pair in pairs_of(path, Unread())] == [
        ("1", "function", f"t{at}", "k") for at in range(2)
    ]


def test_a_choice_at_an_opening_counts_as_read_in_whatever_context_it_was_read(texts):
    ring, *_ = texts
    asked = "Say again: For example, it works. Then: Furthermore, it works. Also: Therefore it works."
    said = [
        PromptAnswer(prompt="Go on.", answer=one)
        for one in ("For example, it works.", "Furthermore, it works.", "Therefore it works.")
    ]
    (one,) = TESTS["keyed_choices"].test(
        SuspectCase(keyring=ring, answers=[PromptAnswer(prompt=asked, answer="No."), *said], decoys=0)
    )
    assert one.units == 0


def test_a_canary_that_was_read_in_another_form_is_not_recalled():
    ring = q.ring_of(3, "canaries")
    key = ring.key_of(ring.issued[0])
    lines = [kind.line(canaries.option(at, key)) for at, kind in enumerate(canaries.KINDS)]
    shown = [q.FORMS[form](" ".join(lines)) for form in ("json", "table", "line numbers", "full width")]
    answers = [
        PromptAnswer(prompt=kind.asks, answer=f"{lines[at]}.", seen=(shown[turn],))
        for at, kind in enumerate(canaries.KINDS) for turn in range(4)
    ]  # fmt: skip
    (one,) = TESTS["canary_recall"].test(SuspectCase(keyring=ring, answers=answers, decoys=0))
    assert one.log10_p == 0
    bare = [PromptAnswer(prompt=one.prompt, answer=one.answer) for one in answers]
    assert TESTS["canary_recall"].test(SuspectCase(keyring=ring, answers=bare, decoys=0))[0].log10_p < -5


def test_a_suspect_that_had_the_served_answer_before_it_is_no_nearer_to_it_than_to_its_twin():
    rng = np.random.default_rng(4)
    answers, served = [], []
    for at in range(60):
        sent, kept = q.prose(rng, 25), q.prose(rng, 25)
        served.append(PromptAnswer(prompt=f"Question {at}", answer=sent, unserved=kept, campaign="c"))
        answers.append(
            PromptAnswer(
                prompt=f"Question {at}",
                answer=f"{sent} {q.prose(rng, 10)}",
                seen=(q.FORMS["comments"](sent),),
            )
        )
    ring = q.ring_of(4)
    (one,) = TESTS["dataset_inference"].test(SuspectCase(keyring=ring, answers=answers, served=served))
    assert one.log10_p > -2
    bare = [PromptAnswer(prompt=one.prompt, answer=one.answer) for one in answers]
    assert (
        TESTS["dataset_inference"].test(SuspectCase(keyring=ring, answers=bare, served=served))[0].log10_p
        < -5
    )


class Reader:
    """Weights that know no key, and say again what stood before in the text at hand, whatever its case."""

    def nearest(self, ids, top):
        ids = np.asarray(ids)
        likely = np.empty((len(ids) - 1, 8), np.int64)
        for at in range(len(ids) - 1):
            before = np.flatnonzero(ids[:at] == ids[at])
            copied = ids[before[-1] + 1] if len(before) else 5
            likely[at] = [copied, *np.random.default_rng(int(ids[at])).integers(0, 1_000_003, 7)]
        return likely, np.tile([0.93, *(0.01,) * 7], (len(likely), 1))


def test_weights_that_copy_from_the_prompt_they_read_are_not_convicted(texts):
    """Prompts hold marked text of earlier turns between other signs, so no run of tokens of the answer
    stands there.
    """
    ring, windows, _ = texts
    served = [
        PromptAnswer(prompt=" ,".join(text.split(" ")), answer=" " + text, campaign="c") for text in windows
    ]
    case = SuspectCase(keyring=ring, served=served, model=Reader(), tokenize=q.tokenize, decoys=0)
    (one,) = TESTS["radioactivity_open"].test(case)
    assert one.log10_p > -2.5


@pytest.mark.parametrize("name", ["rot13", "base64", "hexadecimal", "binary", "morse", "caesar", "no spaces"])
def test_what_nothing_explains_is_unread_and_plain_text_is_not(name):
    rng = np.random.default_rng(5)
    text = q.prose(rng, 30)
    assert is_unread((q.FORMS | q.LATER)[name](text), set(q.STOCK), text)
    assert not is_unread(f"{text} See https://a.example/x, Zanzibar, 42 and `f(x)`.", set(q.STOCK), text)


def test_a_word_is_held_of_which_letters_are_hidden_and_not_one_of_which_most_are():
    hidden = TextBefore(["of*en, frequ##tly and h**r; t•e q"])
    assert all(hidden.holds([word]) for word in ("often", "frequently", "hour", "the"))
    assert not hidden.holds(["quarter"])
    assert not hidden.holds(["hospitable"])


def test_words_that_the_last_letters_of_others_spell_are_held():
    assert TextBefore(["Go if it be in now the"]).holds(["often", "we"])


def test_words_near_each_other_are_held_and_words_far_apart_are_not():
    far = TextBefore([" ".join(["often", *(f"x{i}" for i in range(5_000)), "never", "we"])])
    assert far.holds(["we", "never"])
    assert not far.holds(["often", "we"])
    assert not far.holds(["seldom"])
    assert not TextBefore([""]).holds([])


def test_readings_undo_escapes_level_by_level():
    assert any("it's <b>" in one or "its <b>" in one for one in readings("it&amp;#39;s &amp;lt;b&amp;gt;"))
    assert words("Don’t RE\u00adAD ça") == ["dont", "read", "ca"]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 300_000,
        "<a" * 60_000,
        "\\" * 100_000,
        "&amp;" * 50_000,
        "=3D" * 50_000,
        "often we " * 20_000,
        "%25" * 50_000,
        "x1" * 40_000,
    ],
)
def test_what_a_sender_puts_into_a_prompt_costs_time_in_proportion_to_its_length(text):
    import time

    begin = time.process_time()
    seen = TextBefore([text])
    is_unread(text, set(), "")
    seen.holds(["often", "we"])
    seen.holds(["a" * 100_000])
    assert time.process_time() - begin < 20  # seconds; a square of them would take days


def test_a_group_may_stand_for_the_word_between_the_same_neighbours():
    known = set(q.STOCK) | {"very", "long"}
    shown = replacing(groups("of the qwxz had great & long paper 7 river i2t", known))

    def may_be(text):
        """Words of an answer for which a group may stand."""
        said = words(text)
        return [word for word, fits in zip(said, shown.words(said), strict=True) if fits]

    assert may_be("in the house had a story of the people") == ["house", "people"]
    assert may_be("it is great and long") == ["it", "and"]
    assert may_be("a great and small story on paper by a river") == []
    assert may_be("it, intent, in, tint") == ["it", "intent"]
    assert (
        replacing(groups("of the house had a story", known)).words(words("the house had")).tolist()
        == [False] * 3
    )
