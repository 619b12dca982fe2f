"""Mark that draws tokens with keyed Gumbel noise."""

from __future__ import annotations

import numpy as np

from stillwatch.prove.registry import Mark, Tensor
from stillwatch.prove.windows import tensor_uniforms, uniforms
from stillwatch.stats.arrays import Floats, Uints


def score(bits: Uints) -> Floats:
    """-ln(1-u), exponential with mean 1 under the null; shape as `bits`."""
    return -np.log1p(-uniforms(bits))


def log_tail(total: float, windows: int) -> float:
    """Natural log of P(sum of scores >= total), the exact gamma tail; an upper bound where the tail is
    below 1e-290.
    """
    from scipy.special import gammaincc, gammaln

    if windows == 0:
        return 0.0
    tail = float(gammaincc(windows, total))
    if tail > 1e-290:
        return float(np.log(tail))
    # Q(n, x) <= x^(n-1) e^-x / Gamma(n) * x / (x - n + 1) for x > n - 1: an upper bound, so p stays
    # conservative.
    return float(
        (windows - 1) * np.log(total) - total - gammaln(windows) + np.log(total / (total - windows + 1))
    )


def log_mgf(x: Floats) -> Floats:
    """Natural log of E exp(x score) of an exponential variable; infinite for x >= 1."""
    return np.where(x < 1, -np.log1p(-np.minimum(x, 1 - 1e-12)), np.inf)


def reshape(log_probabilities: Tensor, bits: Tensor, strength: float, proxy: Tensor | None = None) -> Tensor:
    """Log-probabilities with all mass on the token with the largest log p + Gumbel noise from the key.

    `strength` has no effect.
    """
    import torch

    del strength, proxy
    chosen = (log_probabilities.to(torch.float64) - torch.log(-torch.log(tensor_uniforms(bits)))).argmax(
        dim=-1, keepdim=True
    )
    out = torch.full_like(log_probabilities, float("-inf"))
    return out.scatter_(-1, chosen, 0.0)


gumbel = Mark(
    name="gumbel",
    does="draws each token by keyed Gumbel noise in place of the sampler's own",
    price="none over keys: each token has the model's own probability; the same context draws the same "
    "token, so repeats within an answer are left unmarked",
    null="-ln(1-u) of each different window is exponential, independently: the sum is gamma, exactly",
    removed_by=(
        "paraphrase by another model",
        "greedy decoding by the provider: no noise, no mark",
        "neutralisation",
    ),
    source="Aaronson 2022, My AI safety lecture; score and bound as in Fernandez and others 2023, Three "
    "bricks",
    width=2,
    strength=1.0,
    spares_repeats=True,
    mean=1.0,
    sd=1.0,
    score=score,
    log_tail=log_tail,
    log_mgf=log_mgf,
    reshape=reshape,
)
