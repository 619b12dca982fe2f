"""The group operations of an oblivious pseudorandom function on ristretto255 (RFC 9497, OPRF mode,
ristretto255-SHA512).

Elements and scalars have 32 bytes. `hashed`, `multiplied` and `inverted` are `HashToGroup`, `Blind` or
`BlindEvaluate`, and the inversion in `Finalize` of the RFC. The output differs: the tag of a value is a
digest of the group element alone, without the value, so that a party can compute the tags of answers whose
order it does not know.
"""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from types import ModuleType

from stillwatch.engine.cores import CORES, on_all_cores

ELEMENT = 32
"""Bytes of an element and of a scalar."""
TAG = 12
"""Bytes of a tag. Among 2^35 pairs of values (25,000 by 1,000,000), two different values have the same tag
with a probability below 2^-60.
"""
DOMAIN = b"HashToGroup-OPRFV1-\x00-ristretto255-SHA512"
"""Domain separation tag of RFC 9497, section 4.1, for its base mode."""
BLOCK, WIDE = 128, 64
"""Bytes of a block and of the output of SHA-512."""
TAGGED = b"stillwatch-match-tag-1"
"""Prefix of the hash input of tags."""
AT_ONCE = 4096
"""Values that one thread processes at a time; chosen."""


class NotAnElement(ValueError):
    """Bytes that do not encode an element of the group, or that encode the neutral element."""


@cache
def _library() -> ModuleType:
    """The module `rbcl`. On import it unpacks a shared object into the temporary folder and leaves it there;
    for the import that folder is replaced by a private one, which is then removed.
    """
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as private:
        tempfile.tempdir = private
        try:
            import rbcl
        finally:
            tempfile.tempdir = before
    return rbcl


def random_scalar() -> bytes:
    """A random scalar, 32 bytes."""
    return bytes(_library().crypto_core_ristretto255_scalar_reduce(secrets.token_bytes(WIDE)))


def inverted(scalar: bytes) -> bytes:
    """The multiplicative inverse of the scalar."""
    return bytes(_library().crypto_core_ristretto255_scalar_invert(scalar))


def hashed(value: bytes) -> bytes:
    """Hash a value to an element: expand_message_xmd (RFC 9380, section 5.3.1) to 64 bytes, then the map of
    RFC 9496, section 4.3.4.
    """
    name = DOMAIN + bytes([len(DOMAIN)])
    first = hashlib.sha512(b"\x00" * BLOCK + value + WIDE.to_bytes(2) + b"\x00" + name).digest()
    return bytes(
        _library().crypto_core_ristretto255_from_hash(hashlib.sha512(first + b"\x01" + name).digest())
    )


def multiplied(scalar: bytes, element: bytes) -> bytes:
    """The element times the scalar. Raises `NotAnElement` for bytes that encode no element, and for the
    neutral one.
    """
    if len(element) != ELEMENT:
        raise NotAnElement(f"{len(element)} bytes")
    try:
        return bytes(_library().crypto_scalarmult_ristretto255(scalar, element))
    except (RuntimeError, TypeError, ValueError) as error:
        raise NotAnElement("no element of ristretto255") from error


def tag(element: bytes) -> bytes:
    """A digest of an element, of `TAG` bytes; tags are compared in place of elements."""
    return hashlib.sha512(TAGGED + element).digest()[:TAG]


def blinded(scalar: bytes, values: Sequence[bytes]) -> list[bytes]:
    """The hashed values times a scalar, in the same order, computed on all cores."""
    return _each(partial(_blinded, scalar), values)


def evaluated(scalar: bytes, elements: Sequence[bytes]) -> list[bytes]:
    """The elements times a scalar, in the same order, computed on all cores. Raises `NotAnElement`."""
    return _each(partial(multiplied, scalar), elements)


def tags_of(key: bytes, values: Sequence[bytes]) -> list[bytes]:
    """Tags of the hashed values times the key, in the same order, computed on all cores."""
    return _each(partial(_tagged, key), values)


def _blinded(scalar: bytes, value: bytes) -> bytes:
    """The hashed value times the scalar."""
    return multiplied(scalar, hashed(value))


def _tagged(key: bytes, value: bytes) -> bytes:
    """The tag of the hashed value times the key."""
    return tag(multiplied(key, hashed(value)))


def _each(function: Callable[[bytes], bytes], work: Sequence[bytes]) -> list[bytes]:
    """Apply the function to each item on all cores; the library releases the GIL while it computes."""
    _library()
    if len(work) <= AT_ONCE or CORES == 1:
        return [function(one) for one in work]
    parts = [work[at : at + AT_ONCE] for at in range(0, len(work), AT_ONCE)]
    return [one for part in on_all_cores(lambda some: [function(x) for x in some], parts) for one in part]
