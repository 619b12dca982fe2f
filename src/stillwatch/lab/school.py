"""Train and serve a teacher, and train students on its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from stillwatch.lab import models
from stillwatch.lab.models import Model, Size, Step
from stillwatch.lab.tasks import ANSWER, CAPABILITIES, Task, draw, is_right
from stillwatch.prove.serving import RequestState

WAYS = ("answers", "reasoning", "logprobs", "reward")  # what a student is trained on
ROUNDS = 3  # rounds of attempts and training in `reward`
Pairs = list[tuple[str, str]]
ALL = tuple(CAPABILITIES)  # names of all capabilities of the lab


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A student's training: number of steps, batch size, highest learning rate, and the model's size."""

    steps: int = 500
    batch: int = 64
    rate: float = 2e-3
    size: Size = field(default_factory=Size)


def teach(
    seed: int,
    *,
    steps: int,
    capabilities: tuple[str, ...] = ALL,
    size: Size | None = None,
    form_only: bool = False,
    batch: int = 64,
    rate: float = 2e-3,
    progress: Step | None = None,
) -> Model:
    """A teacher trained on as many new tasks as its steps need, at most 200,000.

    With `form_only` every prompt gets another prompt's answer: the model learns the language and the form
    of answers, like a base model, but no skill.
    """
    model = models.fresh(seed, size)
    rng = np.random.default_rng(seed)
    tasks = draw(rng, min(batch * steps, 200_000), capabilities)
    answers = [task.full for task in tasks]
    if form_only:
        for name in capabilities:
            mine = [at for at, task in enumerate(tasks) if task.capability == name]
            for at, other in zip(mine, rng.permutation(mine), strict=True):
                answers[at] = tasks[other].full
    pairs = [(task.prompt, answer) for task, answer in zip(tasks, answers, strict=True)]
    models.train(model, pairs, steps=steps, seed=seed, batch=batch, rate=rate, progress=progress)
    return model


def prompts(seed: int, number: int, capabilities: tuple[str, ...] = ALL) -> list[Task]:
    """`number` tasks of a campaign, in turn over the capabilities."""
    return draw(np.random.default_rng(1_000_003 * seed + 17), number, capabilities)


def serve(
    teacher: Model,
    asked: Sequence[str],
    *,
    seed: int,
    rows: Sequence[RequestState | None] | None = None,
    proxy: Model | None = None,
    longest: int = models.MAX_ANSWER_TOKENS,
    progress: Step | None = None,
) -> Pairs:
    """Pairs of prompt and answer by the teacher, each marked under its own key where `rows` has one (None:
    unmarked).
    """
    said = models.answer(
        teacher, asked, seed=seed, rows=rows, proxy=proxy, longest=longest, progress=progress
    )
    return list(zip(asked, said, strict=True))


def without_trace(said: str) -> str:
    """The answer without its reasoning, as an interface that hides reasoning returns it."""
    at = said.rfind(f"{ANSWER} ")
    return said[at:] if at >= 0 else said


def learn(
    way: str, served: Pairs, *, teacher: Model, seed: int, lesson: Lesson, start: Model | None = None
) -> Model:
    """A student trained on what was served, in one of `WAYS`.

    `answers` trains on answers without reasoning, `reasoning` on whole answers, `logprobs` also on the
    teacher's token probabilities. `reward` learns the form from a tenth of the answers and then, round by
    round, from its own attempts at the rest that match the teacher's final answer (expert iteration).
    `start` is the model to start from; None for a new one.
    """
    student = models.copy_of(start) if start is not None else models.fresh(seed, lesson.size)
    if way == "answers":
        served = [(prompt, without_trace(said)) for prompt, said in served]
    if way in ("answers", "reasoning", "logprobs"):
        models.train(
            student,
            served,
            steps=lesson.steps,
            seed=seed,
            batch=lesson.batch,
            rate=lesson.rate,
            teacher=teacher if way == "logprobs" else None,
        )
        return student
    first = max(len(served) // 10, 1)
    models.train(
        student, served[:first], steps=lesson.steps // 2, seed=seed, batch=lesson.batch, rate=lesson.rate
    )
    rest = served[first:]
    kept = served[:first]
    for turn in range(ROUNDS):
        part = rest[turn::ROUNDS]
        if not part:
            break
        tried = models.answer(student, [prompt for prompt, _ in part], seed=seed + turn)
        kept = kept + [
            (prompt, said)
            for (prompt, graded), said in zip(part, tried, strict=True)
            if without_trace(said) == without_trace(graded)
        ]
        models.train(
            student,
            kept,
            steps=lesson.steps // (2 * ROUNDS),
            seed=seed + turn,
            batch=lesson.batch,
            rate=lesson.rate / 2,
        )
    return student


def examine(model: Model, seed: int, each: int, capabilities: tuple[str, ...] = ALL) -> dict[str, float]:
    """Share of right answers by capability on `each` new tasks of each, at temperature 0."""
    tasks = draw(np.random.default_rng(7_919 * seed + 5), each * len(capabilities), capabilities)
    said = models.answer(model, [task.prompt for task in tasks], seed=seed, temperature=0.0)
    return accuracy(tasks, said)


def accuracy(tasks: Sequence[Task], said: Sequence[str]) -> dict[str, float]:
    """Share of right answers by capability."""
    right: dict[str, list[bool]] = {}
    for task, one in zip(tasks, said, strict=True):
        right.setdefault(task.capability, []).append(is_right(task.prompt, one))
    return {name: float(np.mean(some)) for name, some in right.items()}
