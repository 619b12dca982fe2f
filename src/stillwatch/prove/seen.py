"""Which words of an answer stood, in any form, in the text that the suspect had before it.

A mark in a prompt is our own mark, and an innocent model repeats what it reads. Words, contexts and choices
that the suspect may have read are therefore not counted. Text can be quoted in unlimited ways, so the
comparison keeps only what a form cannot change without hiding it from a reader. Every step errs towards
"was seen", which costs power and causes no false accusation:

* **letters and digits**, folded: case, accents, look-alike letters, styled letters, invisible characters and
  apostrophes are removed;
* **readings**: the text itself, with escapes undone (HTML, URL, JSON, quoted-printable), with tags and
  commands removed, backwards, with digits read as letters;
* **letters without a gap**: re-wrapped, hyphenated, joined and indented text has the same letters in the same
  order;
* **words near each other**, in any order: between them there may be line numbers, names of speakers, tags or
  cells of a table. A word may differ by one letter, or be cut in two with up to half of its letters missing
  between the parts or at its end;
* **initials** of words and of lines, and last letters of words, in order, as a code of ordinary words has
  them;
* **passages**: where much of a stretch of the answer stands in the text in the same order, the whole stretch
  was seen. Single words may have been abbreviated, misspelt, written as signs or in a cipher;
* **aligned letters**: where the letters of three or more successive words can be aligned with letters of the
  text better than chance would do it, or with as many successive groups between spaces, of which each has at
  least half of its word's letters in their order (a quarter with its first or last), these words were seen.
  Letters may be missing, added or exchanged;
* **replaced words**: a word that nothing explains, a sign or a number may stand for any word of the answer
  between the same neighbours; letters with signs or digits among them for every word that has these letters
  in their order (`replacing.py`);
* **unexplained text** (a cipher, base64, a language that no answer is in, a text spelled letter by letter or
  written in invisible characters), from three successive words on, or from a quarter of the answer's letters
  on: the whole answer is left out. A word is explained where it is common, or where other answers use it,
  without having it from their prompts, more often than letters at random would make it.
"""

from __future__ import annotations

import html
import quopri
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from itertools import groupby
from operator import and_
from urllib.parse import unquote

import numba
import numpy as np

from stillwatch.prove.case import PromptAnswer, SuspectCase, Tokens
from stillwatch.prove.replacing import Replacing, TextGroup, replacing
from stillwatch.prove.text.canaries import KINDS
from stillwatch.prove.windows import Windows, contexts_of
from stillwatch.stats.arrays import Bools, Ints, Uints

# size in words of the block in which the words of one context must lie: chosen, so that hundreds of words may
# stand before each of three. Measured: as many windows of real answers are left as with 256
BLOCK_WORDS = 2_048
FUZZY = 4  # least letters of a word that is also matched with one letter different: chosen
# 1 / share of a word's letters that may be missing where it is cut in two: chosen, a reader can still read it
HIDDEN = 2
# the same in a row of words that are shortened, for a word whose first or last letter stands: chosen
CUT = 4
# A passage of an answer repeats the text where this share of the words around a place (`AROUND` on each side)
# stand in the same order in both, with at most `SKIPPED` common words between two of them, and at most
# `APART` words of the text and `APART_SAID` words of the answer from one to the next: chosen. Measured (1,200
# answers of Alpaca): the rule leaves 69.5 % of the windows where 72.9 % were left
REPEATED_SHARE = 0.4
AROUND, SKIPPED, APART, APART_SAID = 6, 1, 10, 5
# least score of letters that count as aligned (1 for each equal pair, -1 for each letter that is exchanged,
# added or missing), and least successive words of the answer that are aligned: chosen
ALIGNED, ALIGNED_WORDS = 10, 3
# most pairs of letters of a text and an answer that are aligned, about two seconds; where there are more,
# every word counts as seen
MAX_PAIRS = 100_000_000
VOWELS = re.compile("[aeiouy]")  # letters that a text in consonants leaves out
MAX_INEXACT_LETTERS = 40  # most letters of a word that is matched inexactly: the time grows with their square
BLOCKS = 8_192  # most blocks of a text; longer texts have larger blocks, which errs towards "was seen"
# least excess of unexplained over explained characters of a stretch that counts as unread: chosen, three or
# four words of a cipher
UNREAD = 24
# 1 / share of an answer's letters that the unexplained characters of a stretch must reach, and of its words
# that the unexplained groups of a text must reach, to count as unread: chosen
CARRIED = 4
LETTERS = 26  # letters of the alphabet
TEACHING = 20_000  # most answers from which explained words are learnt: bounds time
NESTED = 5  # most levels of nested escapes that are undone: chosen
# (least unexplained, of so many) successive groups between spaces that make a text unread: chosen. Of 3,636
# prompts of Alpaca 0.3 % have such a run without being unread for another reason
RUNS = ((3, 3), (4, 6))
LONG_GROUP = 9  # letters of an unexplained word that count as one more word
EDGES = "".join(map(chr, range(33, 48))) + ":;<=>?@[\\]^_`{|}~“”‘’«»–—…•"
# signs or digits between the letters of a group, or digits before them that are no number with its unit
BROKEN = re.compile(
    r"[a-z](?:[0-9]|[^\w\s.,:;/'’()&@=–—-])+[a-z]|\b[0-9]+(?!st\b|nd\b|rd\b|th\b|s\b|[kmc]?[mgl]\b|am\b|pm\b)[a-z]{2}"
)
# Signs at the edge of a word at which punctuation does not stand.
MISPLACED = re.compile(r"^[.!?;,:%)\]}+>|^&=]+[a-z]|[a-z][(\[{<$#@^&=+|>]+$")
BETWEEN = re.compile(r"[\W\d_]+")  # what stands in place of letters
# six successive groups of signs alone, and least different ones of which they are a code: chosen. A rule of a
# table has up to three
OF_SIGNS, SIGNS = re.compile(r"(?:(?<!\S)(?:[^\w\s]|_)+(?:\s+|$)){6,}"), 4
SPELLED = 3  # successive single letters from which they count as a spelled word
ORDINARY = 3  # signs between two words that need no explanation
ENGLISH = frozenset("ai")  # letters that are words: they are not counted as spelled
UNSEEN = frozenset(("Cf", "Cn", "Co", "Cs"))  # Unicode's categories of characters that nobody sees
# Characters that join letters and are hardly seen, as the inside of a character class.
JOINING = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff'’ʼ`´"  # noqa: E501  a pattern or a vocabulary is read whole
# Characters that are words of their own: kana, Han and Hangul.
CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
# A word, which invisible characters may join, or a number.
WORD = re.compile(rf"[{CJK}]|(?:(?![{CJK}])[^\W\d_])+(?:[{JOINING}]+(?:(?![{CJK}])[^\W\d_])+)*|\d+")
INVISIBLE = re.compile(f"[{JOINING}]+")  # characters that join words and are not seen
# An escape of a character, as in JSON, Python or C.
ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{3})|[nrtvfb\\])"
)
PRINTABLE = re.compile(r"=(?:[0-9A-F]{2}|\r?\n)")  # an escape of quoted-printable text
# A tag of HTML or BBCode, a colour of a terminal, or a command of LaTeX.
TAG = re.compile(
    r"<[^<>]{0,300}>|\x1b\[[0-9;]*[A-Za-z]|\[/?[A-Za-z]{1,12}(?:=[^\]\n]{0,60})?\]|\\[A-Za-z]+\*?"
)
DAMAGED = "\ufffd"  # character that stands for bytes that are no text
REPEATED = re.compile(r"(.)\1+")  # a character that stands several times in a row
# A word with digits or signs in place of letters.
MIXED = re.compile(r"[a-z][0134578@$!|]+[a-z]|\b[0134578@$!|][a-z]|[a-z][0134578@$!|]\b")
# Letters that digits and signs stand for, in two readings of 1 and |.
AS_LETTERS = (str.maketrans("0134578@$!|", "oieastbasii"), str.maketrans("0134578@$!|", "oleastbasil"))
# Latin letters for letters of other alphabets that look like them.
LOOK_ALIKE = str.maketrans(
    "аеорсухіјѕһԁԛԝкмтвнαορνικτυχεηıɡøłđħŧ",
    "aeopcyxijshdqwkmtbhaopviktuxenigoldht",
)
# The Latin letter in the Unicode name of a sign.
LETTER = re.compile(r"(?:SMALL|CAPITAL|LETTER|SYMBOL) ([A-Z])$")
# Words common in English questions, always explained; needed where there are few answers. Written by hand.
USUAL = frozenset(
    """
        a about above add after again all also always am an and another answer any are as ask at back be
        because been before being below best better between big both build but by call can case change check
        child code come compare complete consider correct could create day dear describe design detail details
        develop did difference different discuss do does done down draw during each easy end english essay
        even every example examples explain fact few find first five following for four from function game
        general generate get give given go going good great group had has have having he help her here high
        him his home hour house how i idea ideas identify if important in include information instead into is
        issue it its job just keep kind know language last law learn left less let life light like line list
        little live long look made main make man many me mean meaning method might mind money month more most
        move much must my name need never new next night no not now number of off old on once one only open or
        order other our out over own paper paragraph part people person place plan please point possible power
        problem process program project provide put question questions read reason report result return
        rewrite right room run said same say school see sentence sentences set she short should show side
        simple since small so some someone something sort state step steps still story study such suggest sum
        summarize support system take talk tell text than thank thanks that the their them then there these
        they thing things think this those three through time to today together too topic translate true try
        turn two under understand up us use used user using value very want was water way ways we week well
        went were what when where which while who why will with without woman women word words work world
        would write wrong year yes you young your
    """.split()
)
Spoken = tuple[list[str], Ints, Ints]


@lru_cache(1 << 14)
def _letter(sign: str) -> str:
    """The Latin letter named in a sign's Unicode name (small capitals, letters of other scripts), or the
    sign itself.
    """
    found = LETTER.search(unicodedata.name(sign, ""))
    return found.group(1).lower() if found else sign


@lru_cache(1 << 18)
def fold(text: str) -> str:
    """A text in lower case, without accents, invisible characters and apostrophes, with look-alike letters
    as Latin letters.
    """
    if not text.isascii():
        text = "".join(
            sign
            for sign in unicodedata.normalize("NFKD", text)
            if unicodedata.category(sign) not in ("Mn", "Cf")
        )
        text = text.casefold().translate(LOOK_ALIKE)
        text = "".join(sign if sign.isascii() or not sign.isprintable() else _letter(sign) for sign in text)
    return INVISIBLE.sub("", text).lower()


def spoken(text: str) -> Spoken:
    """The folded words of a text, and the offsets at which each begins and ends (exclusive).

    A word is a run of letters, a run of digits, or a single ideograph.
    """
    found = [(fold(match.group()), *match.span()) for match in WORD.finditer(text)]
    places = np.array([one[1:] for one in found], np.int64).reshape(-1, 2)
    return [one[0] for one in found], places[:, 0], places[:, 1]


def words(text: str) -> list[str]:
    """The folded words of a text, in order."""
    return [fold(match.group()) for match in WORD.finditer(text)]


def readings(text: str) -> list[str]:
    """The distinct folded readings of a text: itself, with escapes undone, without markup, backwards, with
    digits as letters.
    """
    some = list(_levels(text))
    some += [TAG.sub("", some[-1]), some[-1][::-1]]
    out = [fold(one) for one in some]
    out += [one.translate(table) for one in out if MIXED.search(one) for table in AS_LETTERS]
    return list(dict.fromkeys(out))


def _levels(text: str) -> Iterator[str]:
    """Yield the text, then the text after each level of escapes is undone."""
    yield text
    for _ in range(NESTED):
        before = text
        if "&" in text:
            text = html.unescape(text)
        if "%" in text:
            text = unquote(text)
        if "\\" in text:
            text = ESCAPE.sub(_sign, text)
        if PRINTABLE.search(text):
            text = quopri.decodestring(text.encode("utf-8", "replace")).decode("utf-8", "replace")
        if text == before:
            return
        yield text


def _sign(found: re.Match[str]) -> str:
    """The character of an escape; a space where it stands for none."""
    *code, octal = found.groups()
    number = next((int(one, 16) for one in code if one), int(octal, 8) if octal else None)
    if number is None:
        return "\\" if found.group() == "\\\\" else " "
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number < 0xE000 else " "


@dataclass(slots=True)
class TextBefore:
    """Text that the suspect had before it when it gave one answer.

    `texts` are read as one, in order: a text may be split over columns, messages or turns. `is_unread`
    says that some of it is unexplained. `blocks` maps each word to the overlapping blocks of about
    `BLOCK_WORDS` words that contain it, as the bits of an integer; `near` does the same for words less
    one letter. `streams` are the letters and digits of each reading, its letters alone, the first, second,
    third and last letters of its words and the initials of its lines, without gaps. `passages` are the words
    of each reading in order, `letters` its letters, `groups` those of its groups between spaces.
    `replacing` are its groups that may stand for other words.
    """

    texts: Sequence[str]
    is_unread: bool = False
    blocks: dict[str, int] = field(default_factory=dict)
    near: dict[str, int] = field(default_factory=dict)
    streams: list[str] = field(default_factory=list)
    passages: list[list[str]] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    groups: list[list[str]] = field(default_factory=list)
    replacing: Replacing = field(default_factory=Replacing)
    _known: dict[str, int] = field(default_factory=dict)
    _held: dict[tuple[str, ...], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        begin = 0
        for reading in readings("\n".join(self.texts)):
            some = words(reading)
            step = max(BLOCK_WORDS // 2, -(-len(some) // BLOCKS))
            for at, word in enumerate(some):
                block = begin + at // step
                self.blocks[word] = self.blocks.get(word, 0) | (3 << block)
            begin += len(some) // step + 3
            self.passages.append(some)
            self.groups.append(
                [one for group in reading.split() if (one := "".join(filter(str.isalpha, group)))]
            )
            self.letters.append("".join(word for word in some if not word.isdigit()))
            first = (word for line in reading.split("\n") for word in words(line)[:1])
            self.streams += [
                "".join(some),
                self.letters[-1],
                *("".join(word[at] for word in some if len(word) > at) for at in range(3)),
                "".join(word[0] for word in first),
                "".join(word[-1] for word in some),
            ]
        self.streams = [one for one in dict.fromkeys(self.streams) if one]
        for word, mask in self.blocks.items():
            for one in _alike(word):
                self.near[one] = self.near.get(one, 0) | mask

    def holds(self, some: Sequence[str]) -> bool:
        """Whether these folded words stood in the text next to or near each other; always true where
        `is_unread`.

        For an empty sequence: whether there was any text.
        """
        if self.is_unread:
            return True
        key = tuple(some)
        if key not in self._held:
            self._held[key] = self._holds(key)
        return self._held[key]

    def _holds(self, some: tuple[str, ...]) -> bool:
        """Whether the words stand in the text near each other, also joined or misspelt."""
        if not some:
            return bool(self.streams)
        letters = "".join(some)
        if len(letters) >= FUZZY and any(letters in stream for stream in self.streams):
            return True
        return bool(reduce(and_, (self._where(word) for word in some)))

    def repeats(self, said: Sequence[str]) -> Bools:
        """For each folded word of an answer, whether it lies in a passage that repeats the text, shape
        (words,); always true where `is_unread`.

        Only the words that text and answer have in common are compared, in their order: a passage in which
        some words were altered beyond recognition still has the others.
        """
        stands = np.full(len(said), self.is_unread)
        if self.is_unread or not said:
            return stands
        mine = set(said)
        for some in self.passages:
            pairs = {
                (some[i], some[j])
                for i, j in _neighbours([i for i, word in enumerate(some) if word in mine], APART)
            }
            common = {one for pair in pairs for one in pair}
            for i, j in _neighbours([i for i, word in enumerate(said) if word in common], APART_SAID):
                if (said[i], said[j]) in pairs:
                    stands[[i, j]] = True
        place = np.arange(len(said))
        until = np.concatenate(([0], np.cumsum(stands)))
        first, last = np.maximum(place - AROUND, 0), np.minimum(place + AROUND + 1, len(said))
        return np.asarray(until[last] - until[first] >= REPEATED_SHARE * (last - first))

    def aligned(self, said: Sequence[str]) -> Bools:
        """For each folded word of an answer, whether its letters are aligned with those of the text (all of
        them, or the consonants alone) or with its groups, or an unexplained group may stand for it, shape
        (words,); always true where `is_unread`.
        """
        size = sum(map(len, said))
        is_long = size * max(map(len, self.streams), default=0) > MAX_PAIRS
        out = np.full(len(said), self.is_unread or is_long)
        if out.all():
            return out
        out |= self.replacing.words(said)
        for some in self.groups:
            out |= _in_groups(*_lettered(said), *_lettered(some))
        for consonants, streams in ((False, self.streams), (True, [*map(_consonants, self.letters)])):
            some = [_consonants(word) if consonants else word for word in said]
            letters, begins = _lettered(some)
            middles = (begins[:-1] + begins[1:]) / 2
            for stream in dict.fromkeys(streams):
                found = _local(letters, _codes(stream))
                for a, b in set(map(tuple, found[found[:, 1] > 0].tolist())):
                    # words of which at least half of the letters lie between a and b
                    first, last = np.searchsorted(middles, a), np.searchsorted(middles, b, "right")
                    if last - first >= ALIGNED_WORDS:
                        out[first:last] = True
        return out

    def _where(self, word: str) -> int:
        """Bits of the blocks of the text in which a word stands, also in similar spelling."""
        if word not in self._known:
            mask = self.blocks.get(word, 0)
            some = _alike(word)
            for one in some:
                mask |= self.near.get(one, 0)
            for cut in range(1, len(word) if len(word) <= MAX_INEXACT_LETTERS else 1):
                first = self.blocks.get(word[:cut], 0)
                for lost in range(min(max(len(word) // HIDDEN, 1), len(word) - cut - 1) + 1) if first else ():
                    mask |= first & self.blocks.get(word[cut + lost :], 0)
                if cut >= max(FUZZY, len(word) - len(word) // HIDDEN):
                    mask |= first
            self._known[word] = mask
        return self._known[word]


def _consonants(text: str) -> str:
    """A folded text without its vowels."""
    return VOWELS.sub("", text)


def _codes(text: str) -> Uints:
    """The characters of a text as numbers."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _lettered(some: Sequence[str]) -> tuple[Uints, Ints]:
    """The characters of words as numbers, and where each word begins, with the end of the last."""
    return _codes("".join(some)), np.concatenate(([0], np.cumsum([len(word) for word in some]))).astype(
        np.int64
    )


@numba.njit(cache=True, nogil=True)
def _in_groups(said, begins, seen, begun):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # as above
    """For each word of an answer, whether it is one of `ALIGNED_WORDS` successive words that may be read from
    successive groups of a text: of a word and its group the longer has all letters of the shorter in their
    order, and at most `HIDDEN` times as many, or `CUT` times where both begin or end with the same letter.
    """
    n, m = len(begins) - 1, len(begun) - 1
    out = np.zeros(n, np.bool_)
    run = np.zeros(m + 1, np.int64)  # of words that may be read, ending at this one and at each group
    for i in range(n):
        long = begins[i + 1] - begins[i]
        before = 0
        for j in range(m):
            size = begun[j + 1] - begun[j]
            is_cut = said[begins[i]] == seen[begun[j]] or said[begins[i + 1] - 1] == seen[begun[j + 1] - 1]
            times = CUT if is_cut else HIDDEN
            fits = size <= times * long and long <= times * size
            if fits:
                at, end, of, until = begins[i], begins[i + 1], begun[j], begun[j + 1]
                if size <= long:  # letters of the group in the word
                    while of < until and at < end:
                        of += seen[of] == said[at]
                        at += 1
                    fits = of == until
                else:
                    while at < end and of < until:
                        at += seen[of] == said[at]
                        of += 1
                    fits = at == end
            before, run[j + 1] = run[j + 1], before + 1 if fits else 0
            if run[j + 1] >= ALIGNED_WORDS:
                out[i - ALIGNED_WORDS + 1 : i + 1] = True
    return out


@numba.njit(cache=True, nogil=True)
def _local(said, seen):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled; types are inferred by numba
    """Best local alignment that ends at each letter of an answer: its beginning and its end (exclusive) where
    it scores `ALIGNED` or more, else two zeros (Smith and Waterman 1981).
    """
    n, m = len(said), len(seen)
    score, begin = np.zeros(m + 1, np.int32), np.zeros(m + 1, np.int32)
    out = np.zeros((n, 2), np.int64)
    for i in range(n):
        diagonal, begun = 0, i  # of the letter before, in both texts
        best = 0
        for j in range(1, m + 1):
            up, of_up = score[j], begin[j]
            if up == 0:
                of_up = i
            new, start = diagonal + (1 if said[i] == seen[j - 1] else -1), begun
            if up - 1 > new:
                new, start = up - 1, of_up
            if score[j - 1] - 1 > new:
                new, start = score[j - 1] - 1, begin[j - 1]
            if new <= 0:
                new, start = 0, i + 1
            diagonal, begun = up, of_up
            score[j], begin[j] = new, start
            if new >= ALIGNED and new > best:
                best = new
                out[i, 0], out[i, 1] = start, i + 1
    return out


def _neighbours(places: Sequence[int], apart: int) -> Iterator[tuple[int, int]]:
    """Yield pairs of ascending places, at most `apart` apart and with at most `SKIPPED` of them between."""
    for step in range(1, SKIPPED + 2):
        yield from ((i, j) for i, j in zip(places, places[step:], strict=False) if j - i <= apart)


def _alike(word: str) -> list[str]:
    """The word, and the word less each one of its letters; two words that differ by one letter share an
    entry.

    Empty for words of fewer than `FUZZY` or more than `MAX_INEXACT_LETTERS` letters.
    """
    if not FUZZY <= len(word) <= MAX_INEXACT_LETTERS:
        return []
    return [word, *(word[:at] + word[at + 1 :] for at in range(len(word)))]


def explained(pairs: Iterable[PromptAnswer]) -> set[str]:
    """Folded words that at least two answers use without having them from their own prompts, and that more
    answers use than would use a given word of as many letters if their words were letters at random.

    Among many answers every two or three letters occur somewhere, and would explain words of which letters
    were left out.
    """
    times: Counter[str] = Counter()
    for pair in pairs:
        times.update(set(words(pair.answer)).difference(*map(words, pair.read)))
    every = times.total()
    return {word for word, number in times.items() if number > max(1.0, every / LETTERS ** len(word))}


def is_unread(text: str, known: set[str], answer: str) -> bool:
    """Whether a stretch of the text is unexplained, so that it may contain anything.

    A stretch is unexplained where the characters of its unknown words, digits and signs exceed those of its
    known words by `UNREAD`, or by a quarter (`CARRIED`) of the letters of the answer to it, or where
    characters were lost in decoding. The whole text is unexplained where it has so many letters that stand
    alone, a quarter as many unexplained groups between spaces as the answer has words, `UNREAD` characters
    in invisible ones, a run of unexplained groups (`RUNS`) or a code of signs. Escapes are undone first; tags
    are not removed, since they may contain the text. `known` are folded words.
    """
    said = words(answer)
    most_read = min(UNREAD, max(1, sum(map(len, said)) / CARRIED))
    *_, text = _levels(text)
    if DAMAGED in text or _invisible(text) >= UNREAD:
        return True
    text = fold(text)
    if any(len(set(found.group().split())) >= SIGNS for found in OF_SIGNS.finditer(text)):
        return True
    odd = [group.odd for group in groups(text, known) if group.words]
    if sum(odd) >= max(1, len(said) / CARRIED) or any(
        sum(odd[at : at + among]) >= least
        for least, among in RUNS
        for at in range(max(len(odd) - among, 0) + 1)
    ):
        return True
    level = most = end = alone = 0
    letters = 0  # single letters so far, one after the other
    for match in WORD.finditer(text):
        level += _odd(text[end : match.start()])
        word, end = match.group(), match.end()
        letters = letters + 1 if len(word) == 1 and "a" <= word <= "z" else 0
        alone += letters > 0 and word not in ENGLISH
        if letters:  # one or two are initials or a list; more are a word that was spelled
            level += SPELLED if letters == SPELLED else 1 if letters > SPELLED else 0
        elif word.isdigit() or word not in known:
            level += len(word)
        else:
            level = max(level - len(word), 0)
        most = max(most, level)
    return max(most, level + _odd(text[end:]), alone) >= most_read


def groups(text: str, known: set[str]) -> list[TextGroup]:
    """The groups between spaces of a folded text."""
    out = []
    for group in text.split():
        some = [word for word in WORD.findall(group) if not word.isdigit()]
        is_broken = BROKEN.search(group.strip(EDGES)) is not None
        parts = tuple(BETWEEN.split(group)) if is_broken or MISPLACED.search(group) else ()
        if some and (parts or any(word not in known and word not in ENGLISH for word in some)):
            size = len(group) if is_broken else max(map(len, some))
            out.append(TextGroup(some, max(1, size // LONG_GROUP), parts))
        else:
            out.append(TextGroup(some))
    return out


def _invisible(text: str) -> int:
    """Characters of text that invisible characters may carry: one each where they follow one another, one bit
    each where they stand alone.
    """
    if text.isascii():
        return 0
    runs = [len(list(run)) for hidden, run in groupby(text, _is_unseen) if hidden]
    return sum(runs) - len(runs) + len(runs) // 8


@lru_cache(1 << 14)
def _is_unseen(sign: str) -> bool:
    """Whether a character is invisible: a control or private one, or a variation selector."""
    return unicodedata.category(sign) in UNSEEN or "VARIATION SELECTOR" in unicodedata.name(sign, "")


def _odd(between: str) -> int:
    """Number of signs between two words beyond `ORDINARY`; a repeated sign counts once."""
    return max(len(REPEATED.sub(r"\1", "".join(between.split()))) - ORDINARY, 0)


def own(case: SuspectCase, pairs: Sequence[PromptAnswer]) -> Iterator[TextBefore]:
    """Yield for each pair the text that the answering model had before it."""
    teaching = [*case.answers[:TEACHING], *case.served[:TEACHING]]
    known = explained(teaching).union(USUAL, *(words(kind.asks) for kind in KINDS))
    for pair in pairs:
        text = "\n".join(pair.read)
        *_, last = _levels(text)
        yield TextBefore(
            pair.read,
            is_unread=is_unread(text, known, pair.answer),
            replacing=replacing(groups(fold(last), known)),
        )


def contexts_held(said: Spoken, tokens: Tokens, width: int, seen: TextBefore) -> Bools:
    """For each window of an answer's tokens, whether the words of its context stood in what was seen, or lie
    in a passage that repeats it, shape (windows,).

    For a context that contains signs only, the word after it decides.
    """
    first, last = _touched(said, tokens, width, 0)
    _, after = _touched(said, tokens, width, 1)
    again, aligned = seen.repeats(said[0]), seen.aligned(said[0])
    return np.array(
        [
            again[a:c].any()
            or seen.holds([said[0][at] for at in range(a, b if b > a else c) if not aligned[at]])
            for a, b, c in zip(first, last, after, strict=True)
        ],
        bool,
    )


def repeated(said: Spoken, tokens: Tokens, width: int, seen: TextBefore) -> Bools:
    """For each window of an answer's tokens, whether the words of its context stood in what was seen or
    earlier in the answer, or lie in a passage that repeats what was seen, shape (windows,).
    """
    first, last = _touched(said, tokens, width, 0)
    met: dict[tuple[str, ...], int] = {}  # first place of the words; several contexts may lie within one word
    again, aligned = seen.repeats(said[0]), seen.aligned(said[0])
    out = np.zeros(len(first), bool)
    for at, (a, b) in enumerate(zip(first, last, strict=True)):
        some = tuple(said[0][a:b])
        out[at] = (
            met.setdefault(some, a) != a
            or again[a:b].any()
            or (b > a and seen.holds([said[0][i] for i in range(a, b) if not aligned[i]]))
            or seen.holds(some)
        )
    return out


def _touched(said: Spoken, tokens: Tokens, width: int, more: int) -> tuple[list[int], list[int]]:
    """For each window, the range of words that its context and `more` following tokens touch: first, and
    last (exclusive).
    """
    _, begins, ends = said
    number = max(len(tokens.ids) - width, 0)
    left = np.asarray(tokens.starts[:number], np.int64)
    right = np.asarray(tokens.ends[width - 1 + more : width - 1 + more + number], np.int64)
    first = np.searchsorted(ends, left, "right")
    return first.tolist(), np.maximum(np.searchsorted(begins, right, "left"), first).tolist()


def followed(texts: Iterable[str], forms: Mapping[tuple[str, ...], int]) -> set[tuple[int, str]]:
    """Which of some runs of words occur in the texts, as pairs of a run's number and the word before it
    ("" at the beginning).

    `forms` maps runs of folded words to numbers. Every reading of a text is searched (`readings`).
    """
    longest = max(map(len, forms), default=0)
    out = set()
    for text in dict.fromkeys(texts):
        for reading in readings(text):
            some = words(reading)
            for at in range(len(some)):
                for length in range(1, longest + 1):
                    if (number := forms.get(tuple(some[at : at + length]))) is not None:
                        out.add((number, some[at - 1] if at else ""))
    return out


@dataclass(slots=True)
class Elsewhere:
    """Runs of words in the texts that the suspect had before any of its answers."""

    texts: Iterable[str]
    _names: dict[str, int] = field(default_factory=dict)
    _runs: dict[int, Uints] = field(default_factory=dict)
    _ids: list[Ints] = field(default_factory=list)

    def __post_init__(self) -> None:
        for text in dict.fromkeys(self.texts):
            for reading in readings(text):
                some = [self._names.setdefault(word, len(self._names)) for word in words(reading)]
                self._ids.append(np.array(some, np.int64))

    def windows_held(self, said: Spoken, tokens: Tokens, width: int) -> Bools:
        """For each window of an answer's tokens, whether its words occur in these texts in succession,
        shape (windows,).
        """
        first, last = (np.array(some, np.int64) for some in _touched(said, tokens, width, 1))
        ids = np.array([self._names.get(word, -1) for word in said[0]], np.int64)
        out = np.zeros(len(first), bool)
        for length in np.unique(last - first).tolist():
            if length:
                here = np.flatnonzero(last - first == length)
                some = ids[first[here, None] + np.arange(length)]
                held, names = self._of(length), _names_of(some)
                at = np.minimum(np.searchsorted(held, names), max(len(held) - 1, 0))
                out[here] = held[at] == names if len(held) else False
        return out

    def _of(self, length: int) -> Uints:
        """Digests of all runs of `length` tokens, sorted."""
        if length not in self._runs:
            some = [
                np.lib.stride_tricks.sliding_window_view(ids, length)
                for ids in self._ids
                if len(ids) >= length
            ]
            runs = np.concatenate(some) if some else np.empty((0, length), np.int64)
            self._runs[length] = np.unique(_names_of(runs))
        return self._runs[length]


def _names_of(runs: Ints) -> Uints:
    """Digest of each run of tokens, shape (n,)."""
    return contexts_of(Windows(runs, np.zeros(len(runs), np.int64)))
