"""What is known about a suspect, and about what was served?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stillwatch.prove.keyring import Keyring


class Tokens(NamedTuple):
    """The tokens of a text: their ids, and the characters from which and up to which each stands for."""

    ids: Sequence[int]
    starts: Sequence[int]
    ends: Sequence[int]


Tokenize = Callable[[str], Tokens]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A prompt and an answer to it; for what was served also whose key it bore, and an answer that was never
    sent.

    `seen` is what else stood before whoever answered: a system prompt, results of tools, earlier turns.
    `asked_at` is when it was asked, in microseconds since 1970, where that is known.
    """

    prompt: str
    answer: str
    campaign: str = ""
    unserved: str = ""
    seen: tuple[str, ...] = ()
    asked_at: int | None = None

    @property
    def read(self) -> tuple[str, ...]:
        """Everything that whoever answered had before it."""
        return (self.prompt, *self.seen)


class OpenModel(Protocol):
    """A suspect whose weights are at hand, under its own or our tokens."""

    def nearest(self, ids: Sequence[int], top: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """For each position but the first, the `top` likeliest tokens and their probabilities, given what
        stands before.
        """

    def log_likelihood(self, prompt: str, answer: str) -> float:
        """Mean natural log-probability of an answer's tokens after a prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that tests may look at. `answers` is what the suspect said; `controls` what innocent models said to
    the same prompts.

    `model` is the suspect with its weights, `teacher` the model that was served, unmarked: with it, tests
    know what the language does by itself and see the mark's part alone.
    """

    keyring: Keyring
    answers: Sequence[Pair] = ()
    served: Sequence[Pair] = ()
    controls: Mapping[str, Sequence[Pair]] = field(default_factory=dict)
    model: OpenModel | None = None
    teacher: OpenModel | None = None
    tokenize: Tokenize | None = None
    decoys: int = 9_999

    def unmarked(self) -> list[Pair]:
        """What was served to others, under no key: how the teacher speaks."""
        return [pair for pair in self.served if not pair.campaign]

    def served_to(self, campaign: str) -> list[Pair]:
        """What was served under a campaign's keys."""
        return [pair for pair in self.served if pair.campaign == campaign]
