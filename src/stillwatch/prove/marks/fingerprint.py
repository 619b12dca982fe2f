"""Mark that favours green tokens in proportion to a proxy student's probabilities."""

from __future__ import annotations

from dataclasses import replace

from stillwatch.prove.marks.greenlist import GREEN, greenlist
from stillwatch.prove.registry import Tensor
from stillwatch.prove.windows import tensor_uniforms


def reshape(log_probabilities: Tensor, bits: Tensor, strength: float, proxy: Tensor | None = None) -> Tensor:
    """Log-probabilities with p(v) (1[v green] - P(green)) times `strength` added to each logit (Xu and
    others 2026).

    p is the proxy student's probability of the token. Raises `ValueError` without `proxy`.
    """
    import torch

    if proxy is None:
        raise ValueError("this mark needs a proxy student's probabilities")
    green = (tensor_uniforms(bits) < GREEN).to(proxy.dtype)
    tilt = proxy * (green - (proxy * green).sum(dim=-1, keepdim=True))
    return torch.log_softmax(log_probabilities + strength * tilt, dim=-1)


fingerprint = replace(
    greenlist,
    name="fingerprint",
    does="raises green tokens in proportion to what a proxy student would learn of them, and lowers the "
    "others",
    price="a proxy's forward pass for every token, and more distortion the stronger it is: for clusters "
    "under suspicion only",
    source="Xu and others 2026, Antidistillation fingerprinting, arXiv 2602.03812",
    strength=10.0,
    needs_proxy=True,
    reshape=reshape,
)
