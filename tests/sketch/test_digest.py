import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.sketch import digest as digests
from stillwatch.sketch.digest import BANDS, HEAD, MAX_PHRASES, TAIL, digest

KEY = 0x0123456789ABCDEF
TEXTS = [
    "",
    "Hello",
    "  hello\n",
    "Write a Python function that returns the 17 largest primes below 1,000.",
    "Write a Python function that returns the 3 largest primes below 50.",
    'Translate "good morning" into German, see https://example.org/a?b=c for the tone.',
    "```python\nprint(1)\n``` What does this print?",
    "请用中文解释相对论的基本思想。",
    "naïve Überprüfung 'don't' — ok",
    "a" * 20_000,
    "\x00\x01 odd \x7f bytes",
]


def of(*texts, key=KEY):
    return digest(pa.array(texts, pa.string()), key)


def phrases(marks, row):
    return set(marks.phrases[marks.phrase_offsets[row] : marks.phrase_offsets[row + 1]].tolist())


def test_the_digests_of_fixed_texts_never_change(golden):
    marks = of(*TEXTS)
    rows = [
        {
            "text": text[:60],
            "text_key": f"{marks.text_key[i]:016x}",
            "prompt_key": f"{marks.prompt_key[i]:016x}",
            "opening_key": f"{marks.opening_key[i]:016x}",
            "bands": [f"{b:016x}" for b in marks.bands[i]],
            "phrases": sorted(f"{p:016x}" for p in phrases(marks, i)),
            "words": int(marks.words[i]),
        }
        for i, text in enumerate(TEXTS)
    ]
    golden("golden/digests.json", json.dumps(rows, indent=1, ensure_ascii=True) + "\n")


def test_case_and_white_space_do_not_change_the_text_key_and_anything_else_does():
    marks = of("Solve  x+1 = 2\n", "solve x+1=2", "solve x+1=3")
    assert marks.text_key[0] == marks.text_key[1] != marks.text_key[2]


def test_prompts_that_differ_in_their_slots_have_one_prompt_key():
    marks = of(TEXTS[3], TEXTS[4], "Write a Rust function that returns the 3 largest primes below 50.")
    assert marks.prompt_key[0] == marks.prompt_key[1] != marks.prompt_key[2]


def test_a_key_changes_every_digest():
    one, other = of(*TEXTS[1:]), of(*TEXTS[1:], key=KEY + 1)
    assert not (one.text_key == other.text_key).any()
    assert not (one.prompt_key == other.prompt_key).any()
    assert not set(one.phrases.tolist()) & set(other.phrases.tolist())


def test_an_empty_and_a_missing_prompt_have_no_digest():
    marks = of("", None, "   ")
    assert marks.words.tolist() == [0, 0, 0]
    assert marks.text_key[:2].tolist() == [0, 0]
    assert len(marks.phrases) == 0


TEMPLATE = (
    "you are an expert who must think step by step and write down every intermediate thought before "
    "the answer"
)
WORDS = st.lists(st.text("abcdefghij", min_size=2, max_size=7), max_size=40)


@settings(max_examples=200, deadline=None)
@given(before=WORDS, after=WORDS, other=WORDS)
def test_a_template_is_seen_wherever_it_stands(before, after, other):
    marks = of(" ".join([*before, TEMPLATE, *after]), " ".join([*other, TEMPLATE]))
    assert phrases(marks, 0) & phrases(marks, 1)


@pytest.mark.parametrize(
    ("kept", "least", "most"), [(1.0, 1.0, 1.0), (0.95, 0.9, 1.0), (0.8, 0.15, 0.75), (0.0, 0.0, 0.01)]
)
def test_bands_collide_as_often_as_similarity_says(kept, least, most):
    rng = np.random.default_rng(7)
    lexicon = np.array(["".join(rng.choice(list("abcdefghijklmnop"), 6)) for _ in range(5000)])
    hits = 0
    for _ in range(300):
        words = rng.choice(lexicon, 80)
        changed = np.where(np.arange(80) < 80 * kept, words, rng.choice(lexicon, 80))
        marks = of(" ".join(words), " ".join(changed))
        hits += bool((marks.bands[0] == marks.bands[1]).any())
    assert least <= hits / 300 <= most


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(max_size=300), min_size=1, max_size=8))
def test_any_text_has_digests_that_do_not_depend_on_its_neighbours(texts):
    together = of(*texts)
    for row, text in enumerate(texts):
        alone = of(text)
        assert alone.text_key[0] == together.text_key[row]
        assert (alone.bands[0] == together.bands[row]).all()
        assert phrases(alone, 0) == phrases(together, row)
        assert len(phrases(alone, 0)) <= MAX_PHRASES


def test_a_slice_of_an_array_is_read_at_its_own_place():
    texts = pa.array(["one two three", "four five six", "seven eight nine"])
    assert digest(texts.slice(1, 1), KEY).text_key[0] == of("four five six").text_key[0]


def test_a_megabyte_costs_no_more_than_its_ends():
    long = "word " * 200_000
    marks = of(long + "the end of it", "x" + long[1:] + "another end")
    assert marks.words[0] <= 2048
    assert marks.bands.shape == (2, BANDS)
    assert marks.text_key[0] != marks.text_key[1]


@pytest.mark.issue(4)
def test_many_rows_on_many_cores_are_digested_as_one_by_one(monkeypatch):
    texts = pa.array([f"word {n} and some more words of text {'x' * (n % 50)} {n * 7}" for n in range(9000)])
    monkeypatch.setattr(digests, "CORES", 3)
    many = digest(texts, 5)
    monkeypatch.setattr(digests, "CORES", 1)
    one = digest(texts, 5)
    for name in ("text_key", "prompt_key", "opening_key", "bands", "phrases", "phrase_offsets", "words"):
        assert np.array_equal(getattr(many, name), getattr(one, name))


@pytest.mark.issue(4)
def test_long_texts_without_spaces_are_not_alike_for_being_cut_inside_a_character():
    signs = np.random.default_rng(1).integers(0x4E00, 0x9F00, (2, 5000))
    one, other = ("".join(map(chr, row)) for row in signs.tolist())
    assert HEAD % 3 != 0
    marks = of(one, other)
    assert not phrases(marks, 0) & phrases(marks, 1)
    assert marks.words.max() <= (HEAD + TAIL) // 3 + 2


SIPHASH = {
    0: "310e0edd47db6f72", 1: "fd67dc93c539f874", 2: "5a4fa9d909806c0d", 3: "2d7efbd796666785",
    4: "b7877127e09427cf", 5: "8da699cd64557618", 6: "cee3fe586e46c9cb", 7: "37d1018bf50002ab",
    8: "6224939a79f5f593", 15: "e545be4961ca29a1",
}  # fmt: skip


@pytest.mark.issue(21)
@pytest.mark.parametrize("length", SIPHASH)
def test_the_published_vectors_of_siphash_2_4(length):
    """Key 00 01 ... 0f, messages of the bytes 00, 01, ... (Aumasson and Bernstein's reference
    implementation).
    """
    low, high = np.frombuffer(bytes(range(16)), "<u8")
    data = np.arange(64, dtype=np.uint8)
    told = digests.digest_loops.sip_hash(data, 0, length, low, high)
    assert int(told).to_bytes(8, "little").hex() == SIPHASH[length]


@pytest.mark.issue(21)
@given(st.lists(st.binary(max_size=70), max_size=8), st.binary(min_size=16, max_size=16))
def test_names_have_digests_of_their_very_bytes_under_the_key(names, key):
    told = digests.name_keys(
        pa.array(names, pa.binary()).cast(pa.large_binary()).view(pa.large_string()), key
    )
    assert len(set(told.tolist())) == len(set(names))
    assert [value == 0 for value in told.tolist()] == [name == b"" for name in names]
