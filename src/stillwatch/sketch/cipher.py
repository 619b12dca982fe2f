"""Encryption of digests with SPECK64/128, a block cipher with 64-bit blocks and a 128-bit key.

Digests are computed under a public seed and then enciphered (Beaulieu and others 2013; ISO/IEC 29167-22).
Equal digests stay equal, so that the detector gives the same results. Without the key the digest of a guessed
prompt cannot be computed, and pairs of a text and its enciphered digest do not reveal the key. With the key
digests can be deciphered, so that a key can be replaced without the text. 0 means "no text" and stays 0.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from stillwatch.stats.arrays import Ints, Uints

ROUNDS = 27  # rounds of SPECK64/128
LOW = np.uint64(0xFFFFFFFF)  # mask of the lower 32 bits
AT_ONCE = 1024  # blocks processed together; their buffers of 16 KiB fit the first-level cache


def schedule(key: bytes) -> npt.NDArray[np.uint32]:
    """The 27 round keys of SPECK64/128 from a key of 16 bytes, least significant word first. Raises
    `ValueError` for another length.
    """
    if len(key) != 16:
        raise ValueError(f"the cipher takes a key of 16 bytes, got {len(key)}")
    words = [int.from_bytes(key[i : i + 4], "little") for i in range(0, 16, 4)]
    k, rest = words[0], words[1:]
    rounds = [k]
    for i in range(ROUNDS - 1):
        mixed = (k + ((rest[i] >> 8) | (rest[i] << 24) & 0xFFFFFFFF)) & 0xFFFFFFFF ^ i
        rest.append(mixed)
        k = ((k << 3 | k >> 29) & 0xFFFFFFFF) ^ mixed
        rounds.append(k)
    return np.array(rounds, np.uint32)


@numba.njit(cache=True, nogil=True)
def _forward(x, y, rounds):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Encipher the blocks x[i], y[i] in place. The inner loop runs over blocks, so that the compiler can
    vectorise it.
    """
    for k in rounds:
        key = np.uint64(k)
        for i in range(len(x)):
            x[i] = (((x[i] >> np.uint64(8)) | (x[i] << np.uint64(24))) + y[i]) & LOW ^ key
            y[i] = ((y[i] << np.uint64(3)) | (y[i] >> np.uint64(29))) & LOW ^ x[i]


@numba.njit(cache=True, nogil=True)
def _backward(x, y, rounds):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Undo `_forward`."""
    for r in range(len(rounds) - 1, -1, -1):
        key = np.uint64(rounds[r])
        for i in range(len(x)):
            y[i] ^= x[i]
            y[i] = ((y[i] >> np.uint64(3)) | (y[i] << np.uint64(29))) & LOW
            x[i] = ((x[i] ^ key) - y[i]) & LOW
            x[i] = ((x[i] << np.uint64(8)) | (x[i] >> np.uint64(24))) & LOW


@numba.njit(cache=True, nogil=True)
def _apply(values, rounds, back):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Encipher all values, or decipher them where `back` is true; 0 stays 0."""
    out = np.empty_like(values)
    x, y = np.empty(AT_ONCE, np.uint64), np.empty(AT_ONCE, np.uint64)
    x[0] = y[0] = 0
    if back:
        _backward(x[:1], y[:1], rounds)
    else:
        _forward(x[:1], y[:1], rounds)
    of_nothing = (x[0] << np.uint64(32)) | y[0]
    for begin in range(0, len(values), AT_ONCE):
        n = min(AT_ONCE, len(values) - begin)
        for i in range(n):
            x[i], y[i] = values[begin + i] >> np.uint64(32), values[begin + i] & LOW
        if back:
            _backward(x[:n], y[:n], rounds)
        else:
            _forward(x[:n], y[:n], rounds)
        for i in range(n):
            block = (x[i] << np.uint64(32)) | y[i]
            # The one block that is mapped to 0 gets the image of 0 instead, since 0 means "no text".
            block = of_nothing if block == 0 else block
            out[begin + i] = block if values[begin + i] != 0 else np.uint64(0)
    return out


@numba.njit(cache=True, nogil=True)
def _sort(values, offsets):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Sort each list values[offsets[i]:offsets[i + 1]] in place; insertion sort, since lists are short."""
    for row in range(len(offsets) - 1):
        begin = offsets[row]
        for i in range(begin + 1, offsets[row + 1]):
            value, j = values[i], i
            while j > begin and values[j - 1] > value:
                values[j] = values[j - 1]
                j -= 1
            values[j] = value


def encipher(values: Uints, key: bytes) -> Uints:
    """64-bit digests enciphered with a key of 16 bytes; 0 stays 0."""
    return np.asarray(_apply(np.ascontiguousarray(values, np.uint64), schedule(key), False))


def decipher(values: Uints, key: bytes) -> Uints:
    """The inverse of `encipher` with the same key; 0 stays 0."""
    return np.asarray(_apply(np.ascontiguousarray(values, np.uint64), schedule(key), True))


def encipher_lists(values: Uints, offsets: Ints, key: bytes) -> Uints:
    """Lists of digests, enciphered with a key of 16 bytes and sorted in ascending order; list i is
    values[offsets[i]:offsets[i + 1]].

    Sorting removes information from the order: the position of a phrase in its text, and the order of the
    public digests.
    """
    out = encipher(values, key)
    _sort(out, np.ascontiguousarray(offsets, np.int64))
    return out
