"""A suspect whose weights are available."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stillwatch.errors import InputError, MissingExtra, Problem
from stillwatch.prove.case import Tokens
from stillwatch.prove.quarters import RefusedOperation, confined
from stillwatch.stats.arrays import Floats, Ints


class Weights:
    """A causal language model in the Hugging Face format, with the interface of `OpenModel`."""

    def __init__(self, net: Any, tokenizer: Any) -> None:
        self.net, self.tokenizer = net, tokenizer
        self._start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]

    def tokenize(self, text: str) -> Tokens:
        """Tokens of a text with their character offsets; no special tokens are added."""
        return tokens_of(self.tokenizer, text)

    def nearest(self, ids: Sequence[int], top: int) -> tuple[Ints, Floats]:
        """The `top` likeliest tokens and their probabilities at each position after the first, given the
        tokens before it.

        Both arrays have the shape (len(ids) - 1, top).
        """
        import torch

        with torch.inference_mode():
            p = torch.softmax(self._logits([*self._start, *ids])[len(self._start) : -1], dim=-1)
            best = p.topk(min(top, p.shape[-1]))
        return best.indices.cpu().numpy(), best.values.double().cpu().numpy()

    def log_likelihood(self, prompt: str, answer: str) -> float:
        """Mean natural log-probability of an answer's tokens after a prompt; 0 for an answer without
        tokens.
        """
        import torch

        asked, said = self.tokenize(prompt).ids, self.tokenize(answer).ids
        if not said:
            return 0.0
        ids = [*self._start, *asked, *said]
        with torch.inference_mode():
            logs = torch.log_softmax(self._logits(ids)[:-1], dim=-1)
            places = torch.arange(len(ids) - len(said) - 1, len(ids) - 1, device=logs.device)
            wanted = torch.tensor(said, device=logs.device)
            return float(logs[places, wanted].mean())

    def _logits(self, ids: Sequence[int]) -> Any:
        """Scores of every next token after each token, shape (tokens, vocabulary)."""
        import torch

        place = next(self.net.parameters()).device
        return self.net(input_ids=torch.tensor([list(ids)], device=place), use_cache=False).logits[0].float()


def tokens_of(tokenizer: Any, text: str) -> Tokens:
    """Tokens of a text by a Hugging Face tokeniser; raises `InputError` where it does not give character
    offsets.
    """
    try:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    except NotImplementedError:
        raise InputError(
            Problem(
                fact="the tokeniser does not say where its tokens stand in a text",
                found=type(tokenizer).__name__,
                expected="a tokeniser with a `tokenizer.json`",
            )
        ) from None
    places = encoded["offset_mapping"]
    return Tokens(encoded["input_ids"], [start for start, _ in places], [end for _, end in places])


def load(folder: Path) -> Weights:
    """Load a suspect from a folder of unknown origin without running code from it (`prove.quarters`).

    Weights are read as safetensors only, since other formats may run code. Raises `MissingExtra` without
    PyTorch or transformers, and `InputError` where the model cannot be loaded or needs code of its own.
    """
    _check_kernels(folder)
    try:  # imported outside `confined`, which refuses operations that these imports may need
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError:
        raise MissingExtra(
            Problem(
                fact="reading weights needs PyTorch and transformers",
                fix="pip install 'stillwatch[lab]'",
            )
        ) from None
    try:
        return confined(lambda: Weights(_net(folder), _tokenizer(folder)))
    except (ImportError, OSError, ValueError, KeyError, TypeError, AttributeError, RefusedOperation) as error:
        raise InputError(
            Problem(
                fact="the model's weights could not be loaded",
                where=str(folder),
                found=(str(error).splitlines() or [type(error).__name__])[0][:200],
                expected="a causal language model and its tokeniser in the Hugging Face format, with weights "
                "as safetensors, "
                "that need no code of their own",
            )
        ) from None


def _net(folder: Path) -> Any:
    """The model in a folder, without code of its own and without the network."""
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    net = AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
    )
    net.eval()
    return net


def _tokenizer(folder: Path) -> Any:
    """The tokeniser in a folder, without code of its own."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _check_kernels(folder: Path) -> None:
    """Raise `InputError` where the configuration names compiled attention code of a hub
    (`owner/repository`).
    """

    def named(value: Any) -> Iterator[str]:
        """Yield names of attention code of a hub, anywhere in the configuration."""
        for key, inner in value.items() if isinstance(value, dict) else ():
            if key.endswith("attn_implementation") and "/" in str(inner):
                yield str(inner)
            yield from named(inner)

    try:
        found = list(named(json.loads((folder / "config.json").read_text(encoding="utf-8"))))
    except (OSError, ValueError, RecursionError):
        return  # the loader reports an unreadable configuration
    if found:
        raise InputError(
            Problem(
                fact="the model asks for compiled code of a hub, which is not run",
                where=str(folder / "config.json"),
                found=found[0][:100],
                fix="remove `attn_implementation` from the file",
            )
        )
