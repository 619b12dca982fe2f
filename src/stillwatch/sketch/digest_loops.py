"""The compiled loops of `sketch/digest.py`.

A change of their results needs a new `VERSION` there. They are fast by three rules:

* independent chains of operations are interleaved, since one chain of dependent multiplications leaves the
  processor idle;
* unpredictable decisions are computed without a branch, since a mispredicted one costs as much as reading a
  word;
* indices are unsigned (`_U`), since numba checks each signed index for negative values.

All loops are in one file, because numba's cache does not notice changes in another file.
"""

from __future__ import annotations

import numba
import numpy as np

HEAD, TAIL = 8192, 4096  # first and last bytes of a prompt that are read
MAX_WORDS = 2048  # most words of a prompt that are read
SHINGLE, WINDOW = 4, 6  # words of a shingle, and shingles of a window of winnowing
MAX_PHRASES = 24  # most phrases of a prompt that are kept
BANDS, ROWS = 4, 3  # bands of a prompt, and minima of a band
OPENING_WORDS = 12  # first words in `opening_key`

_U = np.uint64  # type of indices and digests
# Numbers as `_U`.
_1, _2, _3, _4, _5 = _U(1), _U(2), _U(3), _U(4), _U(5)
# No digest, and the largest one.
_NONE, _MOST = _U(0), _U(0xFFFFFFFFFFFFFFFF)
# Constants of splitmix64 (Steele, Lea and Flood 2014).
_M1, _M2, _M3 = _U(0x9E3779B97F4A7C15), _U(0xBF58476D1CE4E5B9), _U(0x94D049BB133111EB)
# What stands in a template for a number, quotation, code and link; and the salt of phrases.
_NUMBER, _QUOTE, _CODE, _LINK, _PHRASE = _U(11), _U(12), _U(13), _U(14), _U(77)
# Shifts of splitmix64, and one by 32 bits.
_S30, _S27, _S31, _S32 = _U(30), _U(27), _U(31), _U(32)
# Constant of each row of each band, which makes their hash functions differ.
_SALTS = [_U((m + 1) * int(_M2) & int(_MOST)) for m in range(BANDS * ROWS)]
# The same one by one, since compiled loops read scalars fastest.
_SALT_1, _SALT_2, _SALT_3, _SALT_4, _SALT_5, _SALT_6 = _SALTS[:6]
_SALT_7, _SALT_8, _SALT_9, _SALT_10, _SALT_11, _SALT_12 = _SALTS[6:]

_FOLDED = np.arange(256, dtype=np.uint8)  # bytes in lower case
_FOLDED[65:91] += 32
_TEXT = np.where(_FOLDED > 32, _FOLDED, 0).astype(np.uint8)  # byte in lower case, 0 for white space
# Byte of a word in lower case, 0 for a byte that ends a word.
_LETTER = np.where((_FOLDED >= 97) & (_FOLDED <= 122) | (_FOLDED >= 128), _FOLDED, 0).astype(np.uint8)
_LETTER[0xE3:0xEE] = 0  # `_LETTER`: byte of a word in lower case, 0 for a byte that ends a word
_DIGIT, _TICK, _MARK, _LEAD = 1, 2, 3, 4  # kinds of bytes that are no letters; 0 is skipped
_KIND = np.zeros(256, np.uint8)  # kind of each byte
_KIND[48:58], _KIND[96], _KIND[34], _KIND[0xE3:0xEE] = _DIGIT, _TICK, _MARK, _LEAD


@numba.njit(cache=True, nogil=True, inline="always")
def _mix(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled; types are inferred by numba
    """Finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> _S30)) * _M2
    x = (x ^ (x >> _S27)) * _M3
    return x ^ (x >> _S31)


@numba.njit(cache=True, nogil=True, inline="always")
def _some(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """`x`, or 1 where it is 0, since 0 means "no text"."""
    return x if x != _NONE else _1


@numba.njit(cache=True, nogil=True)
def _words(data, start, stop, key, words, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, C901
    """Append the masked words of data[start:stop] to `words`; returns the new count."""
    i, stop = _U(start), _U(stop)
    limit, filled = _U(words.shape[0]), _U(count)
    number = _mix(key ^ _NUMBER)
    while i < stop and filled < limit:
        letter = _LETTER[data[i]]
        if letter != 0:
            begin, h = i, key
            while True:
                h = (h ^ _U(letter)) * _M1
                i += _1
                if i >= stop:
                    break
                letter = _LETTER[data[i]]
                if letter == 0:
                    if data[i] != 39:
                        break
                    letter = np.uint8(39)  # an apostrophe inside a word belongs to it
            if (i - begin == _4 or i - begin == _5) and (
                i + _2 < stop
                and data[i] == 58
                and data[i + _1] == 47
                and data[i + _2] == 47
                and (data[begin] | 32) == 104
            ):
                while i < stop and data[i] > 32:
                    i += _1
                h = key ^ _LINK
        else:
            kind = _KIND[data[i]]
            if kind == 0:
                i += _1
                continue
            if kind == _DIGIT:
                while i < stop and (_KIND[data[i]] == _DIGIT or data[i] == 46 or data[i] == 44):
                    i += _1
                words[filled] = number  # the same word for every number
                filled += _1
                continue
            if kind == _TICK:
                if not (i + _2 < stop and data[i + _1] == 96 and data[i + _2] == 96):
                    i += _1
                    continue
                i += _3
                while i + _2 < stop and not (data[i] == 96 and data[i + _1] == 96 and data[i + _2] == 96):
                    i += _1
                i += _3
                h = key ^ _CODE
            elif kind == _MARK:
                end = min(stop, i + _U(200))
                i += _1
                j = i
                while j < end and data[j] != 34 and data[j] != 10:
                    j += _1
                if j >= end or data[j] != 34:
                    continue
                i = j + _1
                h = key ^ _QUOTE
            elif i + _2 < stop:  # a CJK character
                h = (_U(data[i]) << _S32) | (_U(data[i + _1]) << _U(8)) | _U(data[i + _2])
                h = (key ^ h) * _M1
                i += _3
            else:  # a CJK character that is cut off at the end is no word
                break
        words[filled] = _mix(h)
        filled += _1
    return np.int64(filled)


@numba.njit(cache=True, nogil=True, inline="always")
def _read(h, byte):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The digest `h` extended by one byte of `_TEXT`; unchanged for 0, which is white space."""
    g = (h ^ _U(byte)) * _M1
    g = g ^ (g >> _S31)
    return g if byte != 0 else h


@numba.njit(cache=True, nogil=True)
def text_keys(data, offsets, key, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Fill `out` with the text digest of each row; 0 for an empty row.

    The step of a byte depends on that of the previous byte, so four rows are processed in parallel. A
    finished row is replaced by the next one.
    """
    rows = offsets.shape[0] - 1
    row, at, end = np.zeros(4, np.int64), np.zeros(4, np.int64), np.zeros(4, np.int64)
    lanes = np.zeros(4, np.uint64)
    begun = 0
    while True:
        for lane in range(4):
            while at[lane] == end[lane] and begun < rows:
                row[lane], at[lane], end[lane], lanes[lane] = begun, offsets[begun], offsets[begun + 1], key
                out[begun] = _NONE
                begun += 1
        steps = min(end[0] - at[0], end[1] - at[1], end[2] - at[2], end[3] - at[3])
        if steps == 0:
            break
        i0, i1, i2, i3 = _U(at[0]), _U(at[1]), _U(at[2]), _U(at[3])
        h0, h1, h2, h3 = lanes[0], lanes[1], lanes[2], lanes[3]
        for s in range(_U(steps)):
            h0 = _read(h0, _TEXT[data[i0 + s]])
            h1 = _read(h1, _TEXT[data[i1 + s]])
            h2 = _read(h2, _TEXT[data[i2 + s]])
            h3 = _read(h3, _TEXT[data[i3 + s]])
        lanes[0], lanes[1], lanes[2], lanes[3] = h0, h1, h2, h3
        for lane in range(4):
            at[lane] += steps
            if at[lane] == end[lane]:
                out[row[lane]] = _some(_mix(lanes[lane]))
    for lane in range(4):  # rows that remain when fewer than four are left
        if at[lane] < end[lane]:
            h = lanes[lane]
            for i in range(_U(at[lane]), _U(end[lane])):
                h = _read(h, _TEXT[data[i]])
            out[row[lane]] = _some(_mix(h))


@numba.njit(cache=True, nogil=True, inline="always")
def _less(least, x, salt):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The minimum of `least` and the salted digest of `x`."""
    y = (x ^ salt) * _M1
    y = y ^ (y >> _S32)
    return y if y < least else least


@numba.njit(cache=True, nogil=True)
def _min_hash(words, count, key, threes, bands):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill one row's `bands` from its three-word shingles; `threes` is scratch memory.

    The minima are local variables, at most six in a loop, so that they stay in registers and the compiler can
    vectorise the loop.
    """
    n = _U(max(1, count - 2))
    threes[0] = words[0]
    for w in range(_U(max(0, count - 2))):
        threes[w] = _mix(words[w] * _M1 + words[w + _1] * _M2 + words[w + _2] * _M3)
    a = b = c = d = e = f = _MOST
    for w in range(n):
        x = threes[w]
        a, b, c = _less(a, x, _SALT_1), _less(b, x, _SALT_2), _less(c, x, _SALT_3)
        d, e, f = _less(d, x, _SALT_4), _less(e, x, _SALT_5), _less(f, x, _SALT_6)
    bands[0] = _some(_mix(_mix(_mix(key ^ a) ^ b) ^ c))
    bands[1] = _some(_mix(_mix(_mix((key + _1) ^ d) ^ e) ^ f))
    a = b = c = d = e = f = _MOST
    for w in range(n):
        x = threes[w]
        a, b, c = _less(a, x, _SALT_7), _less(b, x, _SALT_8), _less(c, x, _SALT_9)
        d, e, f = _less(d, x, _SALT_10), _less(e, x, _SALT_11), _less(f, x, _SALT_12)
    bands[2] = _some(_mix(_mix(_mix((key + _2) ^ a) ^ b) ^ c))
    bands[3] = _some(_mix(_mix(_mix((key + _3) ^ d) ^ e) ^ f))


@numba.njit(cache=True, nogil=True)
def _shingle(words, count, key, shingles):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill `shingles` with the digests of each four consecutive words, or one digest of all words where there
    are fewer; returns their number.
    """
    h = key ^ _PHRASE
    if count < SHINGLE:
        for w in range(_U(count)):
            h = _mix((h ^ words[w]) * _M1)
        shingles[0] = h
        return 1
    n = _U(count - SHINGLE + 1)
    for w in range(n):
        shingles[w] = _mix((h ^ words[w]) * _M1)
    for j in range(_1, _U(SHINGLE)):  # one pass for each word position, so that the shingles' chains overlap
        for w in range(n):
            shingles[w] = _mix((shingles[w] ^ words[w + j]) * _M1)
    return count - SHINGLE + 1


@numba.njit(cache=True, nogil=True)
def _winnow(s, n, chosen):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill `chosen` with the rightmost minimum of each window of six among the `n` shingles `s`, each once;
    returns their number.

    A new minimum is recognised without its position: either the value changed, or the newest shingle has the
    same value. Otherwise the rightmost minimum is still the same shingle.
    """
    least = s[0]
    for w in range(1, min(n, WINDOW)):
        least = min(least, s[w])
    chosen[0] = least
    picked = _1
    for w in range(_U(WINDOW), _U(n)):
        before = least
        least = min(s[w - _5], s[w - _4], s[w - _3], s[w - _2], s[w - _1], s[w])
        chosen[picked] = least  # overwritten next time unless counted: cheaper than a branch
        picked += _U((least != before) | (least == s[w]))
    return np.int64(picked)


@numba.njit(cache=True, nogil=True)
def _smallest(values, n):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Move the `MAX_PHRASES` smallest of the first `n` values to the front, in ascending order."""
    for i in range(1, n):
        value = values[i]
        if i >= MAX_PHRASES and value >= values[MAX_PHRASES - 1]:
            continue
        j = min(i, MAX_PHRASES - 1)
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value


@numba.njit(cache=True, nogil=True)
def word_digests(  # type: ignore[no-untyped-def]  # noqa: ANN201
    data,  # noqa: ANN001
    offsets,  # noqa: ANN001
    key,  # noqa: ANN001
    prompt_key,  # noqa: ANN001
    opening_key,  # noqa: ANN001
    bands,  # noqa: ANN001
    phrases,  # noqa: ANN001
    phrase_offsets,  # noqa: ANN001
    word_count,  # noqa: ANN001
):
    """Fill all digests of each row except the text key; returns the number of `phrases`."""
    words = np.empty(MAX_WORDS, np.uint64)
    shingles = np.empty(MAX_WORDS, np.uint64)
    chosen = np.empty(MAX_WORDS, np.uint64)
    total = 0
    phrase_offsets[0] = 0
    for row in range(offsets.shape[0] - 1):
        start, stop = offsets[row], offsets[row + 1]
        if stop - start <= HEAD + TAIL:
            count = _words(data, start, stop, key, words, 0)
        else:
            count = _words(data, start, start + HEAD, key, words, 0)
            count = _words(data, stop - TAIL, stop, key, words, count)
        word_count[row] = count
        if count > 0:
            h = key
            for w in range(count):
                h = (h ^ words[w]) * _M1
                h = h ^ (h >> _S32)
                if w == OPENING_WORDS - 1:
                    opening_key[row] = _some(_mix(h))
            prompt_key[row] = _some(_mix(h))
            if count < OPENING_WORDS:
                opening_key[row] = prompt_key[row]
            _min_hash(words, count, key, shingles, bands[row])
            picked = _winnow(shingles, _shingle(words, count, key, shingles), chosen)
            if picked > MAX_PHRASES:  # keep the smallest digests, whose choice does not depend on position
                _smallest(chosen, picked)
                picked = MAX_PHRASES
            for p in range(_U(picked)):
                phrases[_U(total) + p] = _some(chosen[p])
            total += picked
        phrase_offsets[row + 1] = total
    return total


@numba.njit(cache=True, nogil=True, inline="always")
def _turn(x, bits):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """`x` rotated left by `bits`."""
    return (x << bits) | (x >> (_U(64) - bits))


@numba.njit(cache=True, nogil=True, inline="always")
def _sip_round(v0, v1, v2, v3):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """One round of SipHash on its state of four words."""
    v0 += v1
    v1 = _turn(v1, _U(13)) ^ v0
    v0 = _turn(v0, _U(32))
    v2 += v3
    v3 = _turn(v3, _U(16)) ^ v2
    v0 += v3
    v3 = _turn(v3, _U(21)) ^ v0
    v2 += v1
    v1 = _turn(v1, _U(17)) ^ v2
    v2 = _turn(v2, _U(32))
    return v0, v1, v2, v3


@numba.njit(cache=True, nogil=True)
def sip_hash(data, start, stop, low, high):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """SipHash-2-4 (Aumasson and Bernstein 2012) of data[start:stop] under the key `low`, `high`."""
    v0, v1 = low ^ _U(0x736F6D6570736575), high ^ _U(0x646F72616E646F6D)
    v2, v3 = low ^ _U(0x6C7967656E657261), high ^ _U(0x7465646279746573)
    length = stop - start
    for block in range(length // 8 + 1):
        word = _NONE
        at = start + 8 * block
        if block < length // 8:
            for i in range(8):
                word |= _U(data[at + i]) << _U(8 * i)
        else:
            for i in range(length % 8):
                word |= _U(data[at + i]) << _U(8 * i)
            word |= _U(length & 255) << _U(56)
        v3 ^= word
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
        v0 ^= word
    v2 ^= _U(255)
    for _turn_number in range(4):
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@numba.njit(cache=True, nogil=True)
def names(data, offsets, low, high, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """SipHash-2-4 of each row's bytes, never 0; 0 for an empty row."""
    for row in range(offsets.shape[0] - 1):
        h = _NONE
        if offsets[row + 1] > offsets[row]:
            h = _some(sip_hash(data, offsets[row], offsets[row + 1], low, high))
        out[row] = h
