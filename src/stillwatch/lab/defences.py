"""Cost of each defence for a student and for an honest user.

Every defence is applied to what is served. The honest user's loss is measured on the served answers (right
answers, words of reasoning), the student's on its ability after training on the same number of answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stillwatch.lab import models, school
from stillwatch.lab.models import Model
from stillwatch.lab.tasks import ANSWER
from stillwatch.prove.registry import Tensor

Reshape = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefenceResult:
    """One defence with one seed.

    `dose` is the defence's strength. `honest` and `student` are shares of right answers by capability;
    `trace_words` the mean number of words of reasoning per answer; `answers` the number of answers that the
    student got.
    """

    defence: str
    dose: float
    seed: int
    honest: dict[str, float]
    trace_words: float
    student: dict[str, float]
    answers: int


def summarised(said: str, keep: float) -> str:
    """The answer with only the first share `keep` of its reasoning steps."""
    at = said.rfind(f"{ANSWER} ")
    if at < 0:
        return said
    steps = said[:at].split(" ; ")
    kept = steps[: round(keep * len(steps))]
    return f"{' ; '.join(kept)} ; {said[at:]}" if kept else said[at:]


def shortened(said: str, words: int) -> str:
    """The answer cut after `words` words."""
    return " ".join(said.split()[:words])


def perturbed(scale: float, seed: int) -> Reshape:
    """A defence that adds normal noise to the logits, with standard deviation `scale` in logits."""
    torch = models.torch_or_say()
    source = torch.Generator(device=models.device()).manual_seed(seed)

    def reshape(ids: Tensor, logits: Tensor) -> Tensor:
        """The logits with noise added."""
        del ids
        return logits + scale * torch.randn(logits.shape, generator=source, device=logits.device)

    return reshape


def antidistillation(
    proxy: Model, held: Sequence[tuple[str, str]], strength: float, step: float = 0.02
) -> Reshape:
    """A defence: logits + strength * d/de log p of a proxy student moved by e along the gradient of its
    loss (Savani and others 2025).

    The derivative is a central difference between two copies of the proxy, moved by `step` up and down the
    gradient of its loss on `held`. Tokens from which a student would learn become less likely.
    """
    torch = models.torch_or_say()
    proxy.net.zero_grad(set_to_none=True)
    ids, labels = models.padded(proxy, [models.encoded(proxy, prompt, said) for prompt, said in held])
    proxy.net(input_ids=ids, labels=labels, use_cache=False).loss.backward()
    norm = torch.sqrt(sum((p.grad**2).sum() for p in proxy.net.parameters() if p.grad is not None))
    moved = []
    for sign in (1.0, -1.0):
        copy = models.copy_of(proxy)
        with torch.no_grad():
            for mine, theirs in zip(copy.net.parameters(), proxy.net.parameters(), strict=True):
                if theirs.grad is not None:
                    mine.add_(sign * step / norm * theirs.grad)
        copy.net.eval()
        moved.append(models.Following(copy.net))
    proxy.net.zero_grad(set_to_none=True)

    def reshape(said: Tensor, logits: Tensor) -> Tensor:
        """The logits moved along the difference of the proxy's log-probabilities."""
        logs = [torch.log_softmax(one.logits(said), dim=-1) for one in moved]
        # Up the gradient the student is worse: tokens that are likelier there than downhill teach little.
        return logits + strength * (logs[0] - logs[1]) / (2 * step)

    return reshape


def measure(
    teacher: Model, name: str, dose: float, *, seed: int, answers: int, lesson: school.Lesson, each: int,
    proxy: Model | None = None, base: Model | None = None, capabilities: tuple[str, ...] = school.ALL,
) -> DefenceResult:  # fmt: skip
    """Serve answers under a defence, train a student on them, and examine both.

    Args:
        teacher: the model that is served.
        name: the defence; "none" for none.
        dose: its strength; for `throttle` the share of answers that is served.
        seed: seed of tasks, sampling and training.
        answers: number of answers without the defence.
        lesson: training of the student.
        each: number of tasks per capability in the student's examination.
        proxy: the proxy student of `antidistillation`.
        base: model from which the student starts; None for a new model.
        capabilities: capabilities of the tasks.
    """
    number = round(answers * dose) if name == "throttle" else answers
    tasks = school.prompts(seed, number, capabilities)
    reshape: Reshape | None = None
    if name == "perturb":
        reshape = perturbed(dose, seed)
    elif name == "antidistillation":
        assert proxy is not None
        some = school.prompts(seed + 900, 256, capabilities)
        reshape = antidistillation(proxy, [(task.prompt, task.full) for task in some], dose)
    said = models.answer(teacher, [task.prompt for task in tasks], seed=seed, reshape=reshape)
    if name == "withhold":
        said = [school.without_trace(one) for one in said]
    elif name == "summarise":
        said = [summarised(one, dose) for one in said]
    elif name == "shorten":
        said = [shortened(one, round(dose)) for one in said]
    student = school.learn(
        "reasoning",
        [(t.prompt, one) for t, one in zip(tasks, said, strict=True)],
        teacher=teacher,
        seed=seed,
        lesson=lesson,
        start=base,
    )
    examined = school.examine(student, seed, each, capabilities)
    return DefenceResult(
        defence=name, dose=dose, seed=seed, honest=school.accuracy(tasks, said), trace_words=_words(said),
        student=examined, answers=number,
    )  # fmt: skip


def _words(said: Sequence[str]) -> float:
    """Mean number of words of reasoning in the answers."""
    return float(np.mean([len(one.split()) - len(school.without_trace(one).split()) for one in said]))
