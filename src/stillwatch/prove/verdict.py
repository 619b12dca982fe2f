"""What do all findings on a suspect add up to?

Three words, and only these: *supported* (a keyed test rejects independence at the level stated beforehand, corrected for
all keys and tests that were looked at), *refuted at this power* (the mark is so absent that training on the assumed share
would have shown, with 95 % power, at 5 %), *not supported* (neither). Tests without a key of ours may point the same way;
they never make a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log10

import numpy as np

from stillwatch.prove.finding import Finding
from stillwatch.prove.power import Assumed, log10_p_if_present, pieces, power_of
from stillwatch.stats.evalues import LN10, mean_log_e

SUPPORTED, NOT_SUPPORTED, REFUTED = "supported", "not supported", "refuted at this power"
POWER, LEVEL = 0.95, 0.05
RANK_AT_MOST = 0.02  # a mark so strong that it convicts must also beat 98 % of the keys that were never used


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign's evidence: its keys' e-values multiplied, and the smallest p-value times the tries."""

    campaign: str
    log10_e: float
    log10_p: float
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The word, for the suspect and for each campaign, and what it rests on."""

    word: str
    reason: str
    alpha: float
    tries: int
    log10_e: float
    log10_p: float
    named: str
    campaigns: tuple[Campaign, ...]
    power: float
    further: float
    warnings: tuple[str, ...]


def campaign_of(finding: Finding) -> str:
    """Whose key it is."""
    return finding.subject.split("/")[1] if "/" in finding.subject else ""


def decide(findings: Sequence[Finding], *, alpha: float, assumed: Assumed | None, asked: int) -> Verdict:
    """The verdict on a suspect; `asked` is how many answers it gave, for saying how many more would settle the matter."""
    keyed = [one for one in findings if one.keyed and one.units > 0]
    tries = max(len(keyed), 1)
    warnings = [
        f"`{one.test}` under `{one.subject}` is extreme by its law but not among decoys (rank p {one.rank_p:.3g}): something it takes for granted does not hold, and it is not counted"
        for one in keyed
        if _is_broken(one, alpha, tries)
    ]
    sound = [one for one in keyed if not _is_broken(one, alpha, tries)]
    names = sorted({campaign_of(one) for one in sound if campaign_of(one)})
    rows = tuple(_campaign(name, sound, tries, len(names), alpha) for name in names)
    others = [one for one in sound if not campaign_of(one)]
    every = [row.log10_e * LN10 for row in rows] + [one.log_e for one in others]
    log10_e = mean_log_e(np.array(every)) / LN10 if every else 0.0
    log10_p = min((min(one.log10_p + log10(tries), 0.0) for one in sound), default=0.0)
    # Two ways to the same claim share the level.
    is_supported = log10_e >= -log10(alpha / 2) or log10_p <= log10(alpha / 2)
    best = max(rows, key=lambda row: (row.log10_e, -row.log10_p), default=None)
    named = best.campaign if best is not None and best.verdict == SUPPORTED else ""
    power, absent = _absence(sound, assumed)
    if is_supported:
        word = SUPPORTED
        reason = f"independence of our keys is rejected at {alpha:g}: combined e 10^{log10_e:.1f}, smallest p after {tries} tries 10^{log10_p:.1f}"
    elif assumed is not None and power >= POWER and absent:
        word = REFUTED
        reason = f"had {100 * assumed.share:g} % of its training borne a mark, this would have shown with {100 * power:.1f} % power; it did not"
    else:
        word = NOT_SUPPORTED
        reason = "independence of our keys is not rejected" + (
            "" if keyed else ": no keyed test could be made"
        )
        if assumed is not None:
            reason += f"; the power against {100 * assumed.share:g} % marked training was {100 * power:.1f} %"
    return Verdict(
        word=word, reason=reason, alpha=alpha, tries=tries, log10_e=log10_e, log10_p=log10_p, named=named, campaigns=rows,
        power=power, further=_further(sound, assumed, alpha / tries, asked), warnings=tuple(warnings),
    )  # fmt: skip


def _is_broken(one: Finding, alpha: float, tries: int) -> bool:
    if one.rank_p is None or one.decoys < 99:
        return False
    return one.log10_p + log10(tries) <= log10(alpha / 2) and one.rank_p > RANK_AT_MOST


def _campaign(name: str, sound: Sequence[Finding], tries: int, names: int, alpha: float) -> Campaign:
    by_key: dict[str, list[float]] = {}
    for one in sound:
        if campaign_of(one) == name:
            by_key.setdefault(one.subject, []).append(one.log_e)
    # One key seen by two tests is one piece of luck: averaged. Different keys are drawn independently: multiplied.
    log10_e = sum(mean_log_e(np.array(logs)) for logs in by_key.values()) / LN10
    log10_p = min(min(one.log10_p + log10(tries), 0.0) for one in sound if campaign_of(one) == name)
    is_shown = log10_e - log10(names) >= -log10(alpha / 2) or log10_p <= log10(alpha / 2)
    return Campaign(
        campaign=name, log10_e=log10_e, log10_p=log10_p, verdict=SUPPORTED if is_shown else NOT_SUPPORTED
    )


def _carriers(sound: Sequence[Finding]) -> list[Finding]:
    """Tests whose effect the lab measured: those on windows."""
    return [one for one in sound if one.test.startswith("radioactivity")]


def _absence(sound: Sequence[Finding], assumed: Assumed | None) -> tuple[float, bool]:
    """The best power among tests on windows, and whether every key's best test speaks against the effect."""
    some = _carriers(sound)
    if assumed is None or not some:
        return 0.0, False
    power = min(
        max(power_of(assumed.effect, one.units, LEVEL) for one in some if campaign_of(one) == name)
        for name in {campaign_of(one) for one in some}
    )
    absent = all(
        min(
            log10_p_if_present(one.effect, assumed.effect, one.units)
            for one in some
            if campaign_of(one) == name
        )
        <= log10(LEVEL)
        for name in {campaign_of(one) for one in some}
    )
    return power, absent


def _further(sound: Sequence[Finding], assumed: Assumed | None, alpha: float, asked: int) -> float:
    """How many more answers would bring 95 % power, if each adds as many windows as those so far; nan where unknown."""
    some = [one for one in sound if one.test == "radioactivity_text" and one.units]
    if assumed is None or not some or not asked:
        return float("nan")
    needed = pieces(assumed.effect, alpha, POWER)
    if needed == inf:
        return inf
    each = min(one.units for one in some) / asked
    return float(max(0.0, np.ceil(needed / each) - asked))
