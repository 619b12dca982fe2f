"""How much of a mark a student keeps that is fine-tuned from a larger model, by marked share and by
rewording.

The student starts from a model that knows the language, as campaigns' students do. Low-rank adapters (LoRA)
or all weights are trained.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stillwatch.engine.files import atomic
from stillwatch.errors import InputError, Problem
from stillwatch.lab import models, school, traces
from stillwatch.lab.models import Model
from stillwatch.lab.removal import reworded
from stillwatch.prove.case import PromptAnswer
from stillwatch.prove.finding import SuspectFinding
from stillwatch.prove.registry import mark_named

AGAIN = "Say the following in other words, and leave nothing out:\n\n{}"  # request for a paraphrase of a text


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """One student and its training, as values that a file can hold.

    A `share` of its `answers` is marked. `reword` is the share of free words that are drawn anew before
    training; with `prompts`, a file of questions, the share of answers that the base paraphrases. `rank` is
    that of the adapters; 0 trains all weights.
    """

    base: str
    prompts: str = ""
    mark: str = "gumbel"
    share: float = 0.1
    reword: float = 0.0
    seed: int = 0
    answers: int = 20_000
    asked: int = 10_000
    width: int = 2
    strength: float | None = None
    way: str = "reasoning"
    rank: int = 16
    steps: int = 1_500
    batch: int = 64
    rate: float = 1e-3
    longest: int = models.MAX_ANSWER_TOKENS


def students(one: Tuning, shares: Sequence[float], rewords: Sequence[float], seeds: int) -> list[Tuning]:
    """Students of every share without rewording, and of the largest share with every rewording, for each
    seed.
    """
    some = dict.fromkeys(
        [*((share, 0.0) for share in shares), *((max(shares), reword) for reword in rewords)]
    )
    return [
        replace(one, seed=seed, share=share, reword=reword) for seed in range(seeds) for share, reword in some
    ]


def keep(out: Path, prompts: Sequence[str], tuning: Tuning) -> Tuning:
    """Write prompts into the experiment's folder, named by their digest; returns the tuning with that file.

    Raises `InputError` where there are fewer distinct prompts than needed.
    """
    some = list(dict.fromkeys(prompts))[: tuning.answers + tuning.asked]
    if len(some) < tuning.answers + tuning.asked:
        raise InputError(
            Problem(
                fact="too few different prompts",
                found=f"{len(some):,}",
                expected=f"{tuning.answers + tuning.asked:,}: those that are served, and those that the "
                f"student is asked",
                fix="fewer --answers and --asked",
            )
        )
    content = json.dumps(some).encode()
    file = out / f"prompts-{hashlib.sha256(content).hexdigest()[:16]}.json"
    out.mkdir(parents=True, exist_ok=True)
    with atomic(file) as temporary:
        temporary.write_bytes(content)
    return replace(tuning, prompts=str(file))


def measured(teacher: Model, tuning: Tuning, decoys: int = 99) -> dict[str, SuspectFinding]:
    """Findings on one student by access (`traces.found`)."""
    base = models.load(Path(tuning.base))
    trial = traces.StudentTrial(
        mark=tuning.mark,
        share=tuning.share,
        seed=tuning.seed,
        answers=tuning.answers,
        asked=tuning.asked,
        width=tuning.width,
        strength=tuning.strength,
        longest=tuning.longest,
        prompts=tuple(json.loads(Path(tuning.prompts).read_text())) if tuning.prompts else (),
    )
    ring, (issued,) = traces.keyring_of(trial.seed, trial.mark, trial.width, trial.strength)
    proxy = base if mark_named(trial.mark).needs_proxy else None
    pairs = traces.served(teacher, trial, ring, issued, proxy)
    lesson = school.Lesson(steps=tuning.steps, batch=tuning.batch, rate=tuning.rate)
    student = models.merged(
        school.learn(
            tuning.way,
            [(pair.prompt, pair.answer) for pair in _said_otherwise(base, pairs, tuning)],
            teacher=teacher,
            seed=tuning.seed,
            lesson=lesson,
            start=models.adapted(base, tuning.rank, tuning.seed) if tuning.rank else base,
        )
    )
    return traces.found(teacher, student, pairs, trial, ring, proxy=proxy, decoys=decoys)


def _said_otherwise(base: Model, pairs: list[PromptAnswer], tuning: Tuning) -> list[PromptAnswer]:
    """The answers that the student trains on, reworded to the requested share."""
    if not tuning.reword:
        return pairs
    rng = np.random.default_rng(tuning.seed)
    if not tuning.prompts:
        return [replace(pair, answer=reworded(pair.answer, tuning.reword, rng)) for pair in pairs]
    chosen = np.flatnonzero(rng.random(len(pairs)) < tuning.reword).tolist()
    asked = [AGAIN.format(pairs[at].answer) for at in chosen]
    out = list(pairs)
    for at, said in zip(
        chosen, models.answer(base, asked, seed=tuning.seed + 2, longest=tuning.longest), strict=True
    ):
        out[at] = replace(pairs[at], answer=said)
    return out
