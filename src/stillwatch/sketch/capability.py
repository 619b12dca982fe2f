"""Classifier of prompts: the capability that a prompt asks for, and coercion to reveal hidden reasoning.

A linear model over hashed words and word pairs (Weinberger et al. 2009), trained by
`scripts/train_capability.py`. Only the first `HEAD` and the last `TAIL` bytes of a prompt are read; numbers
and signs of code (a fence, `()`, a semicolon) each become a fixed word. The class is computed from all words.
Coercion is computed in every window of `WINDOW` words, so that one sentence inserted into a long prompt is
found at any place.
`docs/methods/capability.md` has data, accuracy and limits.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.contract.summaries import CAPABILITIES
from stillwatch.sketch.capability_loops import (
    BUCKETS,
    COERCION,
    HEAD,
    MAX_WORDS,
    OTHER,
    REASONING,
    TAIL,
    WINDOW,
    classify,
    features,
)  # fmt: skip

VERSION = 1  # version of the weights
CLASSES = CAPABILITIES  # names of the classes; the place of one is its index

__all__ = [
    "BUCKETS", "CLASSES", "COERCION", "HEAD", "MAX_WORDS", "OTHER", "REASONING", "TAIL", "VERSION", "WINDOW",
    "classify_array", "features", "model",
]  # fmt: skip


@cache
def model() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32], float]:
    """Weights of the classes (bucket × class), bias of the classes, weights of coercion (bucket), and the
    threshold of coercion.
    """
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
    """Class of every prompt, as its index in `CLASSES`, plus `COERCION` where the prompt tries to reveal
    hidden reasoning.

    A null or empty prompt has the class `other`.
    """
    from stillwatch.sketch.digest import buffers

    if len(prompts) == 0:
        return np.zeros(0, np.uint8)
    data, offsets = buffers(prompts)
    out = np.empty(len(prompts), np.uint8)
    weights, bias, coercion, threshold = model()
    classify(data, offsets, weights, bias, coercion, np.float32(threshold), out)
    return out
