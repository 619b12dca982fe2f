"""Which candidates are reported, each campaign once?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stillwatch.detect.judge import Judged
from stillwatch.stats.evalues import LN10
from stillwatch.stats.fdr import e_bh_q_values

INSIDE_OVERLAP = 0.8
APART_OVERLAP = 0.2
SHARE_COVERED_BY_PARTS = 0.7
SAME_CAMPAIGN_OVERLAP = 0.3
VIEW_OVERLAP = 0.5
# Log e-value beyond which no q-value is claimed: no law of honest crowds is known so far out.
STRONGEST_LOG_E = 12.0 * LN10


def decide(judged: Sequence[Judged], fdr: float) -> list[Judged]:
    """Disjoint candidates that may be reported at rate `fdr`, strongest first.

    They are compared by their `owners`: a hundred accounts of one owner beside fifty of a campaign count as
    one more account, and the candidate is a view of that campaign.

    Several candidates may be views of one campaign; the one with the most evidence, times its size, stands
    for it. A candidate that falls apart into several disjoint ones, each significant by itself, gives way to
    them. The q-values are then those of the representatives among *all* candidates: a set R with e >= m /
    (rate |R|) for each of its members is self-consistent and keeps the rate, however it was chosen (Wang and
    Ramdas 2022, section 4).
    """
    significant = [j for j in judged if j.q_value <= fdr]
    chosen: list[Judged] = []
    for one in sorted(significant, key=lambda j: (-_weight(j), sorted(j.accounts)[:1])):
        if any(one.overlap(other) > SAME_CAMPAIGN_OVERLAP for other in chosen):
            continue
        parts = _parts(one, significant)
        for part in parts or [one]:
            if all(part.overlap(other) <= SAME_CAMPAIGN_OVERLAP for other in chosen):
                chosen.append(part)
    return consistent(chosen, len(judged), fdr)


def consistent(chosen: Sequence[Judged], tested: int, fdr: float) -> list[Judged]:
    """The largest self-consistent subset of `chosen` at `fdr`, with its q-values among `tested`
    candidates.
    """
    logs = np.full(max(tested, len(chosen)), -np.inf)
    ordered = sorted(chosen, key=lambda j: -j.log_e)
    logs[: len(ordered)] = [min(j.log_e, STRONGEST_LOG_E) for j in ordered]
    q_values = e_bh_q_values(logs)
    return [replace(j, q_value=float(q)) for j, q in zip(ordered, q_values, strict=False) if q <= fdr]


def core(one: Judged, judged: Sequence[Judged], fdr: float) -> frozenset[str]:
    """Accounts on which the significant views of one campaign agree: those in at least half of them.

    Views are the candidates at least half as large, and at most four times as large, that share most of their
    owners with `one`.
    """
    views = [
        j.accounts
        for j in judged
        if j.q_value <= fdr
        and one.overlap(j) > VIEW_OVERLAP
        and len(one.owners) <= 2 * len(j.owners) <= 8 * len(one.owners)
    ]
    counts = Counter(account for view in views for account in view)
    return frozenset(a for a, n in counts.items() if 2 * n >= len(views)) or one.accounts


def _weight(one: Judged) -> float:
    """Evidence of a few shared values saturates; of two views with the same evidence the larger says more."""
    return one.log_e + float(np.log(len(one.owners)))


def _parts(whole: Judged, significant: Sequence[Judged]) -> list[Judged]:
    """Disjoint significant candidates inside `whole` that cover most of it, if there are at least two.

    Evidence of the parts of one campaign adds up in the whole; two campaigns in one candidate dilute each
    other, so one of them has to be clearer alone.
    """
    parts: list[Judged] = []
    inside = [
        j
        for j in significant
        if len(j.owners) < INSIDE_OVERLAP * len(whole.owners)
        and len(j.owners & whole.owners) >= INSIDE_OVERLAP * len(j.owners)
        and j.log_e >= whole.log_e / 2
    ]
    for one in sorted(inside, key=lambda j: -j.log_e):
        if all(one.overlap(other) <= APART_OVERLAP for other in parts):
            parts.append(one)
    covered = len(frozenset().union(*(p.owners for p in parts)) & whole.owners) if parts else 0
    diluted = any(_weight(p) > _weight(whole) for p in parts)
    return (
        parts if len(parts) > 1 and diluted and covered >= SHARE_COVERED_BY_PARTS * len(whole.owners) else []
    )
