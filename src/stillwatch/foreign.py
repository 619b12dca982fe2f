"""Strings that others wrote, as a message, a table or a page may show them.

Account names, user agents, file names and field names are the sender's to choose. `visible` is the one
function that renders them; `described` stands for text that must not be shown at all.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterable

THIN = "\u202f"  # narrow no-break space, which separates thousands in the program's own numbers
LONGEST_NAME = 64  # characters of a field name that is shown: chosen


def visible(value: object, limit: int | None = 80) -> str:
    """A string from outside on one line: control characters, escapes, invisible characters and those that
    turn the text around are spelled out.

    The middle of what is longer than `limit` characters is left out. Escaping for HTML is the template's
    work.
    """
    text = str(value)
    if limit is not None and len(text) > limit:
        text = f"{text[: limit * 2 // 3]}…{text[-(limit // 3) :]}"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(letter) for letter in text)


def _shown(letter: str) -> str:
    if letter == " " or letter == THIN or unicodedata.category(letter)[0] not in "CZ":
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) > 0xFF else f"\\x{ord(letter):02x}"


def whole(text: str) -> str:
    """The text with U+FFFD in place of every surrogate that is no half of a pair."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def described(value: object) -> str:
    """Length and digest of a value that may be customers' text."""
    text = str(value)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{len(text)} {'character' if len(text) == 1 else 'characters'}, digest {digest}"


def named(names: Iterable[str], known: Collection[str], most: int = 20) -> str:
    """Field names of a file: those that are `known`, and the number of the others, whose first ones are
    described.

    A file without a header, or with a shifted one, has customers' text where names should be.
    """
    every = list(names)
    told = [f"`{name}`" for name in every if name in known][:most]
    others = [name for name in every if name not in known]
    if others:
        some = "; ".join(described(name) for name in others[:3])
        more = "; ..." if len(others) > 3 else ""
        told.append(f"{len(others)} other {'name' if len(others) == 1 else 'names'} ({some}{more})")
    return ", ".join(told)
