"""How many answers does a wanted power take, and what does silence rule out?

A test scores independent pieces; under the null their standardised mean is 0, under "a share of the training
bore the mark" it is `effect` standard deviations a piece. Pieces for power 1-b at level a: ((z_a + z_b) /
effect)^2. The effect at a share is measured in the lab (`stillwatch lab traces`) and carried to another
suspect by assumption: it is the one number of a verdict that is not proven, and stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log, sqrt

from scipy.special import log_ndtr, ndtr, ndtri


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What is taken for granted about a student: at `share` of marked training, `effect` standard
    deviations a piece.
    """

    share: float
    effect: float
    source: str


def pieces(effect: float, alpha: float, power: float) -> float:
    """Independent pieces needed; infinite without an effect."""
    return inf if effect <= 0 else ceil(((-ndtri(alpha) - ndtri(1 - power)) / effect) ** 2)


def power_of(effect: float, number: int, alpha: float) -> float:
    """Chance to reject at level alpha with so many pieces."""
    return float(ndtr(effect * sqrt(number) + ndtri(alpha)))


def log10_p_if_present(observed: float, effect: float, number: int) -> float:
    """log10 of the chance to see no more than `observed` a piece, were the effect there (normal
    approximation).
    """
    return float(log_ndtr((observed - effect) * sqrt(number)) / log(10))
