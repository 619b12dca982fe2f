"""Which of two words that say the same does a key choose?

In prose, each place where either of a pair stands is a choice; the key's coin, thrown over the pair and the word
before, decides it. Nothing is added, nothing said becomes false, and code, JSON, quotations and the like stay as they
are (`untouchable`). A text nobody marked agrees with a coin half of the time, exactly.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from stillwatch.prove.text.untouchable import spans
from stillwatch.prove.windows import Windows, bits

NAME = "choices"
PAIRS: tuple[tuple[str, str], ...] = (
    ("for example", "for instance"), ("therefore", "thus"), ("furthermore", "moreover"), ("often", "frequently"),
    ("almost", "nearly"), ("approximately", "roughly"), ("quickly", "rapidly"), ("although", "though"),
    ("toward", "towards"), ("among", "amongst"), ("afterward", "afterwards"), ("prior to", "before"),
    ("nevertheless", "nonetheless"), ("mostly", "mainly"), ("a lot of", "lots of"), ("as long as", "so long as"),
    ("in spite of", "despite"), ("make sure", "ensure"), ("makes sure", "ensures"), ("in order to", "so as to"),
    ("do not", "don't"), ("does not", "doesn't"), ("did not", "didn't"), ("is not", "isn't"), ("are not", "aren't"),
    ("was not", "wasn't"), ("were not", "weren't"), ("cannot", "can't"), ("could not", "couldn't"),
    ("should not", "shouldn't"), ("would not", "wouldn't"), ("will not", "won't"), ("have not", "haven't"),
    ("has not", "hasn't"), ("had not", "hadn't"), ("as a result,", "consequently,"), ("in addition,", "additionally,"),
    ("firstly,", "first,"), ("secondly,", "second,"), ("finally,", "lastly,"), ("perhaps", "maybe"),
    ("entirely", "completely"), ("regardless of", "irrespective of"), ("whole", "entire"), ("gives", "yields"),
    ("numerous", "many"), ("begins", "starts"), ("shows", "demonstrates"), ("obtain", "get"), ("obtains", "gets"),
    ("helps to", "helps"), ("due to", "because of"), ("typically", "usually"), ("overall,", "in summary,"),
)  # fmt: skip
# After a contraction's full form these would read as a question ("is not it"), or end the sentence ("it is not.").
UNFIT_AFTER = re.compile(
    r"\s+(?:i|you|he|she|it|we|they|this|that|there|only|just|to)\b|\s*[.,;:!?)]|\s*$", re.IGNORECASE
)
# Pairs that are the same only where the words around allow it.
ONLY_BEFORE = {
    "make sure": r"\s+(?:that|the|your|you|all|each|it|they|there)\b", "ensure": r"\s+(?:that|the|your|you|all|each|it|they|there)\b",
    "makes sure": r"\s+(?:that|the|your|you|all|each|it|they|there)\b", "ensures": r"\s+(?:that|the|your|you|all|each|it|they|there)\b",
    "prior to": r"\s+(?:the|this|a|an|your|its|their)\b", "before": r"\s+(?:the|this|a|an|your|its|their)\s+\w+[.,;]",
    "whole": r"\s+[a-z]+", "entire": r"\s+[a-z]+", "though": r"\s+(?:the|this|it|they|we|you|he|she|there)\b",
    "although": r"\s+(?:the|this|it|they|we|you|he|she|there)\b", "get": r"\s+(?:the|a|an)\s+(?:result|value|answer|sum|output|number|total)\b",
    "obtain": r"\s+(?:the|a|an)\s+(?:result|value|answer|sum|output|number|total)\b", "gets": r"\s+(?:the|a|an)\s+(?:result|value|answer|sum|output|number|total)\b",
    "obtains": r"\s+(?:the|a|an)\s+(?:result|value|answer|sum|output|number|total)\b", "helps to": r"\s+(?:reduce|improve|avoid|prevent|keep|make|create|build|ensure|maintain)\b",
    "helps": r"\s+(?:reduce|improve|avoid|prevent|keep|make|create|build|ensure|maintain)\b", "many": r"\s+[a-z]+s\b", "numerous": r"\s+[a-z]+s\b",
    "a lot of": r"\s+[a-z]+", "lots of": r"\s+[a-z]+", "gives": r"\s+(?:the|a|an)\s+(?:result|value|answer|sum|number|total)\b",
    "yields": r"\s+(?:the|a|an)\s+(?:result|value|answer|sum|number|total)\b", "begins": r"\s+(?:with|at|in)\b", "starts": r"\s+(?:with|at|in)\b",
    "shows": r"\s+(?:that|how|why)\b", "demonstrates": r"\s+(?:that|how|why)\b", "due to": r"\s+(?:the|its|their|this|a|an)\b",
    "because of": r"\s+(?:the|its|their|this|a|an)\b", "nearly": r"\s+(?:all|every|always|the|\d)", "almost": r"\s+(?:all|every|always|the|\d)",
    "roughly": r"\s+\d", "approximately": r"\s+\d", "first,": r"\s+[a-z]", "firstly,": r"\s+[a-z]", "second,": r"\s+[a-z]", "secondly,": r"\s+[a-z]",
    "in order to": r"\s+[a-z]+", "so as to": r"\s+[a-z]+",
}  # fmt: skip
# "the whole" but not "a whole", "as a whole"; "in the first"; "much before"; "can get" but not "get up".
ONLY_AFTER = {"whole": r"\b(?:the|this|your|its|their)\s+$", "entire": r"\b(?:the|this|your|its|their)\s+$", "despite": r"(?:^|[.,;]\s+|\n)$",
              "in spite of": r"(?:^|[.,;]\s+|\n)$"}  # fmt: skip
SENTENCE_OPENERS = ("as a result,", "consequently,", "in addition,", "additionally,", "firstly,", "first,", "secondly,", "second,",
                    "finally,", "lastly,", "overall,", "in summary,", "although", "though", "therefore", "thus", "nevertheless",
                    "nonetheless", "furthermore", "moreover", "perhaps", "maybe")  # fmt: skip
OPENING = re.compile(r"(?:^|[.!?:]\s+|\n\s*|\n\s*(?:[-*]|\d+\.)\s+)$")
BEFORE = re.compile(r"(\w+)\W*$")


@dataclass(frozen=True, slots=True)
class Place:
    """A choice in a text: where, which pair, which of the two stands there, and the word before."""

    start: int
    end: int
    pair: int
    side: int
    context: str


@cache
def _pattern() -> re.Pattern[str]:
    forms = sorted({form for pair in PAIRS for form in pair}, key=len, reverse=True)
    return re.compile(r"(?<![\w'-])(?:" + "|".join(map(re.escape, forms)) + r")(?![\w'-])", re.IGNORECASE)


@cache
def _which() -> dict[str, tuple[int, int]]:
    return {form: (at, side) for at, pair in enumerate(PAIRS) for side, form in enumerate(pair)}


def places(text: str) -> Iterator[Place]:
    """Every place in prose where either of a pair stands and the other would do as well."""
    kept = spans(text)
    at = 0
    for match in _pattern().finditer(text):
        while at < len(kept) and kept[at][1] <= match.start():
            at += 1
        if at < len(kept) and kept[at][0] < match.end():
            continue
        form = match.group().lower()
        if match.group() not in (form, form[0].upper() + form[1:]):
            continue  # capitals are somebody's emphasis, or a name
        before, after = text[max(0, match.start() - 40) : match.start()], text[match.end() : match.end() + 40]
        pair, side = _which()[form]
        if not _fits(form, PAIRS[pair], before, after):
            continue
        word = BEFORE.search(before)
        yield Place(match.start(), match.end(), pair, side, word.group(1).lower() if word else "")


def _fits(form: str, pair: tuple[str, str], before: str, after: str) -> bool:
    if "n't" in pair[1] and UNFIT_AFTER.match(after):
        return False
    if form in ONLY_BEFORE and not re.match(ONLY_BEFORE[form], after):
        return False
    if form in ONLY_AFTER and not re.search(ONLY_AFTER[form], before, re.IGNORECASE):
        return False
    return form not in SENTENCE_OPENERS or bool(OPENING.search(before)) or not before


def apply(text: str, key: npt.NDArray[np.uint64]) -> str:
    """The answer with every choice made by the key; who has no key sees ordinary prose."""
    some = list(places(text))
    if not some:
        return text
    wanted = _sides(some, key)
    out, last = [], 0
    for place, side in zip(some, wanted, strict=True):
        form = PAIRS[place.pair][side]
        if text[place.start].isupper():
            form = form[0].upper() + form[1:]
        out += [text[last : place.start], form]
        last = place.end
    return "".join([*out, text[last:]])


def windows(some: Sequence[Place]) -> Windows:
    """Choices as windows (pair and word before; then what was chosen), repeats included."""
    contexts = np.array([[place.pair, _word(place.context)] for place in some], np.int64).reshape(-1, 2)
    return Windows(contexts, np.array([place.side for place in some], np.int64))


def wanted(some: Windows, key: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The side that the key asks for in each context."""
    return (bits(Windows(some.contexts, np.zeros(len(some), np.int64)), key) & np.uint64(1)).astype(np.int64)


def _sides(some: Sequence[Place], key: npt.NDArray[np.uint64]) -> list[int]:
    return [int(side) for side in wanted(windows(some), key)]


def _word(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little") >> 1
