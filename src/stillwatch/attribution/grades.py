"""How far a source is believed: the Admiralty code as probabilities (NATO AJP-2.1, annex; the numbers are
this program's choice).

A source's reliability (A to F) and an item's credibility (1 to 6) are each read as a probability that what is
said is so. The lower of the two counts. Where it is not so, it was planted to fit with probability `PLANTED`;
otherwise it fits by chance only. Both together bound the likelihood ratio of everything that one source says:
500 for A1, 100 for B2, 40 for C3, 13 for E5.
"""

from __future__ import annotations

RELIABILITY = {"A": 0.98, "B": 0.90, "C": 0.75, "D": 0.50, "E": 0.25, "F": 0.40}
CREDIBILITY = {"1": 0.98, "2": 0.90, "3": 0.75, "4": 0.50, "5": 0.25, "6": 0.40}
PLANTED = 0.1
"""Probability that something false was made to fit the campaign. Chosen: false intelligence in a dispute
often has a purpose.
"""
PLANTED_WITH_FLAG, DOUBT_WITH_FLAG = 0.4, 2.0
"""The same where somebody imitates the actor, and by how much likelier it is then that something said is not
so. Chosen: whoever lays a false trail also feeds those who look for it.
"""
SOUND = 0.85
"""Least probability with which something may carry claim 5: grades A1, A2, B1 and B2. Chosen."""
FAIR = 0.70
"""Least probability with which something corroborates claim 5: grades to C3. Chosen."""


def believed(grade: str) -> float:
    """Probability that what is said under this grade is so. Example: `believed("B1")` is 0.9."""
    return min(RELIABILITY[grade[0]], CREDIBILITY[grade[1]])
