"""Choice of the candidates to report, so that each campaign is reported once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stillwatch.detect.judge import Judged
from stillwatch.stats.evalues import LN10
from stillwatch.stats.fdr import e_bh_q_values

INSIDE_OVERLAP = 0.8  # share of a part's owners that must be in the whole, and its largest relative size
APART_OVERLAP = 0.2  # overlap up to which two parts are disjoint
SHARE_COVERED_BY_PARTS = 0.7  # share of the whole's owners that its parts must cover to replace it
SAME_CAMPAIGN_OVERLAP = 0.3  # overlap above which two candidates are one campaign
VIEW_OVERLAP = 0.5  # overlap above which a candidate is a view of a campaign in `core`
SMALLEST_VIEW, LARGEST_VIEW = 0.8, 4.0  # owners of a view, in multiples of those of the campaign
# Natural-log e-value at which evidence is capped for q-values: the distribution of honest groups is not known
# that far out.
STRONGEST_LOG_E = 12.0 * LN10


def decide(judged: Sequence[Judged], fdr: float) -> list[Judged]:
    """Candidates that may be reported at the false-discovery rate `fdr`, strongest first and each campaign
    once.

    Overlap is measured in `owners`, so many accounts of one declared owner count once.

    Several candidates may be views of one campaign; the one with the largest product of e-value and number of
    owners represents it. A candidate that consists of several disjoint significant candidates is replaced by
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
    """The largest self-consistent subset of `chosen` at `fdr`, strongest first, with q-values.

    `tested` is the number of all candidates that were tested, chosen or not.
    """
    logs = np.full(max(tested, len(chosen)), -np.inf)
    ordered = sorted(chosen, key=lambda j: -j.log_e)
    logs[: len(ordered)] = [min(j.log_e, STRONGEST_LOG_E) for j in ordered]
    q_values = e_bh_q_values(logs)
    return [replace(j, q_value=float(q)) for j, q in zip(ordered, q_values, strict=False) if q <= fdr]


def core(one: Judged, judged: Sequence[Judged], fdr: float) -> frozenset[str]:
    """Accounts of the campaign `one` that are in more than half of its significant views.

    Views are candidates that share most owners with `one` and have from `SMALLEST_VIEW` to `LARGEST_VIEW`
    times as many owners: a candidate of a part of the campaign says nothing against the rest. One view that
    holds another campaign besides is thus no majority beside `one`. Where no account of `one` is in more than
    half of the views, or there is no view, all its accounts are returned. What the views hold beyond `one`
    was not tested with it, however many of them do: it can still be found by what it sends.
    """
    views = [
        j.accounts
        for j in judged
        if j.q_value <= fdr
        and one.overlap(j) > VIEW_OVERLAP
        and SMALLEST_VIEW * len(one.owners) <= len(j.owners) <= LARGEST_VIEW * len(one.owners)
    ]
    counts = Counter(account for view in views for account in view)
    return frozenset(a for a in one.accounts if 2 * counts[a] > len(views)) or one.accounts


def _weight(one: Judged) -> float:
    """Natural logarithm of e-value times number of owners. Evidence saturates, so size decides between views
    with similar evidence.
    """
    return one.log_e + float(np.log(len(one.owners)))


def _parts(whole: Judged, significant: Sequence[Judged]) -> list[Judged]:
    """Disjoint significant candidates inside `whole` that cover most of it; empty where `whole` is better.

    There must be at least two parts, and one with more weight than the whole. Parts of one campaign have less
    evidence than the whole; two campaigns in one candidate dilute each other's evidence.
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
