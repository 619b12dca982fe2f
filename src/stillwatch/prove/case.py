"""What is known of a suspect and of the answers that were served."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from stillwatch.prove.keyring import Keyring
from stillwatch.stats.arrays import Floats, Ints


class Tokens(NamedTuple):
    """Tokens of a text: their ids, and the character offsets at which each begins and ends (exclusive)."""

    ids: Sequence[int]
    starts: Sequence[int]
    ends: Sequence[int]


Tokenize = Callable[[str], Tokens]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptAnswer:
    """A prompt and an answer to it.

    `seen` is other text that the answering model had before it: a system prompt, results of tools, earlier
    turns. `asked_at` is the time of the question in microseconds since 1970; None where unknown. For an
    answer that was served, `campaign` is the campaign whose key marked it ("" for unmarked) and `unserved`
    a second answer that was drawn in the same way and never sent ("" without one).
    """

    prompt: str
    answer: str
    campaign: str = ""
    unserved: str = ""
    seen: tuple[str, ...] = ()
    asked_at: int | None = None

    @property
    def read(self) -> tuple[str, ...]:
        """All texts that the answering model had before it: the prompt, then `seen`."""
        return (self.prompt, *self.seen)


class OpenModel(Protocol):
    """A model whose weights are available."""

    def nearest(self, ids: Sequence[int], top: int) -> tuple[Ints, Floats]:
        """The `top` likeliest tokens and their probabilities at each position after the first, given the
        tokens before it.

        Both arrays have the shape (len(ids) - 1, top).
        """

    def log_likelihood(self, prompt: str, answer: str) -> float:
        """Mean natural log-probability of an answer's tokens after a prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectCase:
    """Input of the tests on one suspect.

    `answers` are the suspect's; `served` are answers that we served; `controls` are answers of innocent
    models to the same prompts, by name of the model. `model` is the suspect with its weights; None where
    these are not available. `teacher` is the unmarked model that was served; with it, tests separate the
    mark from the language itself. `tokenize` is the tokeniser under which answers were marked. `decoys` is
    the number of unused keys that a key is ranked among.
    """

    keyring: Keyring
    answers: Sequence[PromptAnswer] = ()
    served: Sequence[PromptAnswer] = ()
    controls: Mapping[str, Sequence[PromptAnswer]] = field(default_factory=dict)
    model: OpenModel | None = None
    teacher: OpenModel | None = None
    tokenize: Tokenize | None = None
    decoys: int = 9_999

    def unmarked(self) -> list[PromptAnswer]:
        """Answers that were served without a mark."""
        return [pair for pair in self.served if not pair.campaign]

    def served_to(self, campaign: str) -> list[PromptAnswer]:
        """Answers that were served under a campaign's keys."""
        return [pair for pair in self.served if pair.campaign == campaign]
