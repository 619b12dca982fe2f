"""Mark an answer while it is sampled, each request under its own key.

`Marking` is a logits processor in Hugging Face's form: a callable of token ids, shape (rows, length), and
logits, shape (rows, vocabulary). Every row has its own key, or none. It must receive the distribution that
is sampled from: place it after temperature, top-k and top-p, or give it the temperature and switch the
others off. `generate` does so and writes the ledger; code that uses `Marking` directly must write the
ledger itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.prove import ledger
from stillwatch.prove.keyring import Issued, Keyring
from stillwatch.prove.registry import Mark, Tensor, mark_named
from stillwatch.prove.windows import GOLDEN, M2, M3, seeds
from stillwatch.stats.arrays import Uints


@dataclass(slots=True)
class RequestState:
    """One request: its mark, key, context width in tokens, strength, and the contexts already used in its
    answer.
    """

    mark: Mark
    key: Uints
    width: int
    strength: float
    used: set[tuple[int, ...]] = field(default_factory=set)

    def seed(self, answer: Sequence[int]) -> int | None:
        """Seed of the next token, given the answer so far; None where this step stays unmarked.

        A step is unmarked before the answer has `width` tokens, and at a repeated context where the mark
        spares repeats.
        """
        if len(answer) < self.width:
            return None
        context = tuple(answer[len(answer) - self.width :])
        if self.mark.spares_repeats:
            if context in self.used:
                return None
            self.used.add(context)
        return int(seeds(np.array([context], np.int64).reshape(1, self.width), self.key)[0])


def row(keyring: Keyring, issued: Issued) -> RequestState:
    """The state of one request that is marked under an issued key."""
    return RequestState(mark_named(issued.mark), keyring.key_of(issued), issued.width, issued.strength)


def _signed(value: int) -> int:
    """A number of 64 bits as a signed one."""
    return value - (1 << 64) if value >= 1 << 63 else value


def vocabulary_bits(some: Sequence[int], vocabulary: int, device: object = None) -> Tensor:
    """Bits of every token after contexts with these seeds, shape (rows, vocabulary), as signed 64-bit
    words.

    Equal to `windows.bits_of`, which has unsigned words.
    """
    import torch

    seed = torch.tensor([_signed(one) for one in some], dtype=torch.int64, device=device)
    steps = torch.arange(1, vocabulary + 1, dtype=torch.int64, device=device) * _signed(GOLDEN)
    x = seed[:, None] + steps[None, :]
    for _ in range(2):
        for shift, factor in ((30, M2), (27, M3)):
            x = (x ^ ((x >> shift) & ((1 << (64 - shift)) - 1))) * _signed(factor)
        x = x ^ ((x >> 31) & ((1 << 33) - 1))
    return x


def marked(
    logits: Tensor,
    rows: Sequence[RequestState | None],
    answers: Sequence[Sequence[int]],
    proxy: Tensor | None = None,
) -> Tensor:
    """Log-probabilities to sample from, shape (rows, vocabulary); a row of None is normalised and not
    marked.

    Args:
        logits: shape (rows, vocabulary).
        rows: one entry per row; None for an unmarked one.
        answers: token ids of each answer so far.
        proxy: a proxy student's probabilities, shape (rows, vocabulary), where a mark needs them.
    """
    import torch

    out = torch.log_softmax(logits.float(), dim=-1)
    work: dict[tuple[str, float], list[tuple[int, int]]] = {}
    for at, (one, answer) in enumerate(zip(rows, answers, strict=True)):
        seed = one.seed(answer) if one is not None else None
        if one is not None and seed is not None:
            work.setdefault((one.mark.name, one.strength), []).append((at, seed))
    for (name, strength), some in work.items():
        index = torch.tensor([at for at, _ in some], device=logits.device)
        bits = vocabulary_bits([seed for _, seed in some], logits.shape[-1], logits.device)
        chosen = None if proxy is None else proxy[index]
        out[index] = mark_named(name).reshape(out[index], bits, strength, chosen)
    return out


class Marking:
    """Logits processor of one batch for Hugging Face's `generate` (pass it in `logits_processor`, without
    beams).

    `rows` has one entry per sequence, None for unmarked ones; `prompt` is the padded length of the prompts
    in tokens; `proxy` returns a proxy student's probabilities for token ids, where a mark needs them. Use
    one object per batch: it stores the contexts that each answer used.
    """

    def __init__(
        self,
        rows: Sequence[RequestState | None],
        prompt: int,
        *,
        temperature: float = 1.0,
        proxy: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.rows, self.prompt, self.temperature, self.proxy = list(rows), prompt, temperature, proxy
        self._asks = proxy is not None and any(one is not None and one.mark.needs_proxy for one in rows)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Marked logits of the next token, shape (rows, vocabulary)."""
        answers = input_ids[:, self.prompt :].tolist()
        proxy = self.proxy(input_ids) if self._asks and self.proxy else None
        return marked(scores / self.temperature, self.rows, answers, proxy).to(scores.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkingRequest:
    """A request whose answer is to be marked: its account and key."""

    account: str
    issued: Issued


def line(keyring: Keyring, request: MarkingRequest, answer: Sequence[int]) -> ledger.LedgerEntry:
    """Ledger entry of an answer given as token ids; an answer no longer than the key's context counts as
    unmarked.
    """
    return ledger.entry(
        keyring, request.issued, request.account, answer, is_marked=len(answer) > request.issued.width
    )


def generate(
    net: Any,  # noqa: ANN401  any model of Hugging Face's
    batch: Mapping[str, Tensor],
    requests: Sequence[MarkingRequest | None],
    keyring: Keyring,
    path: Path,
    *,
    temperature: float = 1.0,
    **options: Any,  # noqa: ANN401  as `generate` takes them
) -> list[list[int]]:
    """Sample marked answers from a Hugging Face model; returns their token ids without end and padding
    tokens.

    Entries on marked answers are written into the ledger at `path` before the function returns. Top-k and
    top-p are switched off, since a mark needs the full distribution.

    Args:
        net: a Hugging Face causal language model.
        batch: the tokeniser's output, padded on the left.
        requests: one entry per row; None for a row that is not marked.
        keyring: the keyring of the keys in `requests`.
        path: the ledger.
        temperature: sampling temperature.
        options: further options of the model's `generate`, except those for sampling.
    """
    from transformers import LogitsProcessorList

    ids = batch["input_ids"]
    rows = [None if one is None else row(keyring, one.issued) for one in requests]
    marking = Marking(rows, ids.shape[1], temperature=temperature)
    out = net.generate(
        **batch,
        **options,
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        logits_processor=LogitsProcessorList([marking]),
    )
    config = net.generation_config
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    plain = {*ends, config.pad_token_id}
    said = [_until(one, plain) for one in out[:, ids.shape[1] :].tolist()]
    lines = [
        line(keyring, one, answer)
        for one, answer in zip(requests, said, strict=True)
        if one is not None and answer
    ]
    if lines:
        ledger.append(path, keyring, lines)
    return said


def _until(ids: Sequence[int], ends: set[int | None]) -> list[int]:
    """The ids before the first end-of-sequence or padding id."""
    return list(ids[: next((at for at, one in enumerate(ids) if one in ends), len(ids))])
