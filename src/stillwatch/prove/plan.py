"""Plan of a test, fixed before the first question is put to a suspect.

Keys, questions, tests, level and number of looks are under one SHA-256. The digest only shows that the file
is intact. A time stamp (RFC 3161) over the plan, or its publication, shows that it existed beforehand, and
so that key, questions and time were not chosen to suit the result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from stillwatch.package.committed import CommittedPlan
from stillwatch.prove.keyring import Keyring
from stillwatch.prove.power import Assumed, pieces
from stillwatch.prove.registry import provenance_tests

FORMAT = "stillwatch-plan-1"  # name and version of the format of a plan


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPlan(CommittedPlan):
    """What is committed to before a test.

    `keys_sha256` is the keyring's commitment; `questions_sha256` is over the sorted questions, `questions`
    their number. `looks` is how often results may be examined; each look has the level `alpha / looks`.
    `share` and `effect` (standard deviations per piece) are assumed of a student, from `effect_source`.
    `pieces_each` is the number of independent pieces per answer; `pieces_needed` and `answers_needed` give
    the power `power`, infinite where no number does.
    """

    keys_sha256: str
    questions_sha256: str
    questions: int
    tests: tuple[str, ...]
    alpha: float
    looks: int
    share: float
    effect: float
    effect_source: str
    power: float
    pieces_needed: float
    pieces_each: float
    answers_needed: float

    FORM: ClassVar = FORMAT
    NOUN: ClassVar = "plan"
    MADE_BY: ClassVar = "stillwatch prove plan"
    WHY: ClassVar = (
        "a plan that fits the results is no plan; and only a time stamp shows that one was there before"
    )

    def fault(self) -> str:
        """The first field that is out of its range."""
        is_right = 0 < self.alpha < 1 and self.looks >= 1 and 0 < self.share <= 1
        return "" if is_right else "level, looks or share out of range"


def digest(questions: Sequence[str]) -> str:
    """SHA-256 (hex) over the distinct questions, independent of their order."""
    return hashlib.sha256("\x00".join(sorted(set(questions))).encode()).hexdigest()


def answers_needed(assumed: Assumed, *, alpha: float, looks: int, power: float, each: float) -> float:
    """Number of answers for the given power; infinite where an answer brings no piece or the effect is 0.

    `each` is the number of independent pieces per answer.
    """
    needed = pieces(assumed.effect, alpha / looks, power)
    return float(-(-needed // each)) if isfinite(needed) and each > 0 else float("inf")


def make(
    keyring: Keyring,
    questions: Sequence[str],
    *,
    alpha: float,
    looks: int,
    assumed: Assumed,
    power: float,
    each: float,
) -> ProofPlan:
    """Make a plan for a keyring and questions.

    Args:
        keyring: the keys that are committed to.
        questions: the questions; repeats count once.
        alpha: level of the whole test, divided among the looks.
        looks: how often results may be examined.
        assumed: effect on a student at a marked share of training.
        power: power against that effect.
        each: number of independent pieces per answer.
    """
    return ProofPlan(
        keys_sha256=keyring.commitment(),
        questions_sha256=digest(questions),
        questions=len(set(questions)),
        tests=tuple(test.name for test in provenance_tests()),
        alpha=alpha,
        looks=looks,
        share=assumed.share,
        effect=assumed.effect,
        effect_source=assumed.source,
        power=power,
        pieces_needed=float(pieces(assumed.effect, alpha / looks, power)),
        pieces_each=each,
        answers_needed=answers_needed(assumed, alpha=alpha, looks=looks, power=power, each=each),
    )


read = ProofPlan.read


def departures(plan: ProofPlan, keyring: Keyring, questions: Sequence[str], alpha: float) -> list[str]:
    """Differences between plan and execution, as sentences; empty without any.

    `questions` are the questions asked; an empty sequence is not compared. `alpha` is the level used for one
    look.
    """
    out = []
    if keyring.commitment() != plan.keys_sha256:
        out.append("the keyring is not the one that was committed to")
    if questions and digest(questions) != plan.questions_sha256:
        out.append("the questions asked are not those that were committed to")
    if alpha > plan.alpha / plan.looks * (1 + 1e-9):
        out.append(f"the level is {alpha:g}, {plan.alpha / plan.looks:g} a look was planned")
    return out
