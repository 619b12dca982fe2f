"""Belief in sources: the Admiralty code as probabilities (NATO AJP-2.1, annex; the numbers are this
program's choice).

A source's reliability (A to F) and an item's credibility (1 to 6) are each read as a probability that the
item is true; the lower one counts. A false item was planted to fit with probability `PLANTED`, and
otherwise fits by chance only. Together they bound the likelihood ratio of all items from one source: 500
for A1, 100 for B2, 40 for C3, 13 for E5.
"""

from __future__ import annotations

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
"""Least probability of an item that may support claim 5: grades A1, A2, B1 and B2. Chosen."""
FAIR = 0.70
"""Least probability of an item that may corroborate claim 5: grades down to C3. Chosen."""


def believed(grade: str) -> float:
    """Probability that an item with this grade is true: the lower one of reliability and credibility.
    Example: `believed("B1")` is 0.9.
    """
    return min(RELIABILITY[grade[0]], CREDIBILITY[grade[1]])
