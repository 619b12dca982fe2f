"""What fixed-size digest of a prompt lets two prompts be compared without either of them?

One pass over the UTF-8 bytes of an Arrow string array, no Python object per row. A prompt becomes a
sequence of words with its slots masked (numbers, quotations, fenced code, links), and the words become

* `prompt_key`: one digest of the whole sequence, equal for prompts that differ only in their slots;
* `text_key`: one digest of the text itself, case and white space apart;
* `opening_key`: the digest of its first words;
* `bands`: min-hash bands over three-word shingles (Broder 1997; Indyk and Motwani 1998), equal in at
  least one place with probability 1-(1-s^3)^4 at Jaccard similarity s;
* `phrases`: winnowed four-word shingles (Schleimer, Wilkerson and Aiken 2003): any run of nine or
  more words that two prompts share gives at least one common phrase, wherever the run stands.

Words are runs of ASCII letters and of bytes above 0x7f, in lower case; a CJK character is a word of its own.
Prompts longer than `HEAD + TAIL` bytes are read at both ends only, so a megabyte costs what twelve kilobytes do.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.cores import CORES

VERSION = 3
HEAD, TAIL = 8192, 4096
MAX_WORDS = 2048
ALONE = 2048  # rows below which a second core is not worth its start
SHINGLE, WINDOW = 4, 6
MAX_PHRASES = 24
BANDS, ROWS = 4, 3
OPENING_WORDS = 12

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

_M1, _M2, _M3 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_NUMBER, _QUOTE, _CODE, _LINK = np.uint64(11), np.uint64(12), np.uint64(13), np.uint64(14)
_S30, _S27, _S31, _S32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)


@numba.njit(cache=True, nogil=True, inline="always")
def _mix(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled; types are inferred by numba
    """Finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> _S30)) * _M2
    x = (x ^ (x >> _S27)) * _M3
    return x ^ (x >> _S31)


@numba.njit(cache=True, nogil=True)
def _words(data, start, stop, key, words, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, C901
    """Append the masked words of data[start:stop] to `words`; returns the new count."""
    i = start
    limit = words.shape[0]
    while i < stop and count < limit:
        c = data[i]
        upper = 65 <= c <= 90
        if upper or 97 <= c <= 122 or c >= 128:
            if 0xE3 <= c <= 0xED and i + 2 < stop:
                h = key ^ (
                    (np.uint64(c) << _S32) | (np.uint64(data[i + 1]) << np.uint64(8)) | np.uint64(data[i + 2])
                )
                words[count] = _mix(h * _M1)
                count += 1
                i += 3
                continue
            begin = i
            h = key
            while i < stop:
                c = data[i]
                if 65 <= c <= 90:
                    c = c + 32
                elif not (97 <= c <= 122 or (c >= 128 and not 0xE3 <= c <= 0xED) or (c == 39 and i > begin)):
                    break
                h = (h ^ np.uint64(c)) * _M1
                i += 1
            if (i - begin == 4 or i - begin == 5) and (
                i + 2 < stop
                and data[i] == 58
                and data[i + 1] == 47
                and data[i + 2] == 47
                and (data[begin] | 32) == 104
            ):
                while i < stop and data[i] > 32:
                    i += 1
                words[count] = _mix(key ^ _LINK)
                count += 1
                continue
            words[count] = _mix(h)
            count += 1
        elif 48 <= c <= 57:
            while i < stop and (48 <= data[i] <= 57 or data[i] == 46 or data[i] == 44):
                i += 1
            words[count] = _mix(key ^ _NUMBER)
            count += 1
        elif c == 96 and i + 2 < stop and data[i + 1] == 96 and data[i + 2] == 96:
            j = i + 3
            while j + 2 < stop and not (data[j] == 96 and data[j + 1] == 96 and data[j + 2] == 96):
                j += 1
            i = j + 3
            words[count] = _mix(key ^ _CODE)
            count += 1
        elif c == 34:
            j = i + 1
            end = min(stop, i + 200)
            while j < end and data[j] != 34 and data[j] != 10:
                j += 1
            if j < end and data[j] == 34:
                words[count] = _mix(key ^ _QUOTE)
                count += 1
                i = j + 1
            else:
                i += 1
        else:
            i += 1
    return count


@numba.njit(cache=True, nogil=True)
def _digest(  # type: ignore[no-untyped-def]  # noqa: ANN202, C901
    data,  # noqa: ANN001
    offsets,  # noqa: ANN001
    key,  # noqa: ANN001
    text_key,  # noqa: ANN001
    prompt_key,  # noqa: ANN001
    opening_key,  # noqa: ANN001
    bands,  # noqa: ANN001
    phrases,  # noqa: ANN001
    phrase_offsets,  # noqa: ANN001
    word_count,  # noqa: ANN001
):
    words = np.empty(MAX_WORDS, np.uint64)
    shingles = np.empty(MAX_WORDS, np.uint64)
    chosen = np.empty(MAX_WORDS, np.uint64)
    minima = np.empty(BANDS * ROWS, np.uint64)
    total = 0
    phrase_offsets[0] = 0
    for row in range(offsets.shape[0] - 1):
        start, stop = offsets[row], offsets[row + 1]
        h = key
        for i in range(start, stop):
            c = data[i]
            if c > 32:
                h = (h ^ np.uint64(c + 32 if 65 <= c <= 90 else c)) * _M1
                h = h ^ (h >> _S31)
        text_key[row] = _mix(h) if stop > start else np.uint64(0)
        count = 0
        if stop - start <= HEAD + TAIL:
            count = _words(data, start, stop, key, words, count)
        else:
            count = _words(data, start, start + HEAD, key, words, count)
            count = _words(data, stop - TAIL, stop, key, words, count)
        word_count[row] = count
        if count == 0:
            phrase_offsets[row + 1] = total
            continue
        h = key
        for w in range(count):
            h = (h ^ words[w]) * _M1
            h = h ^ (h >> _S32)
            if w == OPENING_WORDS - 1:
                opening_key[row] = _mix(h)
        prompt_key[row] = _mix(h)
        if count < OPENING_WORDS:
            opening_key[row] = prompt_key[row]
        # near-duplicate bands over three-word shingles
        for m in range(BANDS * ROWS):
            minima[m] = np.uint64(0xFFFFFFFFFFFFFFFF)
        for w in range(max(1, count - 2)):
            x = words[w]
            if w + 2 < count:
                x = _mix(words[w] * _M1 + words[w + 1] * _M2 + words[w + 2] * _M3)
            for m in range(BANDS * ROWS):
                y = (x ^ (np.uint64(m + 1) * _M2)) * _M1
                y = y ^ (y >> _S32)
                if y < minima[m]:
                    minima[m] = y
        for b in range(BANDS):
            h = key + np.uint64(b)
            for r in range(ROWS):
                h = _mix(h ^ minima[b * ROWS + r])
            bands[row, b] = h
        # winnowed phrases
        n = max(1, count - SHINGLE + 1)
        for w in range(n):
            h = key ^ np.uint64(77)
            for j in range(min(SHINGLE, count)):
                h = _mix((h ^ words[w + j]) * _M1)
            shingles[w] = h
        picked = 0
        last = -1
        for w in range(max(1, n - WINDOW + 1)):
            best = w
            for j in range(w + 1, min(n, w + WINDOW)):
                if shingles[j] <= shingles[best]:
                    best = j
            if best != last:
                chosen[picked] = shingles[best]
                picked += 1
                last = best
        if picked > MAX_PHRASES:  # the smallest digests: the same choice wherever a run stands
            part = np.sort(chosen[:picked])
            picked = MAX_PHRASES
            for j in range(picked):
                chosen[j] = part[j]
        for j in range(picked):
            phrases[total] = chosen[j]
            total += 1
        phrase_offsets[row + 1] = total
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """One entry per prompt; keys are 64-bit, zero where there is no text."""

    text_key: Keys
    prompt_key: Keys
    opening_key: Keys
    bands: Keys
    phrases: Keys
    phrase_offsets: Offsets
    words: npt.NDArray[np.int32]


def buffers(strings: pa.Array) -> tuple[Bytes, Offsets]:
    """The UTF-8 bytes of a string array and the offsets of its rows; a null row is empty."""
    strings = strings.fill_null("") if strings.null_count else strings
    strings = strings.cast(pa.large_string())
    _, offsets_buffer, data_buffer = strings.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64, len(strings) + 1, strings.offset * 8)
    data = (
        np.frombuffer(data_buffer, np.uint8)
        if data_buffer is not None and data_buffer.size
        else np.zeros(1, np.uint8)
    )
    return data, offsets


@numba.njit(cache=True, nogil=True)
def _names(data, offsets, key, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for row in range(offsets.shape[0] - 1):
        h = key
        for i in range(offsets[row], offsets[row + 1]):
            h = (h ^ np.uint64(data[i])) * _M1
            h = h ^ (h >> _S32)
        out[row] = _mix(h) if offsets[row + 1] > offsets[row] else np.uint64(0)


def name_keys(strings: pa.Array, key: int) -> Keys:
    """One digest per name, of its very bytes; 0 where there is none."""
    data, offsets = buffers(strings)
    out = np.empty(len(strings), np.uint64)
    _names(data, offsets, np.uint64(key), out)
    return out


def digest(strings: pa.Array, key: int, cores: int = CORES) -> Digests:
    """Digests of every string under a 64-bit `key`, on `cores` cores."""
    data, offsets = buffers(strings)
    n = len(strings)
    pieces = min(cores, n // ALONE)
    if pieces > 1:
        ends = np.linspace(0, n, pieces + 1).astype(np.int64)
        with ThreadPoolExecutor(pieces) as pool:
            parts = list(
                pool.map(lambda i: _piece(data, offsets[ends[i] : ends[i + 1] + 1], key), range(pieces))
            )
        return _joined(parts)
    return _piece(data, offsets, key)


def _joined(parts: list[Digests]) -> Digests:
    starts = np.cumsum([0, *(len(part.phrases) for part in parts)])
    shifted = [part.phrase_offsets[1:] + start for part, start in zip(parts, starts, strict=False)]
    return Digests(
        text_key=np.concatenate([part.text_key for part in parts]),
        prompt_key=np.concatenate([part.prompt_key for part in parts]),
        opening_key=np.concatenate([part.opening_key for part in parts]),
        bands=np.concatenate([part.bands for part in parts]),
        phrases=np.concatenate([part.phrases for part in parts]),
        phrase_offsets=np.concatenate([np.zeros(1, np.int64), *shifted]),
        words=np.concatenate([part.words for part in parts]),
    )


def _piece(data: Bytes, offsets: Offsets, key: int) -> Digests:
    """Digests of the strings between these offsets, on one core."""
    n = len(offsets) - 1
    if n == 0:
        empty = np.zeros(0, np.uint64)
        return Digests(
            text_key=empty, prompt_key=empty, opening_key=empty, bands=np.zeros((0, BANDS), np.uint64),
            phrases=empty, phrase_offsets=np.zeros(1, np.int64), words=np.zeros(0, np.int32),
        )  # fmt: skip
    text_key, prompt_key, opening_key = (np.zeros(n, np.uint64) for _ in range(3))
    bands = np.zeros((n, BANDS), np.uint64)
    room = int(np.minimum(np.diff(offsets), MAX_PHRASES).sum()) + 1
    phrases = np.empty(room, np.uint64)
    phrase_offsets = np.zeros(n + 1, np.int64)
    words = np.zeros(n, np.int32)
    total = _digest(
        data, offsets, np.uint64(key), text_key, prompt_key, opening_key, bands, phrases, phrase_offsets, words,
    )  # fmt: skip
    return Digests(
        text_key=text_key,
        prompt_key=prompt_key,
        opening_key=opening_key,
        bands=bands,
        phrases=phrases[:total].copy(),
        phrase_offsets=phrase_offsets,
        words=words,
    )
