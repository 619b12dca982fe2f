"""Words for likelihood and, separately, for confidence (Intelligence Community Directive 203, 2015, section
D.6.e).
"""

from __future__ import annotations

LIKELIHOOD = (
    (0.05, "almost no chance"),
    (0.20, "very unlikely"),
    (0.45, "unlikely"),
    (0.55, "roughly even chance"),
    (0.80, "likely"),
    (0.95, "very likely"),
    (1.01, "almost certain"),
)
"""Upper bound of the probability (exclusive), and the word."""
MIN_SOURCES_HIGH, MIN_SOURCES_MODERATE = 3, 2  # least sound sources for high and for moderate confidence


def likelihood(probability: float) -> str:
    """The directive's word for a probability. Example: `likelihood(0.7)` is "likely"."""
    return next(word for bound, word in LIKELIHOOD if probability < bound)


def confidence(sound_sources: int, *, is_decided_by_one: bool) -> str:
    """Confidence in a judgement, from the number of independent sound sources.

    It is "low" where one source alone decides the judgement.
    """
    if is_decided_by_one or sound_sources < MIN_SOURCES_MODERATE:
        return "low"
    return "high" if sound_sources >= MIN_SOURCES_HIGH else "moderate"
