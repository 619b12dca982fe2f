"""How is an answer marked while it is sampled, each request under its own key?

`Marking` is a logits processor in Hugging Face's form: a callable of token ids, shape (rows, length), and
logits, shape (rows, vocabulary). Every row has its own key, or none. It must see the distribution that is
sampled from: put it after temperature, top-k and top-p, or give the temperature here and switch the others
off. `generate` does so, and writes what was served into the ledger; who uses `Marking` alone writes it
himself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.prove import ledger
from stillwatch.prove.keyring import Issued, Keyring
from stillwatch.prove.registry import Mark, Tensor, mark_named
from stillwatch.prove.windows import GOLDEN, M2, M3, seeds


@dataclass(slots=True)
class Row:
    """One request: its mark, key, strength, and the contexts that its answer has used."""

    mark: Mark
    key: npt.NDArray[np.uint64]
    width: int
    strength: float
    used: set[tuple[int, ...]] = field(default_factory=set)

    def seed(self, answer: Sequence[int]) -> int | None:
        """The seed for the next token of an answer so far; none where this step stays unmarked."""
        if len(answer) < self.width:
            return None
        context = tuple(answer[len(answer) - self.width :])
        if self.mark.spares_repeats:
            if context in self.used:
                return None
            self.used.add(context)
        return int(seeds(np.array([context], np.int64).reshape(1, self.width), self.key)[0])


def row(keyring: Keyring, issued: Issued) -> Row:
    """A request's marking from a key that was issued."""
    return Row(mark_named(issued.mark), keyring.key_of(issued), issued.width, issued.strength)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def vocabulary_bits(some: Sequence[int], vocabulary: int, device: object = None) -> Tensor:
    """Bits of every token after contexts with these seeds, shape (rows, vocabulary), as signed words;
    equal to `windows.bits_of`.
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
    logits: Tensor, rows: Sequence[Row | None], answers: Sequence[Sequence[int]], proxy: Tensor | None = None
) -> Tensor:
    """Log-probabilities to sample from: each row reshaped by its own mark, rows without one as they came."""
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
    """A batch's logits processor for Hugging Face's `generate` (pass it in `logits_processor`, without
    beams).

    `rows` has one entry per sequence in the batch, none for unmarked ones; `prompt` is the length to which
    prompts were padded, so that only the answer counts; `proxy` gives a proxy student's probabilities of
    token ids where a mark asks for them. Not to be used for a second batch: it remembers what each answer
    used.
    """

    def __init__(
        self,
        rows: Sequence[Row | None],
        prompt: int,
        *,
        temperature: float = 1.0,
        proxy: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.rows, self.prompt, self.temperature, self.proxy = list(rows), prompt, temperature, proxy
        self._asks = proxy is not None and any(one is not None and one.mark.needs_proxy for one in rows)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Logits of the next token, marked."""
        answers = input_ids[:, self.prompt :].tolist()
        proxy = self.proxy(input_ids) if self._asks and self.proxy else None
        return marked(scores / self.temperature, self.rows, answers, proxy).to(scores.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request whose answer is to be marked: for which account, under which key."""

    account: str
    issued: Issued


def line(keyring: Keyring, asked: Asked, answer: Sequence[int]) -> ledger.Entry:
    """The ledger's line on an answer's token ids; one that is no longer than the key's context bears no
    mark.
    """
    return ledger.entry(
        keyring, asked.issued, asked.account, answer, is_marked=len(answer) > asked.issued.width
    )


def generate(
    net: Any,  # noqa: ANN401  any model of Hugging Face's
    batch: Mapping[str, Tensor],
    asked: Sequence[Asked | None],
    keyring: Keyring,
    path: Path,
    *,
    temperature: float = 1.0,
    **options: Any,  # noqa: ANN401  as `generate` takes them
) -> list[list[int]]:
    """Answers of a Hugging Face model to a batch as its tokeniser gives it (padded on the left), as token ids
    without what fills up.

    `asked` has one entry a row, none for a row that is not marked. Lines on marked answers are in the ledger
    at `path` before anything is returned. `options` are those of `generate`, except for how it samples: top-k
    and top-p are off, since a mark has to see the whole law.
    """
    from transformers import LogitsProcessorList

    ids = batch["input_ids"]
    rows = [None if one is None else row(keyring, one.issued) for one in asked]
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
        for one, answer in zip(asked, said, strict=True)
        if one is not None and answer
    ]
    if lines:
        ledger.append(path, keyring, lines)
    return said


def _until(ids: Sequence[int], ends: set[int | None]) -> list[int]:
    """The ids before the first that ends an answer or fills it up."""
    return list(ids[: next((at for at, one in enumerate(ids) if one in ends), len(ids))])
