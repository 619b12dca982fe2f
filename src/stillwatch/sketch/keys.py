"""The secret for enciphering digests, and the keys derived from it, one for each purpose and release.

A digest is computed under a public seed and then enciphered with a key of 128 bits (`sketch.cipher`). Rules:

* Every column of digests has a separate key, so that digests of two columns cannot be compared.
* A release is a set of sketches handed to one receiver. Sketches of two releases have different keys.
* A secret has at least `MIN_SECRET_BYTES` bytes and is stretched with scrypt (RFC 7914), since a key's
  public name allows guesses at the secret to be checked.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from functools import cache

from stillwatch.errors import InputError, Problem

KEY_VARIABLE = "STILLWATCH_KEY"
"""Name of the environment variable for the secret."""
MIN_SECRET_BYTES = 16  # smallest length of a secret in bytes: chosen, 128 bits where they are random
FRESH = "openssl rand -hex 32"  # command that makes a secret
COST, BLOCK, LANES = (
    1 << 14,
    8,
    1,
)  # parameters of scrypt: those of RFC 7914 for interactive use, 16 MiB and 50 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A secret of 32 bytes and the release for which it is used; an empty release is the owner's own use."""

    master: bytes = field(repr=False)
    release: str = ""

    def of(self, purpose: str) -> bytes:
        """The key of 16 bytes for one purpose, such as a column's name. It cannot be computed from the key of
        another purpose or release.
        """
        released = _derive(self.master, b"stillwatch-rel", self.release, 32)
        return _derive(released, b"stillwatch-use", purpose, 16)

    @property
    def name(self) -> str:
        """Public name of the key, 16 hexadecimal digits; equal for equal secret and release."""
        return self.of("name")[:8].hex()

    def for_release(self, release: str) -> Key:
        """A key with the same secret and another release."""
        return replace(self, release=release)


def fresh() -> Key:
    """A new random key."""
    return Key(master=secrets.token_bytes(32))


def of_secret(secret: bytes, where: str) -> Key:
    """The key derived from a secret; white space at both ends is ignored. `where` is the secret's place in
    messages. Raises `InputError` for a secret shorter than `MIN_SECRET_BYTES` bytes.
    """
    secret = secret.strip()
    if len(secret) < MIN_SECRET_BYTES:
        raise InputError(
            Problem(
                fact="the key is too short to be secret",
                where=where,
                found=f"{len(secret)} {'byte' if len(secret) == 1 else 'bytes'}",
                expected=f"{MIN_SECRET_BYTES} bytes or more",
                fix=FRESH,
            )
        )
    return Key(master=_stretched(secret))


@cache
def _stretched(secret: bytes) -> bytes:
    """A key of 32 bytes from a secret, slow to compute (scrypt, RFC 7914)."""
    return hashlib.scrypt(secret, salt=b"stillwatch", n=COST, r=BLOCK, p=LANES, dklen=32)


def _derive(key: bytes, person: bytes, text: str, size: int) -> bytes:
    """Bytes derived from a key for one purpose (BLAKE2b, keyed)."""
    return hashlib.blake2b(text.encode(), key=key, person=person, digest_size=size).digest()
