"""The compiled loops of `sketch/capability.py`: words of prompts and sums of their weights.

A loop over single bytes has one mispredicted branch for each word, at its end, which costs as much as reading
the word. Here 64 bytes are compared with a range at once, and the starts and ends of words are computed from
the 64 result bits.

* Bytes are read by address: numba increments and decrements a reference count for each array passed to an
  inner function. The caller keeps the array alive, and no byte outside it is read.
* Indices are unsigned (`_U`): numba checks each signed index for negative values.
* All loops are in one file, because numba's cache does not notice changes in another file.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from stillwatch.contract.summaries import CAPABILITIES

# Numbers of two classes that the loops name.
OTHER, REASONING = CAPABILITIES.index("other"), CAPABILITIES.index("reasoning")
BUCKETS = 1 << 14  # number of hash buckets
HEAD, TAIL = 2000, 600  # first and last bytes of a prompt that are read
MAX_WORDS = 640  # most words of a prompt that are read
WINDOW = 24  # words of a window in which coercion is computed
COERCION = 8  # bit of coercion in the result of `classify_array`; the lower bits are the class

_U = np.uint64  # type of indices and digests
_PRIME = np.uint64(0x100000001B3)  # prime of FNV-1a with 64 bits
_SEED = np.uint64(0xCBF29CE484222325)  # offset of FNV-1a with 64 bits
# Odd constant by which the digest of a word is mixed with that of the next.
_PAIR = np.uint64(0x9E3779B97F4A7C15)
# A shift by 32 bits, and the mask of a bucket's number.
_S32, _MASK = np.uint64(32), np.uint64(BUCKETS - 1)
# Numbers as `_U`.
_1, _2, _3, _EIGHT, _BLOCK, _NO_BITS = _U(1), _U(2), _U(3), _U(8), _U(64), _U(0)
_FOLDED = np.arange(256, dtype=np.uint8)  # bytes in lower case
_FOLDED[65:91] += 32
# Kinds of bytes: white space and signs, letters, digits, and signs that need a closer look.
_NO, _WORD, _DIGIT, _ODD = range(4)
_KIND = np.zeros(256, np.uint8)  # kind of each byte
_KIND[(_FOLDED >= 97) & (_FOLDED <= 122) | (_FOLDED >= 128) | (_FOLDED == 95)] = _WORD
_KIND[48:58] = _DIGIT
_KIND[0xE3:0xEE] = _KIND[[60, 96, 40, 59]] = _ODD


def _within(typing_context, place, low, high):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001
    """64 bits; bit i is set where the byte at address `place` + i lies in `low` to `high`."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001
        """Emit the function in LLVM's instructions; returns its value."""
        byte, lane = ir.IntType(8), ir.IntType(32)
        block = ir.VectorType(byte, 64)
        read = builder.load(builder.inttoptr(arguments[0], block.as_pointer()), align=1)

        def everywhere(value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            """A vector that holds the value in all 64 bytes."""
            first = builder.insert_element(
                ir.Constant(block, ir.Undefined), builder.trunc(value, byte), lane(0)
            )
            return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(lane, 64), [0] * 64))

        span = everywhere(builder.sub(arguments[2], arguments[1]))  # type: ignore[no-untyped-call]
        low = everywhere(arguments[1])  # type: ignore[no-untyped-call]
        inside = builder.icmp_unsigned("<=", builder.sub(read, low), span)
        return builder.bitcast(inside, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64, types.uint64), generate


def _byte_at(typing_context, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001
    """The byte at address `place`."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001
        """Emit the function in LLVM's instructions; returns its value."""
        return builder.load(builder.inttoptr(arguments[0], ir.IntType(8).as_pointer()))

    return types.uint8(types.uint64), generate


def _lowest(typing_context, bits):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001
    """Index of the lowest set bit; 64 where none is set."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001
        """Emit the function in LLVM's instructions; returns its value."""
        return builder.cttz(arguments[0], ir.IntType(1)(0))

    return types.uint64(types.uint64), generate


# numba supplies the typing context; callers pass the other arguments.
within: Any = intrinsic(_within)
byte_at: Any = intrinsic(_byte_at)
lowest: Any = intrinsic(_lowest)


@numba.njit(cache=True, nogil=True, inline="always")
def _block(at, stop, end):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Bit masks of the 64 bytes at address `at`: ordinary word bytes, digits, digits with points and commas,
    and bytes that `_odd` examines.

    Bits for addresses from `stop` on are 0; `end` is the end of the buffer.
    """
    if at + _BLOCK + _2 <= end:
        lead = within(at, _U(0xE3), _U(0xED))
        word = within(at, _U(65), _U(90)) | within(at, _U(97), _U(122)) | within(at, _U(95), _U(95))
        word |= within(at, _U(128), _U(255)) & ~lead
        digit = within(at, _U(48), _U(57))
        dotted = digit | within(at, _U(46), _U(46)) | within(at, _U(44), _U(44))
        odd = within(at, _U(96), _U(96)) & within(at + _1, _U(96), _U(96)) & within(at + _2, _U(96), _U(96))
        odd |= within(at, _U(40), _U(40)) & within(at + _1, _U(41), _U(41))
        odd |= within(at, _U(59), _U(59)) & within(at + _1, _U(0), _U(32))
        odd |= lead | within(at, _U(60), _U(60))
        if stop - at < _BLOCK:
            kept = (_1 << (stop - at)) - _1
            word, digit, dotted, odd = word & kept, digit & kept, dotted & kept, odd & kept
    else:
        word = digit = dotted = odd = _NO_BITS
        for i in range(min(_BLOCK, stop - at)):
            c = byte_at(at + i)
            word |= _U(_KIND[c] == _WORD) << i
            digit |= _U(_KIND[c] == _DIGIT) << i
            dotted |= _U((_KIND[c] == _DIGIT) | (c == 46) | (c == 44)) << i
            odd |= _U(_KIND[c] == _ODD) << i
    return word, digit, dotted, odd


@numba.njit(cache=True, nogil=True, inline="always")
def _add(h, byte):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The FNV-1a digest with one more byte, in lower case."""
    return (h ^ _U(_FOLDED[byte])) * _PRIME


@numba.njit(cache=True, nogil=True, inline="always")
def _plain(at, after, end):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Digest of the word bytes from address `at` to before `after`.

    Eight steps are always computed and those beyond the length discarded, which is cheaper than a
    mispredicted branch.
    """
    length = after - at
    h = _add(_SEED, byte_at(at))
    if at + _EIGHT > end:
        for i in range(at + _1, after):
            h = _add(h, byte_at(i))
        return h
    g = _add(h, byte_at(at + _1))
    h = g if length > _1 else h
    g = _add(h, byte_at(at + _2))
    h = g if length > _2 else h
    g = _add(h, byte_at(at + _3))
    h = g if length > _3 else h
    g = _add(h, byte_at(at + _U(4)))
    h = g if length > _U(4) else h
    g = _add(h, byte_at(at + _U(5)))
    h = g if length > _U(5) else h
    g = _add(h, byte_at(at + _U(6)))
    h = g if length > _U(6) else h
    g = _add(h, byte_at(at + _U(7)))
    h = g if length > _U(7) else h
    if length > _EIGHT:
        for i in range(at + _EIGHT, after):
            h = _add(h, byte_at(i))
    return h


@numba.njit(cache=True, nogil=True)
def _odd(begin, i, stop, h):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Continue at `i` the word or sign that begins at `begin`, whose digest so far is `h`; returns its
    digest, its end, and whether it counts as a word.

    An apostrophe inside a word and `<` before it belong to the word; a CJK character ends it.
    """
    c = byte_at(begin)
    if c == 96:
        is_fence = begin + _2 < stop and byte_at(begin + _1) == 96 and byte_at(begin + _2) == 96
        return h ^ _2, begin + (_3 if is_fence else _1), is_fence
    if c == 40 or c == 59:  # call or end of statement: code without a fence
        is_code = begin + _1 < stop and (byte_at(begin + _1) == 41 if c == 40 else byte_at(begin + _1) <= 32)
        return h ^ _3, begin + (_2 if is_code else _1), is_code
    while i < stop:
        c = byte_at(i)
        lead = 0xE3 <= c <= 0xED
        if not (_KIND[c] == _WORD or lead or c == 39 or (c == 60 and i == begin)):
            break
        h = _add(h, c)
        i += _1
        if lead and i + _1 < stop:
            h = (h ^ _U(byte_at(i))) * _PRIME
            h = (h ^ _U(byte_at(i + _1))) * _PRIME
            i += _2
            break
    return h, i, True


@numba.njit(cache=True, nogil=True)
def _words(data, start, stop, words, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, C901
    """Write the digests of the words of data[start:stop] to `words` from index `count` on; returns the new
    count.
    """
    address = _U(data.ctypes.data)
    end, block, stop = address + _U(data.shape[0]), address + _U(start), address + _U(stop)
    limit, filled, i = _U(words.shape[0]), _U(count), block
    while block < stop and filled < limit:
        read = i - block if i > block else _NO_BITS
        if read < _BLOCK:
            word, digit, dotted, odd = _block(block, stop, end)
            begins = (word & ~(word << _1)) | (digit & ~(digit << _1)) | odd
            begins = (begins >> read << read) | ((word | digit | odd) & (_1 << read))
            while begins != _NO_BITS and filled < limit:
                bit = lowest(begins)
                begins &= begins - _1
                begin = block + bit
                h = _SEED
                if (word >> bit) & _1:
                    i = begin + lowest(~(word >> bit))
                    if i == block + _BLOCK:
                        while i < stop and _KIND[byte_at(i)] == _WORD:
                            i += _1
                    h = _plain(begin, i, end)
                    if i >= stop or (byte_at(i) != 39 and (byte_at(i) < 0xE3 or byte_at(i) > 0xED)):
                        words[filled] = h ^ (h >> _S32)
                        filled += _1
                        continue
                    h, i, is_word = _odd(begin, i, stop, h)
                elif (digit >> bit) & _1:
                    i = begin + lowest(~(dotted >> bit))
                    if i == block + _BLOCK:
                        while i < stop and (
                            _KIND[byte_at(i)] == _DIGIT or byte_at(i) == 46 or byte_at(i) == 44
                        ):
                            i += _1
                    h, is_word = h ^ _1, True
                else:
                    h, i, is_word = _odd(begin, begin, stop, h)
                if is_word:
                    words[filled] = h ^ (h >> _S32)
                    filled += _1
                read = i - block
                if read >= _BLOCK:
                    break
                begins = (begins >> read << read) | ((word | digit | odd) & (_1 << read))
        block += _BLOCK
    return np.int64(filled)


@numba.njit(cache=True, nogil=True)
def _row_words(data, start, stop, words):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill `words` with the word digests of one prompt; returns their number."""
    if stop - start <= HEAD + TAIL:
        return _words(data, start, stop, words, 0)
    count = _words(data, start, start + HEAD, words[: MAX_WORDS - 160], 0)
    return _words(data, stop - TAIL, stop, words, count)


@numba.njit(cache=True, nogil=True)
def features(data, offsets, places, bounds):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Fill `places` with the buckets of all prompts, two for each word: the word and its pair with the word
    before. `bounds` is filled with the offset of each prompt; returns the number of buckets.
    """
    words = np.empty(MAX_WORDS, np.uint64)
    total = 0
    bounds[0] = 0
    for row in range(offsets.shape[0] - 1):
        count = _row_words(data, offsets[row], offsets[row + 1], words)
        before = np.uint64(0)
        for w in range(count):
            pair = (before * _PAIR) ^ words[w]
            places[total] = np.int32(words[w] & _MASK)
            places[total + 1] = np.int32((pair ^ (pair >> _S32)) & _MASK)
            total += 2
            before = words[w]
        bounds[row + 1] = total
    return total


@numba.njit(cache=True, nogil=True)
def classify(data, offsets, weights, bias, coercion, threshold, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Fill `out` with the class of each row, plus `COERCION`. Sums are float32 in the order of the words;
    another order would change the last bits.
    """
    words = np.empty(MAX_WORDS, np.uint64)
    scores = np.empty(8, np.float32)
    running = np.empty(MAX_WORDS + 1, np.float32)
    for row in range(offsets.shape[0] - 1):
        count = _row_words(data, offsets[row], offsets[row + 1], words)
        if count == 0:
            out[row] = OTHER
            continue
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = coerced = running[0] = np.float32(0)
        before = np.uint64(0)
        for w in range(_U(count)):
            pair = (before * _PAIR) ^ words[w]
            one, two = words[w] & _MASK, (pair ^ (pair >> _S32)) & _MASK
            s0 += weights[one, 0] + weights[two, 0]
            s1 += weights[one, 1] + weights[two, 1]
            s2 += weights[one, 2] + weights[two, 2]
            s3 += weights[one, 3] + weights[two, 3]
            s4 += weights[one, 4] + weights[two, 4]
            s5 += weights[one, 5] + weights[two, 5]
            s6 += weights[one, 6] + weights[two, 6]
            s7 += weights[one, 7] + weights[two, 7]
            coerced = coerced + coercion[one] + coercion[two]
            running[w + _1] = coerced
            before = words[w]
        scores[0], scores[1], scores[2], scores[3] = s0, s1, s2, s3
        scores[4], scores[5], scores[6], scores[7] = s4, s5, s6, s7
        scale = np.float32(1.0 / np.sqrt(2.0 * count))
        best = 0
        for c in range(8):
            scores[c] = scores[c] * scale + bias[c]
            if scores[c] > scores[best]:
                best = c
        width = min(count, WINDOW)
        reach = np.float32(-1e9)
        for w in range(_U(width), _U(count + 1)):
            reach = max(reach, running[w] - running[w - _U(width)])
        coerces = reach * np.float32(1.0 / np.sqrt(2.0 * width)) > threshold
        out[row] = (REASONING | COERCION) if coerces else best
