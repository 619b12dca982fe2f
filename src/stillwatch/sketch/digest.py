"""Digests of prompts, by which prompts can be compared without their text.

They are computed in compiled loops over the UTF-8 bytes of an Arrow string array, without a Python object for
each row. A prompt is split into words; numbers, quotations, fenced code and links are each replaced by one
fixed word (masked). The digests are:

* `prompt_key`: digest of all words, equal for prompts that differ only in masked parts;
* `text_key`: digest of the text without case and white space;
* `opening_key`: digest of the first words;
* `bands`: min-hash bands over three-word shingles (Broder 1997; Indyk and Motwani 1998), equal in at
  least one place with probability 1-(1-s^3)^4 at Jaccard similarity s;
* `phrases`: winnowed four-word shingles (Schleimer, Wilkerson and Aiken 2003): any run of nine or
  more words that two prompts share gives at least one common phrase, wherever the run stands.

They are computed under a public seed, so that the choice of phrases and bands does not depend on a key;
`sketch.observe` enciphers them before they are stored.

Words are runs of ASCII letters and of bytes above 0x7f, in lower case; a CJK character is a word of its own.
Of prompts longer than `HEAD + TAIL` bytes only the first `HEAD` and last `TAIL` bytes are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.cores import CORES
from stillwatch.sketch import digest_loops
from stillwatch.sketch.digest_loops import BANDS, HEAD, MAX_PHRASES, MAX_WORDS, ROWS, TAIL
from stillwatch.stats.arrays import Ints, Uints

__all__ = [
    "ALONE", "BANDS", "HEAD", "MAX_PHRASES", "MAX_WORDS", "PUBLIC", "ROWS", "TAIL", "VERSION",
    "Digests", "buffers", "digest", "name_keys", "row_keys",
]  # fmt: skip

VERSION = 6  # raised by every change of the digests; digests of two versions cannot be compared
PUBLIC = 0x7C10_7BFE_08FF_975A  # seed of the digests of text, before they are enciphered
ALONE = 2048  # smallest number of rows for each core

Bytes = npt.NDArray[np.uint8]
Offsets = Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Digests of n prompts; keys are unsigned 64-bit, 0 where there is no text.

    `bands` has the shape (n, `BANDS`). The phrases of prompt i are
    phrases[phrase_offsets[i]:phrase_offsets[i + 1]]. `words` is the number of words read, at most
    `MAX_WORDS`.
    """

    text_key: Uints
    prompt_key: Uints
    opening_key: Uints
    bands: Uints
    phrases: Uints
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


def name_keys(strings: pa.Array, key: bytes) -> Uints:
    """SipHash-2-4 of each name's bytes under a key of 16 bytes; 0 for a null or empty name."""
    data, offsets = buffers(strings)
    out = np.empty(len(strings), np.uint64)
    low, high = np.frombuffer(key, "<u8")
    digest_loops.names(data, offsets, np.uint64(low), np.uint64(high), out)
    return out


def row_keys(columns: Sequence[Uints | Ints], key: bytes) -> Uints:
    """SipHash-2-4 of each row's 64-bit values, in the order of the columns, under a key of 16 bytes."""
    data = np.stack([column.view(np.uint64) for column in columns], axis=1).view(np.uint8)
    rows, width = len(columns[0]), 8 * len(columns)
    out = np.empty(rows, np.uint64)
    low, high = np.frombuffer(key, "<u8")
    ends = np.arange(rows + 1, dtype=np.int64) * width
    digest_loops.names(data.reshape(-1), ends, np.uint64(low), np.uint64(high), out)
    return out


def digest(strings: pa.Array, key: int, cores: int = CORES) -> Digests:
    """Digests of every string under the 64-bit seed `key`, computed on up to `cores` cores. They are not
    secret: anyone who knows the seed can compute them.
    """
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
    """Digests of several runs of prompts as one."""
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
    digest_loops.text_keys(data, offsets, np.uint64(key), text_key)
    total = digest_loops.word_digests(
        data, offsets, np.uint64(key), prompt_key, opening_key, bands, phrases, phrase_offsets, words,
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
