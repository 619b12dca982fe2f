"""Which words of an answer stood in what the suspect saw, whatever their form?

A mark in a prompt is a mark of ours, and an innocent model repeats what it reads. So a word, a context or a
choice that the suspect may have read is not counted. Forms of quoting have no end, so the comparison keeps of
a text only what a form cannot change without hiding it from a reader, and every step errs towards "was seen",
which costs power and convicts nobody:

* **letters and digits**, folded: case, accents, look-alike letters, styled letters, invisible characters and
  apostrophes are removed;
* **readings**: as it stands, with escapes undone (HTML, URL, JSON, quoted-printable), with tags and commands
  removed, backwards, with digits read as letters;
* **letters without a gap**: re-wrapped, hyphenated, joined and indented text has the same letters in the same
  order;
* **words near each other**, in any order: between them there may be line numbers, names of speakers, tags or
  cells of a table. A word may differ by one letter, or be cut in two, with half of its letters hidden in
  between;
* **text that nothing explains** (a cipher, base64, a language that no answer is in): the whole row is left
  out. Explained is a word that is common, or that other answers use without having it from their prompts.
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
from operator import and_
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from stillwatch.prove.case import Case, Pair, Tokens
from stillwatch.prove.text.canaries import KINDS
from stillwatch.prove.windows import Windows, contexts_of

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
# words among which the words of one context are sought: chosen, twenty words of markup for each of three
NEAR = 64
FUZZY = 4  # letters from which on a word may differ by one letter: chosen
# of a word's letters, one in so many may be hidden by signs within it: chosen, what a reader still reads
HIDDEN = 2
LONGEST = 40  # letters up to which it may: the comparison takes their square
BLOCKS = 8_192  # blocks of a text; of a longer one the blocks are larger, which errs towards "was seen"
# characters that nothing explains beyond those explained: chosen, three or four words of a cipher
UNREAD = 24
TEACHING = 20_000  # answers from which explained words are learnt: bounds time
NESTED = 5  # escapes within escapes that are undone: chosen
SPELLED = 3  # single letters one after the other that are one word
ORDINARY = 3  # signs between two words that need no explanation
JOINING = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff'’ʼ`´"  # noqa: E501  a pattern or a vocabulary is read whole
CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
WORD = re.compile(rf"[{CJK}]|(?:(?![{CJK}])[^\W\d_])+(?:[{JOINING}]+(?:(?![{CJK}])[^\W\d_])+)*|\d+")
INVISIBLE = re.compile(f"[{JOINING}]+")
ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{3})|[nrtvfb\\])"
)
PRINTABLE = re.compile(r"=(?:[0-9A-F]{2}|\r?\n)")
TAG = re.compile(
    r"<[^<>]{0,300}>|\x1b\[[0-9;]*[A-Za-z]|\[/?[A-Za-z]{1,12}(?:=[^\]\n]{0,60})?\]|\\[A-Za-z]+\*?"
)
DAMAGED = "\ufffd"
REPEATED = re.compile(r"(.)\1+")
MIXED = re.compile(r"[a-z][0134578@$!|]+[a-z]|\b[0134578@$!|][a-z]|[a-z][0134578@$!|]\b")
AS_LETTERS = (str.maketrans("0134578@$!|", "oieastbasii"), str.maketrans("0134578@$!|", "oleastbasil"))
LOOK_ALIKE = str.maketrans(
    "аеорсухіјѕһԁԛԝкмтвнαορνικτυχεηıɡøłđħŧ",
    "aeopcyxijshdqwkmtbhaopviktuxenigoldht",
)
LETTER = re.compile(r"(?:SMALL|CAPITAL|LETTER|SYMBOL) ([A-Z])$")
# Common in English questions, so that few answers teach enough: written by hand.
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
    """The Latin letter that a sign is by its Unicode name (small capitals, letters of other scripts), or
    the sign.
    """
    found = LETTER.search(unicodedata.name(sign, ""))
    return found.group(1).lower() if found else sign


@lru_cache(1 << 18)
def fold(text: str) -> str:
    """A text in lower case without accents, invisible characters and apostrophes, with look-alikes as
    Latin letters.
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
    """The words of a text, folded, and where each begins and ends; runs of letters, runs of digits, and
    single ideographs.
    """
    found = [(fold(match.group()), *match.span()) for match in WORD.finditer(text)]
    places = np.array([one[1:] for one in found], np.int64).reshape(-1, 2)
    return [one[0] for one in found], places[:, 0], places[:, 1]


def words(text: str) -> list[str]:
    """The words of a text, folded."""
    return [fold(match.group()) for match in WORD.finditer(text)]


def readings(text: str) -> list[str]:
    """What a reader may take a text for, folded: as it stands, without escapes, without markup,
    backwards, with digits as letters.
    """
    some = list(_levels(text))
    some += [TAG.sub("", some[-1]), some[-1][::-1]]
    out = [fold(one) for one in some]
    out += [one.translate(table) for one in out if MIXED.search(one) for table in AS_LETTERS]
    return list(dict.fromkeys(out))


def _levels(text: str) -> Iterator[str]:
    """The text, and what it is after one level of escapes after the other is undone."""
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
    *code, octal = found.groups()
    number = next((int(one, 16) for one in code if one), int(octal, 8) if octal else None)
    if number is None:
        return "\\" if found.group() == "\\\\" else " "
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number < 0xE000 else " "


@dataclass(slots=True)
class Seen:
    """What stood before the suspect when it gave one answer.

    `blocks` has for each word the overlapping blocks of `NEAR` words in which it stands, as the bits of a
    number; `near` the same for words less one letter; `streams` are the letters and digits of each reading,
    and the letters alone.
    """

    texts: Sequence[str]
    is_unread: bool = False
    blocks: dict[str, int] = field(default_factory=dict)
    near: dict[str, int] = field(default_factory=dict)
    streams: list[str] = field(default_factory=list)
    _known: dict[str, int] = field(default_factory=dict)
    _held: dict[tuple[str, ...], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        begin = 0
        for text in self.texts:
            for reading in readings(text):
                some = words(reading)
                step = max(NEAR // 2, -(-len(some) // BLOCKS))
                for at, word in enumerate(some):
                    block = begin + at // step
                    self.blocks[word] = self.blocks.get(word, 0) | (3 << block)
                begin += len(some) // step + 3
                whole = "".join(some)
                self.streams += [whole, "".join(word for word in some if not word.isdigit())]
        self.streams = [one for one in dict.fromkeys(self.streams) if one]
        for word, mask in self.blocks.items():
            for one in _alike(word):
                self.near[one] = self.near.get(one, 0) | mask

    def holds(self, some: Sequence[str]) -> bool:
        """Whether these words, folded, stood there next to or near each other. Without a word: whether
        anything stood there.
        """
        if self.is_unread:
            return True
        key = tuple(some)
        if key not in self._held:
            self._held[key] = self._holds(key)
        return self._held[key]

    def _holds(self, some: tuple[str, ...]) -> bool:
        if not some:
            return bool(self.streams)
        letters = "".join(some)
        if len(letters) >= FUZZY and any(letters in stream for stream in self.streams):
            return True
        return bool(reduce(and_, (self._where(word) for word in some)))

    def _where(self, word: str) -> int:
        if word not in self._known:
            mask = self.blocks.get(word, 0)
            some = _alike(word)
            for one in some:
                mask |= self.near.get(one, 0)
            for cut in range(1, len(word) if len(word) <= LONGEST else 1):
                first = self.blocks.get(word[:cut], 0)
                for lost in range(min(max(len(word) // HIDDEN, 1), len(word) - cut - 1) + 1) if first else ():
                    mask |= first & self.blocks.get(word[cut + lost :], 0)
            self._known[word] = mask
        return self._known[word]


def _alike(word: str) -> list[str]:
    """The word and the word less each of its letters, which two words share that differ by one letter;
    none of short and endless words.
    """
    if not FUZZY <= len(word) <= LONGEST:
        return []
    return [word, *(word[:at] + word[at + 1 :] for at in range(len(word)))]


def explained(pairs: Iterable[Pair]) -> set[str]:
    """Words that at least two answers use though their own prompts do not have them."""
    times: Counter[str] = Counter()
    for pair in pairs:
        times.update(set(words(pair.answer)).difference(*map(words, pair.read)))
    return {word for word, number in times.items() if number > 1}


def is_unread(text: str, known: set[str]) -> bool:
    """Whether a stretch of the text is explained by nothing: `UNREAD` characters of unknown words, digits and
    signs beyond those of known words around them, or letters that were lost. Escapes are undone before; tags
    are not removed, since they may hold the text.
    """
    *_, text = _levels(text)
    if DAMAGED in text:
        return True
    text = fold(text)
    level = most = end = 0
    letters = 0  # single letters so far, one after the other
    for match in WORD.finditer(text):
        level += _odd(text[end : match.start()])
        word, end = match.group(), match.end()
        letters = letters + 1 if len(word) == 1 and "a" <= word <= "z" else 0
        if letters:  # one or two are initials or a list; more are a word that was spelled
            level += SPELLED if letters == SPELLED else 1 if letters > SPELLED else 0
        elif word.isdigit() or word not in known:
            level += len(word)
        else:
            level = max(level - len(word), 0)
        most = max(most, level)
    return max(most, level + _odd(text[end:])) >= UNREAD


def _odd(between: str) -> int:
    """How many signs between two words need an explanation; a sign that is repeated is one."""
    return max(len(REPEATED.sub(r"\1", "".join(between.split()))) - ORDINARY, 0)


def own(case: Case, pairs: Sequence[Pair]) -> Iterator[Seen]:
    """For each of the pairs, what stood before whoever answered."""
    teaching = [*case.answers[:TEACHING], *case.served[:TEACHING]]
    known = explained(teaching).union(USUAL, *(words(kind.asks) for kind in KINDS))
    for pair in pairs:
        yield Seen(pair.read, is_unread=any(is_unread(text, known) for text in pair.read))


def contexts_held(said: Spoken, tokens: Tokens, width: int, seen: Seen) -> Mask:
    """For each window of an answer's tokens, whether its context stood in what was seen; of a context of
    signs alone, whether the word after it did.
    """
    first, last = _touched(said, tokens, width, 0)
    _, after = _touched(said, tokens, width, 1)
    return np.array(
        [seen.holds(said[0][a : b if b > a else c]) for a, b, c in zip(first, last, after, strict=True)], bool
    )


def repeated(said: Spoken, tokens: Tokens, width: int, seen: Seen) -> Mask:
    """For each window of an answer's tokens, whether the words of its context stood in what was seen or
    earlier in the answer.
    """
    first, last = _touched(said, tokens, width, 0)
    met: dict[tuple[str, ...], int] = {}  # where the words first came: several contexts may lie in one word
    out = np.zeros(len(first), bool)
    for at, (a, b) in enumerate(zip(first, last, strict=True)):
        some = tuple(said[0][a:b])
        out[at] = met.setdefault(some, a) != a or seen.holds(some)
    return out


def _touched(said: Spoken, tokens: Tokens, width: int, more: int) -> tuple[list[int], list[int]]:
    """The words that each window's context and `more` tokens after it touch: the first, and the one after
    the last.
    """
    _, begins, ends = said
    number = max(len(tokens.ids) - width, 0)
    left = np.asarray(tokens.starts[:number], np.int64)
    right = np.asarray(tokens.ends[width - 1 + more : width - 1 + more + number], np.int64)
    first = np.searchsorted(ends, left, "right")
    return first.tolist(), np.maximum(np.searchsorted(begins, right, "left"), first).tolist()


def followed(texts: Iterable[str], forms: Mapping[tuple[str, ...], int]) -> set[tuple[int, str]]:
    """Of folded forms, each with a number: the numbers whose forms stand in any reading of the texts, each
    with the word before (none at an opening).
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
    """Runs of words that stood in what the suspect saw before any of its answers."""

    texts: Iterable[str]
    _names: dict[str, int] = field(default_factory=dict)
    _runs: dict[int, npt.NDArray[np.uint64]] = field(default_factory=dict)
    _ids: list[Ints] = field(default_factory=list)

    def __post_init__(self) -> None:
        for text in dict.fromkeys(self.texts):
            for reading in readings(text):
                some = [self._names.setdefault(word, len(self._names)) for word in words(reading)]
                self._ids.append(np.array(some, np.int64))

    def windows_held(self, said: Spoken, tokens: Tokens, width: int) -> Mask:
        """For each window of an answer's tokens, whether its words stood there one after the other."""
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

    def _of(self, length: int) -> npt.NDArray[np.uint64]:
        if length not in self._runs:
            some = [
                np.lib.stride_tricks.sliding_window_view(ids, length)
                for ids in self._ids
                if len(ids) >= length
            ]
            runs = np.concatenate(some) if some else np.empty((0, length), np.int64)
            self._runs[length] = np.unique(_names_of(runs))
        return self._runs[length]


def _names_of(runs: Ints) -> npt.NDArray[np.uint64]:
    return contexts_of(Windows(runs, np.zeros(len(runs), np.int64)))
