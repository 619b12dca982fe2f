"""What do all findings on a suspect add up to?

Three words, and only these: *supported* (a keyed test rejects independence at the level stated beforehand,
corrected for all keys and tests that were looked at), *refuted at this power* (a mark that a ledger shows was
served is so absent that training on the assumed share would have shown, with 95 % power, at 5 %), *not
supported* (neither). Tests without a key of ours may point the same way; they never make a verdict. Nor does
the absence of a mark that nothing shows was served.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf, log10

import numpy as np

from stillwatch.prove.finding import SuspectFinding
from stillwatch.prove.power import Assumed, log10_p_if_present, pieces, power_of
from stillwatch.stats.evalues import LN10, mean_log_e

SUPPORTED, NOT_SUPPORTED, REFUTED = "supported", "not supported", "refuted at this power"
POWER, LEVEL = 0.95, 0.05
RANK_AT_MOST = 0.02  # a mark so strong that it convicts must also beat 98 % of the keys that were never used


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignVerdict:
    """A campaign's evidence: its keys' e-values multiplied, the smallest p-value times the tries, and the
    power against the assumed effect of its strongest test.
    """

    campaign: str
    log10_e: float
    log10_p: float
    power: float
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """Another account of what was found: what would separate it from training on harvested answers, and
    what is known here.
    """

    statement: str
    separated_by: str
    here: str


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
    campaigns: tuple[CampaignVerdict, ...]
    power: float
    further: float
    warnings: tuple[str, ...]
    hypotheses: tuple[Hypothesis, ...] = ()


def campaign_of(finding: SuspectFinding) -> str:
    """Whose key it is."""
    return finding.subject.split("/")[1] if "/" in finding.subject else ""


def decide(
    findings: Sequence[SuspectFinding],
    *,
    alpha: float,
    effects: Mapping[str, Assumed],
    asked: int,
    served: Collection[str] | None,
    is_open: bool = False,
) -> Verdict:
    """The verdict on a suspect.

    `effects` has for keys what is assumed of a student. `served` are the campaigns that a ledger shows were
    served a mark: all of them must be refuted for the suspect to be; without a ledger (none) absence refutes
    nothing. `asked` is how many answers the suspect gave, for saying how many more would settle the matter;
    `is_open` says that its weights were read.
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
    # Two ways to the same claim share the level.
    is_supported = log10_e >= -log10(alpha / 2) or log10_p <= log10(alpha / 2)
    best = max(rows, key=lambda row: (row.log10_e, -row.log10_p), default=None)
    named = best.campaign if best is not None and best.verdict == SUPPORTED else ""
    power = min((row.power for row in rows), default=0.0)
    share = f"{100 * max((one.share for one in effects.values()), default=0.0):g} %"
    if is_supported:
        word = SUPPORTED
        reason = (
            f"independence of our keys is rejected at {alpha:g}: combined e 10^{log10_e:.1f}, smallest "
            f"p after {tries} tries 10^{log10_p:.1f}"
        )
    elif rows and all(row.verdict == REFUTED for row in rows):
        word = REFUTED
        reason = (
            f"had {share} of its training been answers served under these keys, marked to the share "
            f"that the ledger shows, this would have shown with {100 * power:.1f} % power; it did not"
        )
    else:
        word = NOT_SUPPORTED
        reason = "independence of our keys is not rejected" + (
            "" if keyed else ": no keyed test could be made"
        )
        if served is None:
            reason += "; without a ledger of what was served, the absence of a mark refutes nothing"
        elif effects:
            reason += (
                f"; the power against {share} of training on answers served under these keys was "
                f"{100 * power:.1f} %"
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
        further=_further(sound, effects, alpha / tries, asked),
        warnings=tuple(warnings),
        hypotheses=_hypotheses(rows, named, is_open=is_open) if word == SUPPORTED else (),
    )


def _hypotheses(rows: Sequence[CampaignVerdict], named: str, *, is_open: bool) -> tuple[Hypothesis, ...]:
    """What else than training on harvested answers would look the same."""
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
        Hypothesis(
            statement="others made marked answers public (a forum, a data set), and it was trained on those",
            separated_by="keys of several campaigns served in the same time: a public pool holds all of "
            "them; a search for the marked answers on the web",
            here=public,
        ),
        Hypothesis(
            statement="it had marked answers before it when it answered (a system prompt, retrieval, a "
            "memory)",
            separated_by="its weights, or answers asked for without tools and memory, with all that stood "
            "before it in the file",
            here=reading,
        ),
    )


def _is_broken(one: SuspectFinding, alpha: float, tries: int) -> bool:
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
    mine = [one for one in sound if campaign_of(one) == name]
    by_key: dict[str, list[float]] = {}
    for one in mine:
        by_key.setdefault(one.subject, []).append(one.log_e)
    # One key seen by two tests is one piece of luck: averaged. Different keys are drawn independently:
    # multiplied.
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
    """The power of a campaign's strongest test, and whether that test speaks against the effect.

    The strongest is chosen by what was assumed and how much was scored, not by its outcome, so that it errs
    at its level.
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
    sound: Sequence[SuspectFinding], effects: Mapping[str, Assumed], alpha: float, asked: int
) -> float:
    """How many more answers would bring 95 % power, if each adds as many windows as those so far; nan
    where unknown.
    """
    some = [one for one in sound if one.test == "radioactivity_text" and one.units and one.subject in effects]
    if not some or not asked:
        return float("nan")
    more = []
    for one in some:
        needed = pieces(effects[one.subject].effect, alpha, POWER)
        more.append(needed if needed == inf else float(max(0.0, np.ceil(needed * asked / one.units) - asked)))
    return max(more)
