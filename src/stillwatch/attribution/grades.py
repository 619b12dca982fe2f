"""Belief in sources: the Admiralty code as probabilities (NATO AJP-2.1, annex; the numbers are this
program's choice).

A source's reliability (A to F) and an item's credibility (1 to 6) are each read as a probability that the
item is true, and the two are pooled. A false item was planted to fit with probability `PLANTED`, and
otherwise fits by chance only. Together they bound the likelihood ratio of all items from one source: 500
for A1, 100 for B2, 40 for C3, 13 for E5.
"""

from __future__ import annotations

from dataclasses import dataclass

# probabilities that an item is true, by the source's reliability and by the item's credibility; chosen
RELIABILITY = {"A": 0.98, "B": 0.90, "C": 0.75, "D": 0.50, "E": 0.25, "F": 0.40}
# Probability that information is true, by its credibility in the Admiralty code.
CREDIBILITY = {"1": 0.98, "2": 0.90, "3": 0.75, "4": 0.50, "5": 0.25, "6": 0.40}
PLANTED = 0.1
"""Probability that a false item was made to fit the campaign. Chosen: false intelligence in a dispute often
has a purpose.
"""
PLANTED_WITH_FLAG, DOUBT_WITH_FLAG = 0.4, 2.0
"""`PLANTED` where somebody imitates the actor, and the factor by which an item is then likelier to be false.
Chosen: an imitator also supplies false intelligence.
"""
SOUND = 0.85
"""Least `Belief.lowest` of an item that may support claim 5: grades A1, A2, B1 and B2. Chosen."""
FAIR = 0.70
"""Least `Belief.lowest` of an item that may corroborate or contradict claim 5: grades down to C3. Chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """Belief in an item: the `probability` that it is true, for weighing, and the `lowest` probability of its
    two scales, for the rules that require a grade.
    """

    probability: float
    lowest: float

    @property
    def is_fair(self) -> bool:
        """Whether both scales are C3 or better."""
        return self.lowest >= FAIR

    def least(self, other: Belief) -> Belief:
        """The lower probabilities of this belief and another."""
        return Belief(
            probability=min(self.probability, other.probability), lowest=min(self.lowest, other.lowest)
        )


CERTAIN = Belief(probability=1.0, lowest=1.0)
"""Belief in what the results show."""


def believed(grade: str) -> Belief:
    """Belief in an item with this grade.

    The two scales are estimated apart (NATO AJP-2.1), yet in practice agree: 87 % of 1,400 reports had
    grades such as A1, B2 or C3 (Baker, McKendry and Mace 1968). Judgements that depend on each other are
    pooled with weights that add up to 1, and not multiplied: the logit is the mean of both logits
    (logarithmic opinion pool, Genest and Zidek 1986). Equal weights are chosen.

    Example: `believed("B2").probability` is 0.9, and that of `believed("B1")` 0.955.
    """
    first, second = RELIABILITY[grade[0]], CREDIBILITY[grade[1]]
    odds = (first / (1.0 - first) * second / (1.0 - second)) ** 0.5
    return Belief(probability=odds / (1.0 + odds), lowest=min(first, second))
