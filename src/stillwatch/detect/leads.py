"""Leads: groups with enough evidence to be reported, had an innocent explanation not accounted for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stillwatch.detect.judge import Judged

SAME_LEAD_OVERLAP = 0.3  # overlap in owners above which two groups are views of one
MOST_DESCRIBED = 60  # groups whose likeness and requests are examined
MOST_LEADS = 40  # most leads that are reported


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A judged group and its stake: the number of its requests of the kind that a harvest consists of."""

    judged: Judged
    stake: float


def worth_describing(judged: Sequence[Judged], fdr: float, taken: frozenset[int]) -> list[Judged]:
    """At most `MOST_DESCRIBED` groups: first those that would be reported at `fdr` if no explanation were
    known, the largest first, then the others.

    `taken` are owners of reported campaigns; groups that share more than `SAME_LEAD_OVERLAP` of their owners
    with them are left out. Of several views of one group only the first is kept.
    """
    bar = _bar(len(judged), fdr)

    def order(one: Judged) -> tuple[bool, int, float, list[str]]:
        """Key by which groups are sorted: reported ones, many owners and strong evidence first."""
        return one.unexplained < bar, -len(one.owners), -one.unexplained, sorted(one.accounts)[:1]

    chosen: list[Judged] = []
    for one in sorted(judged, key=order):
        if len(chosen) >= MOST_DESCRIBED:
            break
        if len(one.owners & taken) <= SAME_LEAD_OVERLAP * len(one.owners) and all(
            one.overlap(o) <= SAME_LEAD_OVERLAP for o in chosen
        ):
            chosen.append(one)
    return chosen


def striking(described: Sequence[Judged], tested: int, fdr: float) -> list[Judged]:
    """The groups of `described` that would be reported at `fdr`, among `tested` candidates, if no explanation
    were known: by their evidence of control, or by both timing and purpose. Their likeness must be tested.
    """
    bar = _bar(tested, fdr)
    return [one for one in described if max(one.unexplained, _together(one)) >= bar]


def _together(one: Judged) -> float:
    """Log e-value of timing and purpose together: the smaller of both."""
    return min(one.families["timing"], one.families["purpose"])


def ranked(groups: Sequence[Judged], stake: Callable[[Judged], float]) -> list[Lead]:
    """The groups as leads by falling stake, at most `MOST_LEADS`; `stake` computes a group's stake."""
    leads = [Lead(judged=one, stake=stake(one)) for one in groups]
    return sorted(leads, key=lambda lead: (-lead.stake, -lead.judged.unexplained))[:MOST_LEADS]


def _bar(tested: int, fdr: float) -> float:
    """Natural-log e-value from which a single one of `tested` candidates would be reported at `fdr`."""
    return float(np.log(max(tested, 1) / fdr))
