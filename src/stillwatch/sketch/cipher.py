"""Encryption of digests: SPECK64/128, a permutation of 64-bit blocks under a key of 128 bits.

Digests are computed under a public seed and then enciphered (Beaulieu and others 2013; ISO/IEC 29167-22). Equal digests
stay equal, so that campaigns are found as in clear. Without the key nobody can compute the digest of a guessed prompt,
and pairs of a text and its enciphered digest do not reveal the key. With the key digests can be deciphered, so that a key
can be replaced without the text. 0 stands for "no text" and stays 0.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
ROUNDS = 27
LOW = np.uint64(0xFFFFFFFF)


def schedule(key: bytes) -> npt.NDArray[np.uint32]:
    """Round keys of SPECK64/128 from sixteen bytes, least significant word first."""
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
    for k in rounds:
        x = (((x >> np.uint64(8)) | (x << np.uint64(24))) + y) & LOW ^ np.uint64(k)
        y = ((y << np.uint64(3)) | (y >> np.uint64(29))) & LOW ^ x
    return x, y


@numba.njit(cache=True, nogil=True)
def _backward(x, y, rounds):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(rounds) - 1, -1, -1):
        y ^= x
        y = ((y >> np.uint64(3)) | (y << np.uint64(29))) & LOW
        x = ((x ^ np.uint64(rounds[i])) - y) & LOW
        x = ((x << np.uint64(8)) | (x >> np.uint64(24))) & LOW
    return x, y


@numba.njit(cache=True, nogil=True)
def _apply(values, rounds, back):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    out = np.empty_like(values)
    for i in range(len(values)):
        value = values[i]
        while value != 0:  # walks on past the one block that would meet 0
            x, y = value >> np.uint64(32), value & LOW
            x, y = _backward(x, y, rounds) if back else _forward(x, y, rounds)
            value = (x << np.uint64(32)) | y
            if value != 0:
                break
            x, y = np.uint64(0), np.uint64(0)
            x, y = _backward(x, y, rounds) if back else _forward(x, y, rounds)
            value = (x << np.uint64(32)) | y
            break
        out[i] = value
    return out


@numba.njit(cache=True, nogil=True)
def _sort(values, offsets):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Sort each run of `values` between two `offsets` in place; runs are short."""
    for row in range(len(offsets) - 1):
        begin = offsets[row]
        for i in range(begin + 1, offsets[row + 1]):
            value, j = values[i], i
            while j > begin and values[j - 1] > value:
                values[j] = values[j - 1]
                j -= 1
            values[j] = value


def encipher(values: Keys, key: bytes) -> Keys:
    """Digests under a key of 16 bytes; 0 stays 0."""
    return np.asarray(_apply(np.ascontiguousarray(values, np.uint64), schedule(key), False))


def decipher(values: Keys, key: bytes) -> Keys:
    """Digests as they were before `encipher` with this key."""
    return np.asarray(_apply(np.ascontiguousarray(values, np.uint64), schedule(key), True))


def encipher_lists(values: Keys, offsets: npt.NDArray[np.int64], key: bytes) -> Keys:
    """Lists of digests, of which list i is values[offsets[i]:offsets[i + 1]], under a key; each list is in ascending order.

    The order of a list says nothing: neither where a phrase stands in its text nor how its public digest compares with another's.
    """
    out = encipher(values, key)
    _sort(out, np.ascontiguousarray(offsets, np.int64))
    return out
