"""Similarity of two answers by their words."""

from __future__ import annotations

import re
from collections.abc import Callable

TokenRun = tuple[str, ...]
WORD = re.compile(r"\w+|[^\w\s]")  # a word, or a sign between words


def likeness(one: str, other: str, without: Callable[[TokenRun], bool] = lambda run: False) -> float:  # noqa: ARG005
    """Jaccard similarity of two texts' sets of word runs (one to three words): 1 for equal sets, also for
    two empty ones, 0 without a common run.

    Runs for which `without` is true are ignored in both texts.
    """
    a, b = ({run for run in _runs(text) if not without(run)} for text in (one, other))
    return len(a & b) / len(a | b) if a or b else 1.0


def _runs(text: str) -> set[TokenRun]:
    """Runs of one to three words of a text."""
    words = WORD.findall(text.lower())
    return {tuple(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1)}
