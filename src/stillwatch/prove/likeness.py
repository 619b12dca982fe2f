"""How alike are two answers, by their words alone?"""

from __future__ import annotations

import re
from collections.abc import Callable

Run = tuple[str, ...]
WORD = re.compile(r"\w+|[^\w\s]")


def likeness(one: str, other: str, without: Callable[[Run], bool] = lambda run: False) -> float:  # noqa: ARG005
    """Jaccard similarity of the words' runs of up to three: 1 for the same words in the same order, 0 for
    none in common.

    Runs `without` which the texts are compared count in neither.
    """
    a, b = ({run for run in _runs(text) if not without(run)} for text in (one, other))
    return len(a & b) / len(a | b) if a or b else 1.0


def _runs(text: str) -> set[Run]:
    words = WORD.findall(text.lower())
    return {tuple(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1)}
