"""Suggestions for misspelled names."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

MIN_SIMILARITY = 0.6  # lowest similarity (`difflib`, 0 to 1) of a suggested word: the default of `difflib`


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known word most similar to `word`; None where no similarity reaches `MIN_SIMILARITY`."""
    return next(iter(get_close_matches(word, list(known), 1, MIN_SIMILARITY)), None)


def did_you_mean(word: str, known: Collection[str]) -> str:
    """The text "did you mean `X`?" with the nearest known word; an empty string where none is similar."""
    near = nearest(word, known)
    return f"did you mean `{near}`?" if near else ""
