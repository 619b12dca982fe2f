"""Safe display of strings from outside in messages, tables and pages.

Account names, user agents, file names and field names are chosen by senders. `visible` is the one function
that renders them. `described` gives length and digest of text that must not be shown.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterable

THIN = "\u202f"  # narrow no-break space, which separates thousands in the program's own numbers


def visible(value: object, limit: int | None = 80) -> str:
    """`value` as a string on one line, with control, invisible and bidirectional characters replaced by
    hexadecimal escapes.

    A string longer than `limit` characters is shortened in the middle; None for no limit. HTML is not
    escaped here.
    """
    text = str(value)
    if limit is not None and len(text) > limit:
        text = f"{text[: limit * 2 // 3]}…{text[-(limit // 3) :]}"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(letter) for letter in text)


def _shown(letter: str) -> str:
    """The letter, or its escape where a terminal could obey it or it is not seen."""
    if letter == " " or letter == THIN or unicodedata.category(letter)[0] not in "CZ":
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) > 0xFF else f"\\x{ord(letter):02x}"


def whole(text: str) -> str:
    """The text with every unpaired surrogate replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def described(value: object) -> str:
    """Length in characters and a 32-bit BLAKE2b digest (hexadecimal) of a value, as text: for customers'
    text, which is never shown.
    """
    text = str(value)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{len(text)} {'character' if len(text) == 1 else 'characters'}, digest {digest}"


def named(names: Iterable[str], known: Collection[str], most: int = 20) -> str:
    """Field names of a file as text: at most `most` of those that are `known`, then the number of the
    others with length and digest of the first three.

    Unknown names are not shown: in a file without a header the first row is customers' text.
    """
    every = list(names)
    quoted = [f"`{name}`" for name in every if name in known][:most]
    others = [name for name in every if name not in known]
    if others:
        some = "; ".join(described(name) for name in others[:3])
        more = "; ..." if len(others) > 3 else ""
        quoted.append(f"{len(others)} other {'name' if len(others) == 1 else 'names'} ({some}{more})")
    return ", ".join(quoted)
