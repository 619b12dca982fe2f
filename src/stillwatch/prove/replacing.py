"""Which words of an answer the unexplained groups of a text may stand for.

A short quotation of which single words are in a cipher, as signs or as figures has too few of them to count
as unread text. Each of these groups may stand for any word; which one follows from the words beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from stillwatch.stats.arrays import Bools

Sides = tuple[str | None, str | None]  # two words; None for a group without a word, or the end of the text


@dataclass(frozen=True, slots=True)
class TextGroup:
    """What stands between two spaces of a folded text.

    `words` are its words of letters, none where it is signs or a number. `odd` is the number of words that it
    may hold where nothing explains it, else 0. `parts` are the letters between its signs and digits where
    these may stand in place of letters, else empty.
    """

    words: Sequence[str]
    odd: int = 0
    parts: tuple[str, ...] = ()


@dataclass(slots=True)
class Replacing:
    """The groups of a text that may stand for a word: the unexplained, signs and numbers.

    `left` and `right` are the two words nearest to each on one side, the nearest first, and `both` the
    nearest on both sides. `parts` are those of groups with signs or digits among their letters.
    """

    left: set[Sides] = field(default_factory=set)
    right: set[Sides] = field(default_factory=set)
    both: set[Sides] = field(default_factory=set)
    parts: set[tuple[str, ...]] = field(default_factory=set)

    def words(self, said: Sequence[str]) -> Bools:
        """For each folded word of an answer, whether a group may stand for it, shape (words,).

        It may where the nearest words on both sides are the same in text and answer, or the nearest two on
        one side, of which one may be such a group itself; and where the word has the group's letters in their
        order, with the first and the last at its ends where the group begins or ends with them.
        """
        fitting = {word for word in set(said) if any(_fits(word, parts) for parts in self.parts)}
        framed = [None, None, *said, None, None]
        return np.array(
            [
                word in fitting
                or (framed[at + 1], framed[at + 3]) in self.both
                or not self.left.isdisjoint(_masked(framed[at + 1], framed[at]))
                or not self.right.isdisjoint(_masked(framed[at + 3], framed[at + 4]))
                for at, word in enumerate(said)
            ],
            bool,
        )


def replacing(groups: Iterable[TextGroup]) -> Replacing:
    """The groups of a text, in order, that may stand for a word, with what is beside them."""
    out = Replacing()
    some: list[str | None] = [None, None]
    places = []
    for group in groups:
        if group.words and not group.odd:
            some += group.words
            continue
        places.append(len(some))
        some.append(None)
        if len(group.parts) > 1:
            out.parts.add(group.parts)
    some += [None, None]
    for at in places:
        out.left.add((some[at - 1], some[at - 2]))
        out.right.add((some[at + 1], some[at + 2]))
        if some[at - 1] is not None and some[at + 1] is not None:
            out.both.add((some[at - 1], some[at + 1]))
    out.left.discard((None, None))
    out.right.discard((None, None))
    return out


def _masked(near: str | None, far: str | None) -> tuple[Sides, Sides, Sides]:
    """Two words of an answer, and the same with either one unknown."""
    return (near, far), (near, None), (None, far)


def _fits(word: str, parts: Sequence[str]) -> bool:
    """Whether a word begins with the first part, ends with the last, and has the others between in order."""
    first, *middle, last = parts
    at, end = len(first), len(word) - len(last)
    if at > end or not (word.startswith(first) and word.endswith(last)):
        return False
    for part in middle:
        at = word.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
