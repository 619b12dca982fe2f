"""How much of a mark a student keeps, by the marked share of its training."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stillwatch.lab import models, school
from stillwatch.lab.models import Model
from stillwatch.prove.case import PromptAnswer, SuspectCase
from stillwatch.prove.finding import SuspectFinding
from stillwatch.prove.keyring import Issued, Keyring
from stillwatch.prove.registry import mark_named
from stillwatch.prove.serving import row
from stillwatch.prove.tests.radioactivity_open import radioactivity_open
from stillwatch.prove.tests.radioactivity_text import radioactivity_text
from stillwatch.prove.weights import Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentTrial:
    """One student: the mark, the marked share of its answers, and the numbers of answers that it learns
    from and gives.

    `width` and `strength` are those of the key, `strength` None for the mark's default. `prompts` are given
    questions: the first `answers` of them are served, the next `asked` are put to the student; where empty,
    tasks of the lab are used. `longest` is the most tokens of an answer.
    """

    mark: str
    share: float
    seed: int
    answers: int
    asked: int
    width: int = 2
    strength: float | None = None
    prompts: tuple[str, ...] = ()
    longest: int = models.MAX_ANSWER_TOKENS

    def campaigns(self) -> list[str]:
        """The campaign's prompts."""
        return list(self.prompts[: self.answers]) or _tasks(self.seed, self.answers)

    def suspects(self) -> list[str]:
        """The prompts that the student is tested with."""
        return list(self.prompts[self.answers : self.answers + self.asked]) or _tasks(
            self.seed + 500, self.asked
        )


def _tasks(seed: int, number: int) -> list[str]:
    """Prompts of a number of tasks."""
    return [task.prompt for task in school.prompts(seed, number)]


def keyring_of(
    seed: int, mark: str, width: int, strength: float | None = None, campaigns: int = 1
) -> tuple[Keyring, list[Issued]]:
    """A keyring derived from a seed, with one key per campaign; for experiments only."""
    ring = Keyring(master=np.random.default_rng(seed).bytes(32))
    some = []
    for at in range(campaigns):
        ring, one = ring.issue(
            mark,
            f"campaign-{at:03d}",
            since="2026-01-01T00:00:00Z",
            width=width,
            strength=mark_named(mark).strength if strength is None else strength,
        )
        some.append(one)
    return ring, some


def served(
    teacher: Model, trial: StudentTrial, ring: Keyring, issued: Issued, proxy: Model | None = None
) -> list[PromptAnswer]:
    """Answers to a campaign's prompts, of which a share is marked; `proxy` is a proxy student where the
    mark needs one.
    """
    asked = trial.campaigns()
    rng = np.random.default_rng(trial.seed + 11)
    is_marked = rng.permutation(len(asked)) < round(trial.share * len(asked))
    rows = [row(ring, issued) if some else None for some in is_marked]
    said = school.serve(teacher, asked, seed=trial.seed, rows=rows, proxy=proxy, longest=trial.longest)
    return [
        PromptAnswer(prompt=prompt, answer=one, campaign=issued.campaign if some else "")
        for (prompt, one), some in zip(said, is_marked, strict=True)
    ]


def student_of(
    pairs: list[PromptAnswer], trial: StudentTrial, lesson: school.Lesson, base: Model | None = None
) -> Model:
    """A student trained on whole answers with their reasoning, from `base`, or from a new model where
    None.
    """
    student = models.copy_of(base) if base is not None else models.fresh(trial.seed, lesson.size)
    models.train(
        student,
        [(p.prompt, p.answer) for p in pairs],
        steps=lesson.steps,
        seed=trial.seed,
        batch=lesson.batch,
        rate=lesson.rate,
    )
    return student


def case_of(
    student: Model,
    pairs: list[PromptAnswer],
    trial: StudentTrial,
    ring: Keyring,
    teacher: Model,
    *,
    is_open: bool,
    decoys: int = 999,
) -> SuspectCase:
    """The case that a provider would have: the student's weights where `is_open`, else its answers to new
    prompts; with the teacher's tokeniser.
    """
    answers: list[PromptAnswer] = []
    if not is_open:
        asked = trial.suspects()
        said = models.answer(student, asked, seed=trial.seed + 1, longest=trial.longest)
        answers = [PromptAnswer(prompt=prompt, answer=one) for prompt, one in zip(asked, said, strict=True)]
    return SuspectCase(
        keyring=ring,
        answers=answers,
        served=pairs,
        model=Weights(student.net, student.tokenizer) if is_open else None,
        tokenize=teacher.tokenize,
        decoys=decoys,
    )


def measured(
    teacher: Model, trial: StudentTrial, lesson: school.Lesson, base: Model | None = None, decoys: int = 99
) -> dict[str, SuspectFinding]:
    """Findings on one student by access: `text`, `open`, each also with the suffix `_beside_teacher`."""
    ring, (issued,) = keyring_of(trial.seed, trial.mark, trial.width, trial.strength)
    proxy = base if mark_named(trial.mark).needs_proxy else None
    pairs = served(teacher, trial, ring, issued, proxy)
    student = student_of(pairs, trial, lesson, base)
    return found(teacher, student, pairs, trial, ring, proxy=proxy, decoys=decoys)


def found(
    teacher: Model,
    student: Model,
    pairs: list[PromptAnswer],
    trial: StudentTrial,
    ring: Keyring,
    *,
    proxy: Model | None,
    decoys: int,
) -> dict[str, SuspectFinding]:
    """Findings on a student by access, for what was served under the keyring's one key.

    Without findings on weights where student and teacher have different tokens. Where no answer was marked,
    marked answers are made for the test to read.
    """
    (issued,) = ring.issued
    if not any(pair.campaign for pair in pairs):  # unmarked control: served answers that the tests can read
        control = replace(trial, share=1.0, seed=trial.seed + 77, answers=min(500, trial.answers), asked=0)
        pairs = [*served(teacher, control, ring, issued, proxy), *pairs]
    beside = Weights(teacher.net, teacher.tokenizer)
    text = case_of(student, pairs, trial, ring, teacher, is_open=False, decoys=decoys)
    out = {
        "text": radioactivity_text.test(text)[0],
        "text_beside_teacher": radioactivity_text.test(replace(text, teacher=beside))[0],
    }
    if student.tokenizer.get_vocab() == teacher.tokenizer.get_vocab():
        weights = case_of(student, pairs, trial, ring, teacher, is_open=True, decoys=decoys)
        out["open"] = radioactivity_open.test(weights)[0]
        out["open_beside_teacher"] = radioactivity_open.test(replace(weights, teacher=beside))[0]
    return out
