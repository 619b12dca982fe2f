"""Sample sizes and power of tests on a suspect.

A test scores independent pieces. Under the null their standardised mean is 0; if a share of the training
data bore the mark it is `effect` standard deviations per piece. Pieces for power 1-b at level a: ((z_a +
z_b) / effect)^2. The effect at a share is measured in the lab (`stillwatch lab traces`) and assumed for
another suspect. This assumption is the only unproven number of a verdict and is reported with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log, sqrt

from scipy.special import log_ndtr, ndtr, ndtri


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """The effect assumed of a student: `effect` standard deviations per piece at `share` of marked
    training, and its source.
    """

    share: float
    effect: float
    source: str


def pieces(effect: float, alpha: float, power: float) -> float:
    """Number of independent pieces for a one-sided test of level `alpha` with `power`; infinite for an
    effect of 0 or less.
    """
    return inf if effect <= 0 else ceil(((-ndtri(alpha) - ndtri(1 - power)) / effect) ** 2)


def power_of(effect: float, number: int, alpha: float) -> float:
    """Power of the one-sided test of level `alpha` with `number` pieces."""
    return float(ndtr(effect * sqrt(number) + ndtri(alpha)))


def log10_p_if_present(observed: float, effect: float, number: int) -> float:
    """log10 of the probability of a mean of at most `observed` per piece if the effect is present (normal
    approximation).
    """
    return float(log_ndtr((observed - effect) * sqrt(number)) / log(10))
