"""The nearest known word for one that is not known."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

NEAR = 0.6  # similarity of `difflib` from which a word is suggested: its own default


def nearest(word: str, known: Collection[str]) -> str | None:
    """The most similar of the known words, None where none is similar."""
    return next(iter(get_close_matches(word, list(known), 1, NEAR)), None)


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`did you mean X?`, or nothing where no known word is similar."""
    near = nearest(word, known)
    return f"did you mean `{near}`?" if near else ""
