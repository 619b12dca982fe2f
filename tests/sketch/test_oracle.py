"""The compiled sketches against the same rules written out slowly, byte by byte and without a trick."""

import random
import re

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.sketch import capability
from stillwatch.sketch.capability import classify_array
from stillwatch.sketch.digest import HEAD, MAX_PHRASES, MAX_WORDS, TAIL, digest

KEY = 0x0123456789ABCDEF
FULL = 2**64 - 1
M1, M2, M3 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
NUMBER, QUOTE, CODE, LINK = 11, 12, 13, 14
PIECES = [
    "the",
    "Quick",
    "BROWN",
    "don't",
    "'tis",
    "rock'n'roll'",
    "naïve",
    "Über",
    "请用中文",
    "한글",
    "—",
    "😀",
    "a1b2",
    "12ab",
    "3,000.5",
    "7.",
    ".5",
    "1,",
    "http://x.org/a?b=c",
    "https://",
    "HTTP://Y",
    "hxyz://q",
    "httpss://",
    "abcd:",
    "http:/",
    '"',
    '"a b"',
    '"1\n',
    '"' + "x y " * 60 + '"',
    "`",
    "``",
    "```",
    "```py\nprint(1)```",
    "````",
    "()",
    "(",
    ";",
    ";\n",
    "_",
    "<tag>",
    "</b>",
    "a<b",
    "\n",
    "\t ",
    ". ",
    ", ",
    "\x00",
    "\x7f",
    "ha ha ha ha ha ha ha ha ha ha",
    "x" * 17,
]
CUT = [
    b"\xe3",
    b"a\xe3\x81",
    b"\xed\x95",
    b"``",
    b'"',
    b"it'",
    b"http:/",
    b"5.",
    b"(",
    b";",
    b"\xff\xfe",
    b"\x80",
]


def mix(x):
    x = (x ^ (x >> 30)) * M2 & FULL
    x = (x ^ (x >> 27)) * M3 & FULL
    return x ^ (x >> 31)


def lower(c):
    return c + 32 if 65 <= c <= 90 else c


def lead(c):
    return 0xE3 <= c <= 0xED


def masked_words(text, key, room):
    """Digests of at most `room` words of `text`, slots masked."""
    words, i = [], 0
    while i < len(text) and len(words) < room:
        c = text[i]
        if lead(c):
            if i + 2 >= len(text):  # a character that is cut off is no word
                break
            words.append(mix((key ^ (c << 32 | text[i + 1] << 8 | text[i + 2])) * M1 & FULL))
            i += 3
        elif found := re.match(rb"[A-Za-z\x80-\xe2\xee-\xff][A-Za-z\x80-\xe2\xee-\xff']*", text[i:]):
            word = found[0]
            i += len(word)
            h = key
            for byte in word:
                h = (h ^ lower(byte)) * M1 & FULL
            if len(word) in (4, 5) and text[i : i + 3] == b"://" and word[:1] in b"hH":
                h = key ^ LINK
                i += len(re.match(rb"[^\x00-\x20]*", text[i:])[0])
            words.append(mix(h))
        elif found := re.match(rb"[0-9][0-9.,]*", text[i:]):
            words.append(mix(key ^ NUMBER))
            i += len(found[0])
        elif text[i : i + 3] == b"```":
            end = text.find(b"```", i + 3)
            words.append(mix(key ^ CODE))
            i = len(text) if end < 0 else end + 3
        elif found := re.match(rb'"[^"\n]{0,198}"', text[i:]):
            words.append(mix(key ^ QUOTE))
            i += len(found[0])
        else:
            i += 1
    return words


def chain(h, words, shift):
    for word in words:
        h = (h ^ word) * M1 & FULL
        h ^= h >> shift
    return h


def rightmost_least(shingles):
    """Of each window of six, the rightmost least; one that several windows share counts once."""
    places = []
    for w in range(max(1, len(shingles) - 5)):
        window = range(w, min(w + 6, len(shingles)))
        best = min(window, key=lambda j: (shingles[j], -j))
        if best not in places[-1:]:
            places.append(best)
    return [shingles[j] for j in places]


def obvious(text, key):
    """All digests of one prompt."""
    marks = {"text_key": mix(chain(key, [lower(c) for c in text if c > 32], 31)) if text else 0}
    if len(text) <= HEAD + TAIL:
        words = masked_words(text, key, MAX_WORDS)
    else:
        words = masked_words(text[:HEAD], key, MAX_WORDS)
        words += masked_words(text[-TAIL:], key, MAX_WORDS - len(words))
    marks["words"] = len(words)
    if not words:
        return marks | {"prompt_key": 0, "opening_key": 0, "bands": [0] * 4, "phrases": []}
    marks["prompt_key"] = mix(chain(key, words, 32))
    marks["opening_key"] = mix(chain(key, words[:12], 32))
    threes = [
        mix((a * M1 + b * M2 + c * M3) & FULL)
        for a, b, c in zip(words, words[1:], words[2:], strict=False)
    ] or words[:1]  # fmt: skip
    marks["bands"] = []
    for band in range(4):
        h = key + band
        for m in range(3 * band + 1, 3 * band + 4):
            salted = {(x ^ (m * M2 & FULL)) * M1 & FULL for x in threes}
            h = mix(h ^ min(y ^ (y >> 32) for y in salted))
        marks["bands"].append(h)
    shingles = []
    for w in range(max(1, len(words) - 3)):
        h = key ^ 77
        for word in words[w : w + 4]:
            h = mix((h ^ word) * M1 & FULL)
        shingles.append(h)
    chosen = rightmost_least(shingles)
    marks["phrases"] = chosen if len(chosen) <= MAX_PHRASES else sorted(chosen)[:MAX_PHRASES]
    return marks


def plain_words(text, room):
    """Digests of the words that the model of capabilities reads, at most `room`."""
    words, i = [], 0
    while i < len(text) and len(words) < room:
        h, begin = 0xCBF29CE484222325, i
        if re.match(rb"[A-Za-z\x80-\xff_<]", text[i:]):
            while i < len(text) and (re.match(rb"[A-Za-z\x80-\xff_']", text[i:]) or (i == begin)):
                taken = 3 if lead(text[i]) and i + 2 < len(text) else 1
                for byte in text[i : i + taken]:
                    h = (h ^ (lower(byte) if taken == 1 else byte)) * 0x100000001B3 & FULL
                i += taken
                if taken == 3:
                    break
        elif found := re.match(rb"[0-9][0-9.,]*", text[i:]):
            h, i = h ^ 1, i + len(found[0])
        elif text[i : i + 3] == b"```":
            h, i = h ^ 2, i + 3
        elif re.match(rb"\(\)|;[\x00-\x20]", text[i:]):
            h, i = h ^ 3, i + 2
        else:
            i += 1
            continue
        words.append(h ^ (h >> 32))
    return words


def obvious_class(text):
    """What `classify_array` answers for one prompt; sums are of float32, in the order of the words."""
    weights, bias, coercion, threshold = capability.model()
    if len(text) <= capability.HEAD + capability.TAIL:
        words = plain_words(text, capability.MAX_WORDS)
    else:
        words = plain_words(text[: capability.HEAD], capability.MAX_WORDS - 160)
        words += plain_words(text[-capability.TAIL :], capability.MAX_WORDS - len(words))
    if not words:
        return capability.OTHER
    scores, running, before = np.zeros(len(bias), np.float32), [np.float32(0)], 0
    for word in words:
        pair = before * M1 & FULL ^ word
        one, two = word % capability.BUCKETS, (pair ^ (pair >> 32)) % capability.BUCKETS
        scores = scores + (weights[one] + weights[two])
        running.append(running[-1] + coercion[one] + coercion[two])
        before = word
    width = min(len(words), capability.WINDOW)
    reach = max(running[w] - running[w - width] for w in range(width, len(running)))
    if reach * np.float32(1 / np.sqrt(2.0 * width)) > np.float32(threshold):
        return capability.REASONING | capability.COERCION
    return int(np.argmax(scores * np.float32(1 / np.sqrt(2.0 * len(words))) + bias))


def odd_texts(rng):
    """Bytes that no person would type: every piece beside every other, and texts cut in the middle of a
    character.
    """
    for length in (0, 1, 2, 3, 4, 5, 6, 9, 12, 30):
        for _ in range(25):
            text = rng.choice(["", " "]).join(rng.choices(PIECES, k=length)).encode()
            yield text + (rng.choice(CUT) if rng.random() < 0.3 else b"")
    for length in (1, 7, 8, 9, 63, 64, 65, 300):
        yield from (bytes(rng.choices(b"ab'`\"0.,:/h \xe3\x81\xeeZ_<;()", k=length)) for _ in range(4))
        yield from (rng.randbytes(length) for _ in range(2))
    yield " ".join(rng.choices(PIECES, k=400)).encode()
    yield b"".join(b"w%d " % (n % 90) for n in range(HEAD)).replace(b"1", b"a")[: HEAD + TAIL + 1]
    yield ("请" * 5000).encode()


@pytest.fixture(scope="module")
def texts():
    return list(odd_texts(random.Random(11)))


@pytest.fixture(scope="module")
def column(texts):
    """The texts as one Arrow column, side by side, valid as UTF-8 or not."""
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    data = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.large_string(), len(texts), data)


def test_digests_are_those_of_the_slow_rules(texts, column):
    marks = digest(column, KEY, cores=1)
    for row, text in enumerate(texts):
        found = {
            n: getattr(marks, n)[row].tolist()
            for n in ("text_key", "words", "prompt_key", "opening_key", "bands")
        }
        found["phrases"] = marks.phrases[marks.phrase_offsets[row] : marks.phrase_offsets[row + 1]].tolist()
        assert found == obvious(text, KEY), text[:80]


def test_classes_are_those_of_the_slow_rules(texts, column):
    for text, found in zip(texts, classify_array(column), strict=True):
        assert found == obvious_class(text), text[:80]
