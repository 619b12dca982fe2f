"""The secret under which digests are enciphered, and the keys derived from it: one per purpose, another set
per release.

A digest is computed under a public seed and then enciphered with a key of 128 bits (`sketch.cipher`). Rules:

* Every column of digests has a key of its own, so that a digest of one column says nothing of another column.
* A release is a set of sketches handed to one receiver. Sketches of two releases have different keys.
* A secret has at least `SHORTEST` bytes and is stretched with scrypt (RFC 7914), since a key's name is public
  and a guess at the secret can be checked against it.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from functools import cache

from stillwatch.errors import InputError, Problem

KEY_VARIABLE = "STILLWATCH_KEY"
"""The environment variable that may hold the secret."""
SHORTEST = 16  # bytes of a secret; chosen: 128 bits where they are random
FRESH = "openssl rand -hex 32"
COST, BLOCK, LANES = (
    1 << 14,
    8,
    1,
)  # of scrypt: the cost that RFC 7914 names for interactive use, 16 MiB and 50 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A secret of 32 bytes and the release for which it is used; the empty release is the owner's own."""

    master: bytes = field(repr=False)
    release: str = ""

    def of(self, purpose: str) -> bytes:
        """The key of 16 bytes for one purpose; nothing of it follows from the key of another purpose or
        release.
        """
        released = _derive(self.master, b"stillwatch-rel", self.release, 32)
        return _derive(released, b"stillwatch-use", purpose, 16)

    @property
    def name(self) -> str:
        """A public name of 16 hexadecimal digits, equal for equal secret and release."""
        return self.of("name")[:8].hex()

    def for_release(self, release: str) -> Key:
        """The same secret for another release."""
        return replace(self, release=release)


def fresh() -> Key:
    """A random key, which nobody can derive again."""
    return Key(master=secrets.token_bytes(32))


def of_secret(secret: bytes, where: str) -> Key:
    """The key of a secret that was found at `where`. Raises `InputError` for a secret shorter than
    `SHORTEST` bytes.
    """
    secret = secret.strip()
    if len(secret) < SHORTEST:
        raise InputError(
            Problem(
                fact="the key is too short to be secret",
                where=where,
                found=f"{len(secret)} {'byte' if len(secret) == 1 else 'bytes'}",
                expected=f"{SHORTEST} bytes or more",
                fix=FRESH,
            )
        )
    return Key(master=_stretched(secret))


@cache
def _stretched(secret: bytes) -> bytes:
    return hashlib.scrypt(secret, salt=b"stillwatch", n=COST, r=BLOCK, p=LANES, dklen=32)


def _derive(key: bytes, person: bytes, text: str, size: int) -> bytes:
    return hashlib.blake2b(text.encode(), key=key, person=person, digest_size=size).digest()
