"""Mark that favours tokens which the key calls green."""

from __future__ import annotations

import numpy as np

from stillwatch.prove.registry import Mark, Tensor
from stillwatch.prove.windows import tensor_uniforms, uniforms
from stillwatch.stats.arrays import Floats, Uints

GREEN = 0.25  # probability that a window is green


def score(bits: Uints) -> Floats:
    """1 where the window is green, else 0; shape as `bits`."""
    return (uniforms(bits) < GREEN).astype(np.float64)


def log_tail(total: float, windows: int) -> float:
    """Natural log of P(number of green windows >= total), the exact binomial tail."""
    from scipy.stats import binom

    return float(binom.logsf(round(total) - 1, windows, GREEN))


def log_mgf(x: Floats) -> Floats:
    """Natural log of E exp(x score) of a Bernoulli variable."""
    return np.log1p(GREEN * np.expm1(x))


def reshape(log_probabilities: Tensor, bits: Tensor, strength: float, proxy: Tensor | None = None) -> Tensor:
    """Log-probabilities with `strength` added to the logits of green tokens (Kirchenbauer and others 2023,
    algorithm 2).
    """
    import torch

    del proxy
    return torch.log_softmax(log_probabilities + strength * (tensor_uniforms(bits) < GREEN), dim=-1)


greenlist = Mark(
    name="greenlist",
    does="raises the logits of a keyed quarter of the vocabulary, chosen anew for each context",
    price="changes what is sampled: text becomes likelier green at the cost of perplexity",
    null="each different window is green with probability 1/4, independently: the count is binomial, exactly",
    removed_by=(
        "paraphrase by another model",
        "neutralisation with weights from before and after",
        "training on other text afterwards weakens it",
    ),
    source="Kirchenbauer and others 2023, A watermark for large language models, ICML; windows hashed with "
    "their token, so that each is its own coin",
    width=2,
    strength=2.0,
    spares_repeats=False,
    mean=GREEN,
    sd=float(np.sqrt(GREEN * (1 - GREEN))),
    score=score,
    log_tail=log_tail,
    log_mgf=log_mgf,
    reshape=reshape,
)
