"""Whether the suspect's answers are nearer to the teacher's than those of models that never saw them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from stillwatch.prove.case import PromptAnswer, SuspectCase
from stillwatch.prove.finding import SuspectFinding, signed
from stillwatch.prove.likeness import likeness
from stillwatch.prove.registry import ProvenanceTest


def missing(case: SuspectCase) -> str:
    """What the case lacks of answers by suspect, teacher and a control to the same prompts; "" where
    nothing.
    """
    if not case.answers or not case.served:
        return "answers of the suspect and of the teacher"
    if not case.controls:
        return "answers of control models"
    return "" if _common(case) else "a prompt that suspect, teacher and controls all answered"


def test(case: SuspectCase) -> list[SuspectFinding]:
    """One finding, by sign test, against the control with the largest p-value: the suspect must be nearer
    to the teacher than each control.
    """
    prompts = _common(case)
    teacher, suspect = _by_prompt(case.served), _by_prompt(case.answers)
    worst: tuple[float, float, float, int, str] | None = None
    for name, control in sorted(case.controls.items()):
        other = _by_prompt(control)
        gaps = np.array(
            [
                likeness(suspect[prompt], teacher[prompt]) - likeness(other[prompt], teacher[prompt])
                for prompt in prompts
            ]
        )
        signs = np.sign(gaps)
        log_p, log_e = signed(np.abs(signs), signs)
        one = (
            log_p,
            log_e,
            float(signs.sum()) / max(int(np.count_nonzero(signs)), 1),
            int(np.count_nonzero(signs)),
            name,
        )
        if worst is None or one[0] > worst[0]:
            worst = one
    assert worst is not None
    log_p, log_e, effect, units, name = worst
    return [
        SuspectFinding(
            test="agreement",
            subject="the teacher",
            keyed=False,
            units=units,
            effect=effect,
            log10_p=log_p / np.log(10),
            log_e=log_e,
            statement=f"of {units:,} prompts where they differ, the suspect is nearer to the teacher than "
            f"the nearest control (`{name}`) in {50 + 50 * effect:.1f} %",
        )
    ]


def _by_prompt(pairs: Iterable[PromptAnswer]) -> dict[str, str]:
    """The first answer to each prompt."""
    held: dict[str, str] = {}
    for pair in pairs:
        held.setdefault(pair.prompt, pair.answer)
    return held


def _common(case: SuspectCase) -> list[str]:
    """Prompts that suspect, teacher and all controls answered, sorted."""
    some = set(_by_prompt(case.answers)) & set(_by_prompt(case.served))
    for control in case.controls.values():
        some &= set(_by_prompt(control))
    return sorted(some)


agreement = ProvenanceTest(
    name="agreement",
    asks="is the suspect nearer to the teacher's answers than every control model?",
    null="on each prompt the suspect is no likelier to be nearer to the teacher than the best control is",
    assumes=(
        "a control stands for what the suspect would be without our answers: same size, base and public data",
        "prompts are not what both were trained on from a common source",
    ),
    keyed=False,
    removed_by=(
        "training on several teachers",
        "style transfer",
        "a base model that was itself trained on our answers",
    ),
    source="Nikolic, Piterbarg and others 2025, Model provenance testing for large language models; sign "
    "test by prompt, intersection-union over controls (Berger 1982)",
    missing=missing,
    test=test,
)
