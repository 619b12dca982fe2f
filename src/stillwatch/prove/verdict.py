"""The verdict from all findings on a suspect.

A verdict is one of three. *Supported*: a keyed test rejects independence at the level stated beforehand,
corrected for all keys and tests. *Refuted at this power*: a ledger shows that the mark was served, and its
trace is so weak that training on the assumed share would have shown with 95 % power, at level 5 %. *Not
supported*: neither. Tests without a key of ours never decide the verdict, and neither does the absence of a
mark that no ledger shows was served.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf, log10

import numpy as np

from stillwatch.prove.finding import SuspectFinding
from stillwatch.prove.power import Assumed, log10_p_if_present, pieces, power_of
from stillwatch.stats.evalues import LN10, mean_log_e

# The three verdicts.
SUPPORTED, NOT_SUPPORTED, REFUTED = "supported", "not supported", "refuted at this power"
POWER, LEVEL = 0.95, 0.05  # least power, and level, of a refutation
RANK_AT_MOST = 0.02  # largest rank p-value among unused keys at which a significant finding is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignVerdict:
    """Evidence on one campaign.

    `log10_e` is the log10 of the product of its keys' e-values; `log10_p` of the smallest p-value times the
    number of tries; `power` is that of its strongest test against the assumed effect.
    """

    campaign: str
    log10_e: float
    log10_p: float
    power: float
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RivalExplanation:
    """A rival explanation of the findings, the observation that would separate it from training on
    harvested answers, and what is known here.
    """

    statement: str
    separated_by: str
    here: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict on a suspect and on each campaign.

    `log10_e` and `log10_p` are the combined e-value and the smallest p-value corrected for `tries`. `named`
    is the campaign with the strongest evidence where its own verdict is supported, else "". `power` is the
    smallest power over campaigns. `further` is the number of further answers for 95 % power; infinite
    without an effect, NaN where unknown.
    """

    word: str
    reason: str
    alpha: float
    tries: int
    log10_e: float
    log10_p: float
    named: str
    campaigns: tuple[CampaignVerdict, ...]
    power: float
    further: float
    warnings: tuple[str, ...]
    hypotheses: tuple[RivalExplanation, ...] = ()


def campaign_of(finding: SuspectFinding) -> str:
    """The campaign of a finding's key; "" where the subject is not a key."""
    return finding.subject.split("/")[1] if "/" in finding.subject else ""


def decide(
    findings: Sequence[SuspectFinding],
    *,
    alpha: float,
    effects: Mapping[str, Assumed],
    answers: int,
    served: Collection[str] | None,
    is_open: bool = False,
) -> Verdict:
    """The verdict on a suspect.

    Args:
        findings: outcomes of all tests.
        alpha: level, stated beforehand, for all keys and tests together.
        effects: effect assumed of a student, by key name.
        answers: number of answers that the suspect gave.
        served: campaigns that a ledger shows were served a mark; all must be refuted for the suspect to be
            refuted. None without a ledger: then nothing is refuted.
        is_open: whether the suspect's weights were read.
    """
    keyed = [one for one in findings if one.keyed and one.units > 0]
    tries = max(len(keyed), 1)
    warnings = [
        f"`{one.test}` under `{one.subject}` is extreme by its law but not among decoys (rank p "
        f"{one.rank_p:.3g}): something it takes for granted does not hold, and it is not counted"
        for one in keyed
        if _is_broken(one, alpha, tries)
    ]
    sound = [one for one in keyed if not _is_broken(one, alpha, tries)]
    names = sorted({campaign_of(one) for one in keyed if campaign_of(one)}.union(served or ()))
    known = effects if served is not None else {}
    rows = tuple(_campaign(name, sound, tries, len(names), alpha, known) for name in names)
    others = [one for one in sound if not campaign_of(one)]
    every = [row.log10_e * LN10 for row in rows] + [one.log_e for one in others]
    log10_e = mean_log_e(np.array(every)) / LN10 if every else 0.0
    log10_p = min((min(one.log10_p + log10(tries), 0.0) for one in sound), default=0.0)
    # The e-value and the p-value each get half of the level.
    is_supported = log10_e >= -log10(alpha / 2) or log10_p <= log10(alpha / 2)
    best = max(rows, key=lambda row: (row.log10_e, -row.log10_p), default=None)
    named = best.campaign if best is not None and best.verdict == SUPPORTED else ""
    power = min((row.power for row in rows), default=0.0)
    if is_supported:
        word = SUPPORTED
        reason = (
            f"independence of our keys is rejected at {alpha:g}: combined e 10^{log10_e:.1f}, smallest "
            f"p after {tries} tries 10^{log10_p:.1f}"
        )
    else:
        is_refuted = bool(rows) and all(row.verdict == REFUTED for row in rows)
        word = REFUTED if is_refuted else NOT_SUPPORTED
        reason = _why_not_supported(
            effects, power, is_refuted=is_refuted, is_tested=bool(keyed), has_ledger=served is not None
        )
    return Verdict(
        word=word,
        reason=reason,
        alpha=alpha,
        tries=tries,
        log10_e=log10_e,
        log10_p=log10_p,
        named=named,
        campaigns=rows,
        power=power,
        further=_further(sound, effects, alpha / tries, answers),
        warnings=tuple(warnings),
        hypotheses=_hypotheses(rows, named, is_open=is_open) if word == SUPPORTED else (),
    )


def _why_not_supported(
    effects: Mapping[str, Assumed], power: float, *, is_refuted: bool, is_tested: bool, has_ledger: bool
) -> str:
    """The reason of a verdict that is not `SUPPORTED`, as text.

    `power` (0 to 1) is the smallest over campaigns. `is_tested` says whether a keyed test could be made,
    `has_ledger` whether it is known what was served.
    """
    share = f"{100 * max((one.share for one in effects.values()), default=0.0):g} %"
    if is_refuted:
        return (
            f"had {share} of its training been answers served under these keys, marked to the share "
            f"that the ledger shows, this would have shown with {100 * power:.1f} % power; it did not"
        )
    reason = "independence of our keys is not rejected" + (
        "" if is_tested else ": no keyed test could be made"
    )
    if not has_ledger:
        return reason + "; without a ledger of what was served, the absence of a mark refutes nothing"
    if not effects:
        return reason
    return reason + (
        f"; the power against {share} of training on answers served under these keys was {100 * power:.1f} %"
    )


def _hypotheses(
    rows: Sequence[CampaignVerdict], named: str, *, is_open: bool
) -> tuple[RivalExplanation, ...]:
    """Rival explanations that would leave the same trace as training on harvested answers."""
    silent = sum(row.verdict != SUPPORTED for row in rows)
    able = sum(row.verdict != SUPPORTED and row.power >= POWER for row in rows)
    if len(rows) < 2:
        public = (
            "nothing separates it: there is a key of one campaign only"
            if rows
            else "nothing separates it: no campaign has a key"
        )
    elif named and silent:
        public = (
            f"{silent:,} of {len(rows):,} campaigns' keys are silent, {able:,} of them with 95 % power to be "
            f"seen, which speaks against a public "
            f"pool of everybody's answers as far as they were served in the same time; that those of "
            f"`{named}` alone were made public stays possible"
        )
    else:
        public = "no campaign is singled out, as would be so if many campaigns' answers were public"
    reading = (
        "excluded: its weights were read, with what was served at hand"
        if is_open
        else "what the file shows that it had before it is not counted; what the file does not show is taken "
        "not to be there"
    )
    return (
        RivalExplanation(
            statement="others made marked answers public (a forum, a data set), and it was trained on those",
            separated_by="keys of several campaigns served in the same time: a public pool holds all of "
            "them; a search for the marked answers on the web",
            here=public,
        ),
        RivalExplanation(
            statement="it had marked answers before it when it answered (a system prompt, retrieval, a "
            "memory)",
            separated_by="its weights, or answers asked for without tools and memory, with all that stood "
            "before it in the file",
            here=reading,
        ),
    )


def _is_broken(one: SuspectFinding, alpha: float, tries: int) -> bool:
    """Whether a finding is significant by its law but not extreme among at least 99 unused keys."""
    if one.rank_p is None or one.decoys < 99:
        return False
    return one.log10_p + log10(tries) <= log10(alpha / 2) and one.rank_p > RANK_AT_MOST


def _campaign(
    name: str,
    sound: Sequence[SuspectFinding],
    tries: int,
    names: int,
    alpha: float,
    effects: Mapping[str, Assumed],
) -> CampaignVerdict:
    """The evidence on one campaign from findings that are not broken; `names` is the number of campaigns."""
    mine = [one for one in sound if campaign_of(one) == name]
    by_key: dict[str, list[float]] = {}
    for one in mine:
        by_key.setdefault(one.subject, []).append(one.log_e)
    # Tests of one key depend on each other: their e-values are averaged. Different keys are independent:
    # their e-values are multiplied.
    log10_e = sum(mean_log_e(np.array(logs)) for logs in by_key.values()) / LN10
    log10_p = min((min(one.log10_p + log10(tries), 0.0) for one in mine), default=0.0)
    is_shown = log10_e - log10(names) >= -log10(alpha / 2) or log10_p <= log10(alpha / 2)
    power, is_absent = _absence(mine, effects)
    return CampaignVerdict(
        campaign=name,
        log10_e=log10_e,
        log10_p=log10_p,
        power=power,
        verdict=SUPPORTED if is_shown else REFUTED if is_absent and power >= POWER else NOT_SUPPORTED,
    )


def _absence(some: Sequence[SuspectFinding], effects: Mapping[str, Assumed]) -> tuple[float, bool]:
    """Power of a campaign's strongest test, and whether that test rejects the assumed effect at `LEVEL`.

    The strongest test is chosen by its assumed effect and number of pieces, not by its outcome, which keeps
    its level.
    """
    able = [one for one in some if one.subject in effects and one.test.startswith("radioactivity")]
    best = max(able, key=lambda one: effects[one.subject].effect * one.units**0.5, default=None)
    if best is None:
        return 0.0, False
    effect = effects[best.subject].effect
    return (
        power_of(effect, best.units, LEVEL),
        log10_p_if_present(best.effect, effect, best.units) <= log10(LEVEL),
    )


def _further(
    sound: Sequence[SuspectFinding], effects: Mapping[str, Assumed], alpha: float, answers: int
) -> float:
    """Number of further answers for 95 % power, if each adds as many windows as the answers so far;
    infinite without an effect, NaN where unknown.
    """
    some = [one for one in sound if one.test == "radioactivity_text" and one.units and one.subject in effects]
    if not some or not answers:
        return float("nan")
    more = []
    for one in some:
        needed = pieces(effects[one.subject].effect, alpha, POWER)
        more.append(
            needed if needed == inf else float(max(0.0, np.ceil(needed * answers / one.units) - answers))
        )
    return max(more)
