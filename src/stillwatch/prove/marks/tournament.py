"""Mark that draws tokens by keyed tournaments."""

from __future__ import annotations

import numpy as np

from stillwatch.prove.registry import Mark, Tensor
from stillwatch.stats.arrays import Floats, Uints

LAYERS = 30  # tournaments per token, one bit each


def score(bits: Uints) -> Floats:
    """Number of ones among the bits of the thirty layers, 0 to 30; shape as `bits`."""
    return np.bitwise_count(bits & np.uint64((1 << LAYERS) - 1)).astype(np.float64)


def log_tail(total: float, windows: int) -> float:
    """Natural log of P(sum of scores >= total), the exact binomial tail over all bits."""
    from scipy.stats import binom

    return float(binom.logsf(round(total) - 1, LAYERS * windows, 0.5))


def log_mgf(x: Floats) -> Floats:
    """Natural log of E exp(x score) of the number of heads of thirty fair coins."""
    return LAYERS * (np.logaddexp(0.0, x) - np.log(2.0))


def reshape(log_probabilities: Tensor, bits: Tensor, strength: float, proxy: Tensor | None = None) -> Tensor:
    """Log-probabilities after thirty layers of two-candidate tournaments in closed form: p <- p (1 + g -
    sum p g).

    `strength` is the share of layers that are applied.
    """
    import torch

    del proxy
    p = torch.exp(log_probabilities.to(torch.float64))
    for layer in range(round(LAYERS * min(max(strength, 0.0), 1.0))):
        g = ((bits >> layer) & 1).to(torch.float64)
        p = (p * (1 + g - (p * g).sum(dim=-1, keepdim=True))).clamp(min=0.0)
    return torch.log(p).to(log_probabilities.dtype)


tournament = Mark(
    name="tournament",
    does="lets candidates meet in keyed tournaments before one is sampled",
    price="none over keys with two candidates a match; repeats within an answer are left unmarked",
    null="each of the thirty bits of each different window is a fair coin: the count is binomial, exactly",
    removed_by=("paraphrase by another model", "neutralisation"),
    source="Dathathri and others 2024, Scalable watermarking for identifying large language model outputs "
    "(SynthID-Text), Nature 634",
    width=2,
    strength=1.0,
    spares_repeats=True,
    mean=LAYERS / 2,
    sd=float(np.sqrt(LAYERS / 4)),
    score=score,
    log_tail=log_tail,
    log_mgf=log_mgf,
    reshape=reshape,
)
