"""Windows of tokens, and the bits that a key assigns to each.

A window is `width` tokens of context and the token that follows. The key turns each window into 64 bits
that cannot be predicted without it: SipHash-2-4 (Aumasson and Bernstein 2012) of the context, then the
finaliser of SplitMix64 over that and the token. The second step needs no key, so that a whole vocabulary
costs one pass on any device; the seed of one context reveals nothing of another's.

For text that is independent of the key, bits of *distinct* windows are independent and uniform. This is the
whole null of the tests on windows. A repeated window has no new bits (Fernandez and others 2023; Sander and
others 2024), so tests take each window once, with a weight that may depend on how often it occurs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from stillwatch.stats.arrays import Bools, Floats, Ints, Uints

# Constants of splitmix64 (Steele, Lea and Flood 2014).
GOLDEN, M2, M3 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
# The same as unsigned numbers, for compiled loops.
_GOLDEN, _M2, _M3 = np.uint64(GOLDEN), np.uint64(M2), np.uint64(M3)
# Shifts of splitmix64.
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_PUBLIC = np.array(
    [0x5354494C4C574154, 0x43485F57494E444F], np.uint64
)  # public key for comparing windows, not for marks


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows: contexts, shape (n, width), and the tokens that follow, shape (n,)."""

    contexts: Ints
    tokens: Ints

    def __len__(self) -> int:
        return len(self.tokens)

    def keep(self, mask: Bools | npt.NDArray[np.integer[Any]]) -> Windows:
        """The windows selected by a mask or by indices."""
        return Windows(self.contexts[mask], self.tokens[mask])


@numba.njit(cache=True, nogil=True)
def _rotate(x, n):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled; types are inferred by numba
    """A 64-bit number rotated to the left by n bits."""
    return (x << np.uint64(n)) | (x >> np.uint64(64 - n))


@numba.njit(cache=True, nogil=True)
def _round(a, b, c, d):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """One round of SipHash (Aumasson and Bernstein 2012)."""
    a = a + b
    b = _rotate(b, 13) ^ a
    a = _rotate(a, 32)
    c = c + d
    d = _rotate(d, 16) ^ c
    a = a + d
    d = _rotate(d, 21) ^ a
    c = c + b
    b = _rotate(b, 17) ^ c
    return a, b, _rotate(c, 32), d


@numba.njit(cache=True, nogil=True)
def _seeds(contexts, key):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """SipHash of each row of contexts under a key, shape (n,)."""
    rows, width = contexts.shape
    out = np.empty(rows, np.uint64)
    for row in range(rows):
        a = key[0] ^ np.uint64(0x736F6D6570736575)
        b = key[1] ^ np.uint64(0x646F72616E646F6D)
        c = key[0] ^ np.uint64(0x6C7967656E657261)
        d = key[1] ^ np.uint64(0x7465646279746573)
        for at in range(width + 1):
            word = np.uint64(contexts[row, at]) if at < width else np.uint64(((8 * width) & 255) << 56)
            d ^= word
            a, b, c, d = _round(a, b, c, d)
            a, b, c, d = _round(a, b, c, d)
            a ^= word
        c ^= np.uint64(0xFF)
        for _ in range(4):
            a, b, c, d = _round(a, b, c, d)
        out[row] = a ^ b ^ c ^ d
    return out


@numba.njit(cache=True, nogil=True)
def _bits(seeds, tokens):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """64 pseudo-random bits for each seed and token, shape (n,)."""
    out = np.empty(len(tokens), np.uint64)
    for i in range(len(tokens)):
        x = seeds[i] + (np.uint64(tokens[i]) + np.uint64(1)) * _GOLDEN
        for _ in range(2):
            x = (x ^ (x >> _S30)) * _M2
            x = (x ^ (x >> _S27)) * _M3
            x = x ^ (x >> _S31)
        out[i] = x
    return out


def seeds(contexts: Ints, key: Uints) -> Uints:
    """Seeds of contexts under a key: contexts of shape (n, width) give n 64-bit words."""
    return np.asarray(_seeds(np.ascontiguousarray(contexts, np.int64), np.asarray(key, np.uint64)))


def bits_of(seed: Uints, tokens: Ints) -> Uints:
    """Bits of windows, shape (n,), from their contexts' seeds and their tokens."""
    return np.asarray(_bits(np.ascontiguousarray(seed, np.uint64), np.ascontiguousarray(tokens, np.int64)))


def bits(some: Windows, key: Uints) -> Uints:
    """Bits of windows under a key, shape (n,); uniform and independent for anyone without the key."""
    return bits_of(seeds(some.contexts, key), some.tokens)


def uniforms(some: Uints) -> Floats:
    """Bits as floats strictly between 0 and 1."""
    return ((some >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def tensor_uniforms(some: Any) -> Any:  # noqa: ANN401  a tensor of whatever device
    """Like `uniforms`, for a tensor of signed words (`serving.vocabulary_bits`)."""
    return (((some >> 11) & ((1 << 53) - 1)).double() + 0.5) * 2.0**-53


def identities(some: Windows) -> Uints:
    """One 64-bit word per window, equal for equal windows; computed under a public key."""
    return bits(some, _PUBLIC)


def contexts_of(some: Windows) -> Uints:
    """One 64-bit word per context, equal for equal contexts; computed under a public key."""
    return seeds(some.contexts, _PUBLIC)


def cut(sequences: Iterable[Sequence[int]], width: int) -> Windows:
    """All windows of token sequences in order, repeats included; no window spans two sequences."""
    contexts: list[Ints] = []
    tokens: list[Ints] = []
    for sequence in sequences:
        ids = np.asarray(sequence, np.int64)
        if len(ids) > width:
            view = np.lib.stride_tricks.sliding_window_view(ids, width + 1)
            contexts.append(view[:, :width])
            tokens.append(view[:, width])
    if not tokens:
        return Windows(np.empty((0, width), np.int64), np.empty(0, np.int64))
    return Windows(np.concatenate(contexts), np.concatenate(tokens))


def stand_in(some: Windows, asked: Windows) -> Bools:
    """Mask of the windows that occur in the prompts `asked`; repeating a prompt is no evidence."""
    return np.isin(identities(some), identities(asked))


def has_context_of(some: Windows, served: Windows) -> Bools:
    """Mask of the windows whose context was served; in other contexts a suspect cannot have learnt the mark
    (the filter of Sander and others).
    """
    return np.isin(contexts_of(some), contexts_of(served))
