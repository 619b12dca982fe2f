"""What does a prompt ask for, and does it try to bring out hidden reasoning?

A linear model over hashed words and word pairs (Weinberger et al. 2009), trained by `scripts/train_capability.py`.
A prompt is read at its first `HEAD` and last `TAIL` bytes, with a word for code, links and numbers. The class is
that of the whole; coercion is looked for in every window of `WINDOW` words, so that one sentence injected into a
long request is found wherever it stands. `docs/methods/capability.md` has data, accuracy and limits.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import BytesIO

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.contract.summaries import CAPABILITIES

VERSION = 1
CLASSES = CAPABILITIES
OTHER, REASONING = CLASSES.index("other"), CLASSES.index("reasoning")
BUCKETS = 1 << 14
HEAD, TAIL = 2000, 600
MAX_WORDS = 640
WINDOW = 24
COERCION = 8  # bit that marks coercion in the answer of `classify_array`; the class is in the bits below

_PRIME = np.uint64(0x100000001B3)
_SEED = np.uint64(0xCBF29CE484222325)
_PAIR = np.uint64(0x9E3779B97F4A7C15)
_S32, _MASK = np.uint64(32), np.uint64(BUCKETS - 1)


@numba.njit(cache=True, nogil=True)
def _words(data, start, stop, words, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Append the digests of the words of data[start:stop]; returns the new count."""
    i = start
    while i < stop and count < words.shape[0]:
        c = data[i]
        h = _SEED
        if 65 <= c <= 90 or 97 <= c <= 122 or c >= 128 or c == 95 or c == 60:
            begin = i
            while i < stop:
                c = data[i]
                if 65 <= c <= 90:
                    c = c + 32
                elif not (97 <= c <= 122 or c >= 128 or c == 39 or c == 95 or (c == 60 and i == begin)):
                    break
                h = (h ^ np.uint64(c)) * _PRIME
                i += 1
                if c >= 0xE3 and c <= 0xED and i - begin >= 1 and i + 1 < stop:  # one CJK character is a word
                    h = (h ^ np.uint64(data[i])) * _PRIME
                    h = (h ^ np.uint64(data[i + 1])) * _PRIME
                    i += 2
                    break
        elif 48 <= c <= 57:
            while i < stop and (48 <= data[i] <= 57 or data[i] == 46 or data[i] == 44):
                i += 1
            h = h ^ np.uint64(1)
        elif c == 96 and i + 2 < stop and data[i + 1] == 96 and data[i + 2] == 96:
            i += 3
            h = h ^ np.uint64(2)
        elif (c == 40 and i + 1 < stop and data[i + 1] == 41) or (
            c == 59 and i + 1 < stop and data[i + 1] <= 32
        ):
            i += 2
            h = h ^ np.uint64(3)  # call or end of statement: code without a fence
        else:
            i += 1
            continue
        words[count] = h ^ (h >> _S32)
        count += 1
    return count


@numba.njit(cache=True, nogil=True)
def features(data, offsets, places, bounds):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Buckets of every prompt's words and pairs, two for each word; `bounds` are filled with offsets."""
    words = np.empty(MAX_WORDS, np.uint64)
    total = 0
    bounds[0] = 0
    for row in range(offsets.shape[0] - 1):
        start, stop = offsets[row], offsets[row + 1]
        if stop - start <= HEAD + TAIL:
            count = _words(data, start, stop, words, 0)
        else:
            count = _words(data, start, start + HEAD, words[: MAX_WORDS - 160], 0)
            count = _words(data, stop - TAIL, stop, words, count)
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
def _classify(data, offsets, weights, bias, coercion, threshold, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    classes = weights.shape[1]
    words = np.empty(MAX_WORDS, np.uint64)
    scores = np.empty(classes, np.float32)
    running = np.empty(MAX_WORDS + 1, np.float32)
    for row in range(offsets.shape[0] - 1):
        start, stop = offsets[row], offsets[row + 1]
        if stop - start <= HEAD + TAIL:
            count = _words(data, start, stop, words, 0)
        else:
            count = _words(data, start, start + HEAD, words[: MAX_WORDS - 160], 0)
            count = _words(data, stop - TAIL, stop, words, count)
        if count == 0:
            out[row] = OTHER
            continue
        scores[:] = 0
        running[0] = 0
        before = np.uint64(0)
        for w in range(count):
            pair = (before * _PAIR) ^ words[w]
            one, two = words[w] & _MASK, (pair ^ (pair >> _S32)) & _MASK
            for c in range(classes):
                scores[c] += weights[one, c] + weights[two, c]
            running[w + 1] = running[w] + coercion[one] + coercion[two]
            before = words[w]
        scale = np.float32(1.0 / np.sqrt(2.0 * count))
        best = 0
        for c in range(classes):
            scores[c] = scores[c] * scale + bias[c]
            if scores[c] > scores[best]:
                best = c
        width = min(count, WINDOW)
        reach = np.float32(-1e9)
        for w in range(width, count + 1):
            if running[w] - running[w - width] > reach:
                reach = running[w] - running[w - width]
        coerces = reach * np.float32(1.0 / np.sqrt(2.0 * width)) > threshold
        out[row] = (REASONING | COERCION) if coerces else best


@cache
def model() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32], float]:
    """Weights of classes (bucket × class), their bias, weights of coercion, and its threshold."""
    with np.load(BytesIO(files("stillwatch.sketch").joinpath("capability_model.npz").read_bytes())) as stored:
        weights = stored["weights"].astype(np.float32) * stored["scale"].astype(np.float32)
        coercion = stored["coercion"].astype(np.float32) * np.float32(stored["coercion_scale"])
        return (
            np.ascontiguousarray(weights),
            stored["bias"].astype(np.float32),
            coercion,
            float(stored["threshold"]),
        )


def classify_array(prompts: pa.Array) -> npt.NDArray[np.uint8]:
    """Class of every prompt as its place in `CLASSES`, plus `COERCION` where hidden reasoning is asked out.

    A null or empty prompt is `other`.
    """
    from stillwatch.sketch.digest import buffers

    if len(prompts) == 0:
        return np.zeros(0, np.uint8)
    data, offsets = buffers(prompts)
    out = np.empty(len(prompts), np.uint8)
    weights, bias, coercion, threshold = model()
    _classify(data, offsets, weights, bias, coercion, np.float32(threshold), out)
    return out
