"""Attempts to remove a mark from a student, and their cost for the student.

A trainer on harvested answers may reword them first, mix them with another teacher's, continue training on
other text, or counteract the mark while answering (neutralisation, after Pan and others 2025: the student's
shift from its base is removed where the base is undecided, which needs the base's weights).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from stillwatch.lab import models, school, traces
from stillwatch.lab.models import Model
from stillwatch.lab.tasks import OPENINGS, TAILS, VERBS
from stillwatch.prove.case import PromptAnswer, SuspectCase
from stillwatch.prove.finding import SuspectFinding
from stillwatch.prove.registry import Tensor, mark_named
from stillwatch.prove.tests.radioactivity_open import radioactivity_open
from stillwatch.prove.tests.radioactivity_text import radioactivity_text
from stillwatch.prove.weights import Weights

# Ways in which a student's trainer tries to remove a mark.
REMOVALS = ("none", "reword half", "reword all", "mix with another teacher", "train on", "neutralise")


def reworded(said: str, share: float, rng: np.random.Generator) -> str:
    """The answer with a share of its freely chosen words drawn anew from their lists; a paraphrase that
    keeps the content.
    """
    kinds = [set(OPENINGS), set(VERBS), set(TAILS)]
    lists = [OPENINGS, VERBS, TAILS]
    out = []
    for word in said.split():
        kind = next((at for at, some in enumerate(kinds) if word in some), None)
        out.append(
            word if kind is None or rng.random() >= share else lists[kind][rng.integers(len(lists[kind]))]
        )
    return " ".join(out)


def neutralised(base: Model, strength: float = 1.0) -> Callable[[Tensor, Tensor], Tensor]:
    """A function that moves the student's logits towards the base's, the more the less certain the base
    is.
    """
    torch = models.torch_or_say()
    unmarked = models.Following(base.net)

    def reshape(ids: Tensor, logits: Tensor) -> Tensor:
        """The student's logits moved towards the base's, in proportion to the base's entropy."""
        before = torch.log_softmax(unmarked.logits(ids), dim=-1)
        now = torch.log_softmax(logits, dim=-1)
        spread = -(before.exp() * before).sum(dim=-1, keepdim=True) / np.log(logits.shape[-1])
        return now - strength * spread.clamp(max=0.5) * 2 * (now - before)

    return reshape


def measured(
    teacher: Model, base: Model, trial: traces.StudentTrial, removal: str, lesson: school.Lesson, each: int
) -> dict[str, SuspectFinding | float]:
    """Findings on one student after one removal, by access, and its share of right answers (`right`)."""
    ring, (issued,) = traces.keyring_of(trial.seed, trial.mark, trial.width, trial.strength)
    pairs = traces.served(teacher, trial, ring, issued, base if mark_named(trial.mark).needs_proxy else None)
    rng = np.random.default_rng(trial.seed)
    learnt: Sequence[PromptAnswer] = pairs
    if removal.startswith("reword"):
        share = 0.5 if removal == "reword half" else 1.0
        learnt = [replace(pair, answer=reworded(pair.answer, share, rng)) for pair in pairs]
    elif removal == "mix with another teacher":
        asked = [task.prompt for task in school.prompts(trial.seed + 40, len(pairs))]
        learnt = [
            *pairs,
            *(PromptAnswer(prompt=p, answer=a) for p, a in school.serve(base, asked, seed=trial.seed + 40)),
        ]
    student = traces.student_of(list(learnt), trial, lesson, base)
    if removal == "train on":
        asked = [task.prompt for task in school.prompts(trial.seed + 60, len(pairs))]
        models.train(
            student,
            school.serve(base, asked, seed=trial.seed + 60),
            steps=lesson.steps,
            seed=trial.seed,
            rate=1e-3,
        )
    reshape = neutralised(base) if removal == "neutralise" else None
    tasks = school.prompts(trial.seed + 500, trial.asked)
    said = models.answer(student, [task.prompt for task in tasks], seed=trial.seed + 1, reshape=reshape)
    beside = Weights(teacher.net, teacher.tokenizer)
    text = SuspectCase(
        keyring=ring,
        served=pairs,
        tokenize=student.tokenize,
        teacher=beside,
        decoys=99,
        answers=[PromptAnswer(prompt=task.prompt, answer=one) for task, one in zip(tasks, said, strict=True)],
    )
    weights = replace(text, answers=(), model=Weights(student.net, student.tokenizer))
    right = school.accuracy(tasks[: 5 * each], said[: 5 * each])
    return {
        "text_beside_teacher": radioactivity_text.test(text)[0],
        "open_beside_teacher": radioactivity_open.test(weights)[0],
        "right": float(np.mean(list(right.values()))),
    }
