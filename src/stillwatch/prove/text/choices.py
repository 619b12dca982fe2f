"""Choices between equivalent words, made by a key.

In prose, each place with either word of a pair is a choice; a keyed coin over the pair and the word before
decides it. Nothing is added, no statement becomes false, and text that is not English prose stays unchanged
(`stillwatch.prove.text.prose`). Unmarked text agrees with each coin with probability exactly one half.
Marker and reader decide alike, because everything is decided on the text with the first word of each pair
in every place, which a mark does not change.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from stillwatch.prove.text.prose import Prose, Spot
from stillwatch.prove.windows import Windows, bits
from stillwatch.stats.arrays import Ints, Uints

NAME = "choices"  # name of this mark in keyrings
# Pairs of forms between which the key chooses.
PAIRS: tuple[tuple[str, str], ...] = (
    ("for example", "for instance"),
    ("therefore", "thus"),
    ("furthermore", "moreover"),
    ("often", "frequently"),
    ("almost", "nearly"),
    ("approximately", "roughly"),
    ("quickly", "rapidly"),
    ("although", "though"),
    ("toward", "towards"),
    ("among", "amongst"),
    ("afterward", "afterwards"),
    ("prior to", "before"),
    ("nevertheless", "nonetheless"),
    ("mostly", "mainly"),
    ("a lot of", "lots of"),
    ("as long as", "so long as"),
    ("in spite of", "despite"),
    ("make sure", "ensure"),
    ("makes sure", "ensures"),
    ("in order to", "so as to"),
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("is not", "isn't"),
    ("are not", "aren't"),
    ("was not", "wasn't"),
    ("were not", "weren't"),
    ("cannot", "can't"),
    ("could not", "couldn't"),
    ("should not", "shouldn't"),
    ("would not", "wouldn't"),
    ("will not", "won't"),
    ("have not", "haven't"),
    ("has not", "hasn't"),
    ("had not", "hadn't"),
    ("as a result,", "consequently,"),
    ("in addition,", "additionally,"),
    ("firstly,", "first,"),
    ("secondly,", "second,"),
    ("finally,", "lastly,"),
    ("perhaps", "maybe"),
    ("entirely", "completely"),
    ("regardless of", "irrespective of"),
    ("whole", "entire"),
    ("gives", "yields"),
    ("numerous", "many"),
    ("begins", "starts"),
    ("shows", "demonstrates"),
    ("obtain", "get"),
    ("obtains", "gets"),
    ("helps to", "helps"),
    ("due to", "because of"),
    ("typically", "usually"),
    ("overall,", "in summary,"),
)
# Numbers of the pairs whose second form is a contraction.
CONTRACTED = frozenset(at for at, pair in enumerate(PAIRS) if "n't" in pair[1] or pair[1] == "can't")
# What must or must not stand after and before the place. Each rule holds for both words of its pair, so that
# a place is recognised with either word.
EVENTS = (
    "start|release|meeting|event|launch|appointment|arrival|departure|exam|test|interview|flight|surgery|procedure|deadline|trip|visit|war|"
    "election|update|upgrade|purchase|installation|deployment|experiment|operation"
)
# Pattern of what may follow a verb such as "obtain".
RESULT = r"\s+(?:the|a|an)\s+(?:result|value|answer|sum|output|number|total)\b"
# Form: pattern that the text after it must match.
ONLY_BEFORE = {
    "although": r"\s+(?:the|this|it|they|we|you|he|she|there)\b",
    "prior to": rf"\s+(?:the|this|a|an|your|its|their)\s+(?:{EVENTS})\b",
    "as long as": r"\s+(?:you|we|they|he|she|it|there|the)\b(?!\s+(?:like|likes|want|wants|need|needs|wish))",
    "make sure": r"\s+(?:that|you|they|there)\b",
    "makes sure": r"\s+(?:that|you|they|there)\b",
    "in order to": r"\s+[a-z]+",
    "whole": r"\s+(?!(?:of|and|or|numbers?|grains?|wheat|milk|foods?|notes?|blood|lot)\b)[a-z]+",
    "obtain": RESULT,
    "obtains": RESULT,
    "gives": RESULT,
    "helps to": r"\s+(?:reduce|improve|avoid|prevent|keep|make|create|build|ensure|maintain)\b",
    "numerous": r"\s+[a-z]+s\b",
    "a lot of": r"\s+[a-z]+",
    "begins": r"\s+(?:with|at|in)\b",
    "shows": r"\s+(?:that|how|why)\b",
    "due to": r"\s+(?:the|its|their|this|a|an)\b",
    "almost": r"\s+(?:all|every|always|the|\d)",
    "approximately": r"\s+\d",
    "firstly,": r"\s+(?!second|third|last|foremost)[a-z]",
    "secondly,": r"\s+(?!third|last)[a-z]",
    "often": r"(?!\s+(?:times|asked|as)\b)",
    "therefore": r"(?!\s+(?:far|spoke)\b)",
}
# Form: pattern that the text before it must match.
ONLY_AFTER = {
    "whole": r"\b(?:the|this|your|its|their)\s$",
    "in spite of": r"(?:^\s*|[.,;]\s)$",
    "as long as": r"(?:^\s*|,\s)$",
    "in order to": r"\w\s$",
    "numerous": r"(?:^\s*|\b(?!how|so|too|as|not|very|that|this|the|these|those|of|great|good|more|less|many|equally|n't)[\w'’]+,?\s)$",  # noqa: E501  a pattern or a vocabulary is read whole
    "a lot of": r"(?:^\s*|\b(?!quite|not|such|whole|awful|hell|what|\w+n't|\w+n’t)[\w'’]+,?\s)$",
    "almost": r"(?:^\s*|\b(?!not|\w+n't|\w+n’t)[\w'’]+,?\s)$",
    "often": r"(?:^\s*|\b(?!so|as|every)[\w'’]+,?\s)$",
}
# Where the full form would read as a question ("is not it"), or its end would be stressed ("it is not.").
UNFIT_AFTER = re.compile(
    r"\s+(?:i|you|he|she|it|we|they|this|that|there|only|just|to)\b|\s*[.,;:!?)]|\s*$", re.IGNORECASE
)
# An auxiliary before its subject ("why don't the users", "isn't the whole team"): the full form does not
# stand there.
INVERTED = re.compile(r"(?:^|\W)(?:why|how|when|where|what|who|nor|neither)\s$", re.IGNORECASE)
# Numbers of the pairs that are exchanged only where they open a sentence.
SENTENCE_OPENERS = frozenset(
    PAIRS.index(pair)
    for pair in (
        ("as a result,", "consequently,"),
        ("in addition,", "additionally,"),
        ("firstly,", "first,"),
        ("secondly,", "second,"),
        ("finally,", "lastly,"),
        ("overall,", "in summary,"),
        ("although", "though"),
        ("therefore", "thus"),
        ("nevertheless", "nonetheless"),
        ("furthermore", "moreover"),
        ("perhaps", "maybe"),
    )
)
IMPERATIVE = PAIRS.index(("do not", "don't"))  # number of the one contraction that may open a sentence
START = re.compile(r"^\W*$")  # text before a form that opens its sentence
# Words, numbers and punctuation may stand beside a place; a path, an address, an identifier or an assignment
# may not.
NEIGHBOUR_BEFORE = re.compile(
    r"(?:^|(?:^|[\s(—–])(?:[A-Za-z'’]+(?:-[A-Za-z'’]+)*|[$€£]?\d[\d.,]*%?)?[.,;:!?)…]*\s|[(—–]|\n)$"
)
# What must follow a form: end of the text, or a plain word.
NEIGHBOUR_AFTER = re.compile(
    r"(?:[.,;:!?)…]*(?:$|[\s—–)]\s*(?:$|[(—–]?(?:[A-Za-z'’]+(?:-[A-Za-z'’]+)*|[$€£]?\d[\d.,]*%?)[.,;:!?)…]*(?:[\s—–]|$)|\ufffc)))"
)
NAME_AFTER = re.compile(r"\s(?!I\b)[A-Z]")  # a capitalised word after a form, which may be part of a name
# A capitalised word before a form, which may be part of a name.
NAME_BEFORE = re.compile(r"(?:^|[^.!?:…])\s[A-Z][a-z]+\s$")
BEFORE = re.compile(r"([A-Za-z0-9'’]+)\W*$")  # the last word before a form
# Why a place is left as it is; empty where it is used.
USED, CASE, NAMES, RULES = "", "capitals", "names, paths or identifiers", "the other word would not do here"


@dataclass(frozen=True, slots=True)
class ChoicePlace:
    """A choice in a text: its offsets, the number of its pair, which of the two words stands there (0 or
    1), and the word before.
    """

    start: int
    end: int
    pair: int
    side: int
    context: str


@cache
def _pattern() -> re.Pattern[str]:
    """Pattern of all forms of `PAIRS`, the longest first."""
    forms = sorted({form for pair in PAIRS for form in pair}, key=len, reverse=True)
    each = "|".join(re.escape(form).replace("'", "['’]") for form in forms)
    return re.compile(r"(?<![\w'’-])(?:" + each + r")(?![\w'’-])", re.IGNORECASE)


@cache
def _which() -> dict[str, tuple[int, int]]:
    """Number of the pair and side in it, by form."""
    return {form: (at, side) for at, pair in enumerate(PAIRS) for side, form in enumerate(pair)}


def candidates(text: str) -> Iterator[tuple[ChoicePlace, str]]:
    """Yield every place with either word of a pair, and why it is left unchanged; "" where it is a choice."""
    found = [(one, *_which()[one.group().lower().replace("’", "'")]) for one in _pattern().finditer(text)]
    if not found:
        return
    canonical, starts, last = [], [], 0
    length = 0
    for match, pair, _ in found:
        form = _in_case(PAIRS[pair][0], match.group())
        starts.append(length + match.start() - last)
        canonical += [text[last : match.start()], form]
        length = starts[-1] + len(form)
        last = match.end()
    prose = Prose("".join([*canonical, text[last:]]))
    for (match, pair, side), start in zip(found, starts, strict=True):
        form = PAIRS[pair][0]
        spot = prose.spot(start, start + len(form))
        reason = spot if isinstance(spot, str) else _fault(pair, match.group(), spot)
        word = None if isinstance(spot, str) else BEFORE.search(spot.before)
        yield (
            ChoicePlace(match.start(), match.end(), pair, side, word.group(1).lower() if word else ""),
            reason,
        )


def places(text: str) -> Iterator[ChoicePlace]:
    """Yield every place in prose where either word of a pair fits."""
    return (place for place, reason in candidates(text) if not reason)


def capacity(texts: Iterable[str]) -> Counter[str]:
    """Number of places that carry a choice (`USED`), and of those left unchanged, by reason."""
    return Counter(reason for text in texts for _, reason in candidates(text))


def as_sentence(counts: Counter[str]) -> str:
    """A capacity as a sentence."""
    used, total = counts[USED], counts.total()
    left = "; ".join(f"{count:,} {reason}" for reason, count in counts.most_common() if reason != USED)
    said = f"{used:,} of {total:,} places of equal words carry a choice"
    return f"{said}; left alone: {left}" if left else said


def _in_case(form: str, like: str) -> str:
    """The form with a capital where `like` has one."""
    return form[0].upper() + form[1:] if like[0].isupper() else form


def _fault(pair: int, said: str, spot: Spot) -> str:
    """Why a place in prose is left unchanged; "" where either word of the pair fits."""
    form, is_opening = PAIRS[pair][0], bool(START.match(spot.before))
    if said[1:] != said[1:].lower() or (said[0].isupper() and not is_opening):
        return CASE  # somebody's emphasis, or a name
    if not NEIGHBOUR_BEFORE.search(spot.before) or not NEIGHBOUR_AFTER.match(spot.after):
        return NAMES
    if (
        not form.endswith(",")
        and NAME_AFTER.match(spot.after)
        and (said[0].isupper() or NAME_BEFORE.search(spot.before))
    ):
        return NAMES
    if pair in SENTENCE_OPENERS and not is_opening:
        return RULES
    if pair in CONTRACTED and (
        UNFIT_AFTER.match(spot.after)
        or spot.is_question
        or INVERTED.search(spot.before)
        or (is_opening and pair != IMPERATIVE)
    ):
        return RULES
    if form in ONLY_BEFORE and not re.match(ONLY_BEFORE[form], spot.after):
        return RULES
    return "" if form not in ONLY_AFTER or re.search(ONLY_AFTER[form], spot.before, re.IGNORECASE) else RULES


def apply(text: str, key: Uints, counts: Counter[str] | None = None) -> str:
    """The answer with every choice made by the key; the answer's `capacity` is added to `counts`."""
    found = list(candidates(text))
    if counts is not None:
        counts.update(reason for _, reason in found)
    some = [place for place, reason in found if not reason]
    if not some:
        return text
    curly = "’" in text and "'" not in text
    out, last = [], 0
    for place, side in zip(some, _sides(some, key), strict=True):
        if side == place.side:
            continue
        form = _in_case(PAIRS[place.pair][side], text[place.start])
        out += [text[last : place.start], form.replace("'", "’") if curly else form]
        last = place.end
    return "".join([*out, text[last:]])


def windows(some: Sequence[ChoicePlace]) -> Windows:
    """Choices as windows, repeats included: the context is pair and word before, the token is the chosen
    side.
    """
    contexts = np.array([[place.pair, _word(place.context)] for place in some], np.int64).reshape(-1, 2)
    return Windows(contexts, np.array([place.side for place in some], np.int64))


def wanted(some: Windows, key: Uints) -> Ints:
    """The side, 0 or 1, that the key asks for in each context, shape (n,)."""
    return (bits(Windows(some.contexts, np.zeros(len(some), np.int64)), key) & np.uint64(1)).astype(np.int64)


def _sides(some: Sequence[ChoicePlace], key: Uints) -> list[int]:
    """The side of each choice that a key wants."""
    return [int(side) for side in wanted(windows(some), key)]


def _word(word: str) -> int:
    """A number of 63 bits for a word."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little") >> 1
