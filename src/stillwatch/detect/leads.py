"""Groups that would be reported if no innocent explanation were known, and that one explains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stillwatch.detect.judge import Judged

SAME_LEAD_OVERLAP = 0.3  # of the smaller group's owners: two groups that share more are views of one
MOST_DESCRIBED = 60  # groups whose likeness is tested and whose requests are looked at
MOST_LEADS = 40  # leads that are written


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A judged group and its stake: how many of its requests are of the kind that a harvest consists of."""

    judged: Judged
    stake: float


def worth_describing(judged: Sequence[Judged], fdr: float, taken: frozenset[int]) -> list[Judged]:
    """Groups that would be reported at `fdr` if no explanation were known, the largest first, then the
    others.

    Groups that share many owners with `taken` are left out, and of several views of one group all but one.
    """
    bar = _bar(len(judged), fdr)

    def order(one: Judged) -> tuple[bool, int, float, list[str]]:
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
    """Of groups whose likeness was tested, those that would be reported at `fdr` among `tested` if no
    explanation were known: by control, or by joint timing with a common purpose.
    """
    bar = _bar(tested, fdr)
    return [one for one in described if max(one.unexplained, _together(one)) >= bar]


def _together(one: Judged) -> float:
    return min(one.families["timing"], one.families["purpose"])


def ranked(groups: Sequence[Judged], stake: Callable[[Judged], float]) -> list[Lead]:
    """Leads by falling stake."""
    leads = [Lead(judged=one, stake=stake(one)) for one in groups]
    return sorted(leads, key=lambda lead: (-lead.stake, -lead.judged.unexplained))[:MOST_LEADS]


def _bar(tested: int, fdr: float) -> float:
    return float(np.log(max(tested, 1) / fdr))
