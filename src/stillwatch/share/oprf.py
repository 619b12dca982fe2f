"""The group operations of an oblivious pseudorandom function on ristretto255 (RFC 9497, OPRF mode,
ristretto255-SHA512).

An element is 32 bytes, a scalar 32 bytes. `hashed`, `multiplied` and `inverted` are `HashToGroup`, `Blind` or
`BlindEvaluate`, and the inversion in `Finalize` of the RFC. The output differs: the tag of a value is a
digest of the group element alone, without the value, so that a party can compute the tags of answers whose
order is hidden from it.
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
"""Bytes of a tag: among 2^35 pairs of values (25,000 by 1,000,000) two different ones have one tag with a
probability below 2^-60.
"""
DOMAIN = b"HashToGroup-OPRFV1-\x00-ristretto255-SHA512"
"""Domain separation tag of RFC 9497, section 4.1, for its base mode."""
BLOCK, WIDE = 128, 64
"""Bytes of a block and of the output of SHA-512."""
TAGGED = b"stillwatch-match-tag-1"
AT_ONCE = 4096
"""Values that one thread works on at a time; chosen."""


class NotAnElement(ValueError):
    """Bytes that encode no element of the group, or the neutral one."""


@cache
def _library() -> ModuleType:
    """The library. On import it unpacks a shared object into the folder for temporary files and leaves it
    there; the folder is made a private one for that moment, and removed.
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
    """A scalar drawn at random, not zero."""
    return bytes(_library().crypto_core_ristretto255_scalar_reduce(secrets.token_bytes(WIDE)))


def inverted(scalar: bytes) -> bytes:
    """The scalar whose product with this one is 1."""
    return bytes(_library().crypto_core_ristretto255_scalar_invert(scalar))


def hashed(value: bytes) -> bytes:
    """The element of a value: expand_message_xmd of RFC 9380, section 5.3.1, to 64 bytes, and the map of
    RFC 9496, section 4.3.4.
    """
    name = DOMAIN + bytes([len(DOMAIN)])
    first = hashlib.sha512(b"\x00" * BLOCK + value + WIDE.to_bytes(2) + b"\x00" + name).digest()
    return bytes(
        _library().crypto_core_ristretto255_from_hash(hashlib.sha512(first + b"\x01" + name).digest())
    )


def multiplied(scalar: bytes, element: bytes) -> bytes:
    """The element times the scalar. Raises `NotAnElement` for bytes that are no element, and for the
    neutral one.
    """
    if len(element) != ELEMENT:
        raise NotAnElement(f"{len(element)} bytes")
    try:
        return bytes(_library().crypto_scalarmult_ristretto255(scalar, element))
    except (RuntimeError, TypeError, ValueError) as error:
        raise NotAnElement("no element of ristretto255") from error


def tag(element: bytes) -> bytes:
    """What is compared in place of an element: a digest of `TAG` bytes."""
    return hashlib.sha512(TAGGED + element).digest()[:TAG]


def blinded(scalar: bytes, values: Sequence[bytes]) -> list[bytes]:
    """The elements of these values times a scalar, in their order, on all cores."""
    return _each(partial(_blinded, scalar), values)


def evaluated(scalar: bytes, elements: Sequence[bytes]) -> list[bytes]:
    """These elements times a scalar, in their order, on all cores. Raises `NotAnElement`."""
    return _each(partial(multiplied, scalar), elements)


def tags_of(key: bytes, values: Sequence[bytes]) -> list[bytes]:
    """Tags of one's own values under the key, in their order, on all cores."""
    return _each(partial(_tagged, key), values)


def _blinded(scalar: bytes, value: bytes) -> bytes:
    return multiplied(scalar, hashed(value))


def _tagged(key: bytes, value: bytes) -> bytes:
    return tag(multiplied(key, hashed(value)))


def _each(function: Callable[[bytes], bytes], work: Sequence[bytes]) -> list[bytes]:
    """The function of each, on all cores; the library gives up Python's lock while it computes."""
    _library()
    if len(work) <= AT_ONCE or CORES == 1:
        return [function(one) for one in work]
    parts = [work[at : at + AT_ONCE] for at in range(0, len(work), AT_ONCE)]
    return [one for part in on_all_cores(lambda some: [function(x) for x in some], parts) for one in part]
