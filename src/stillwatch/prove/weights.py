"""How is a suspect read whose weights are at hand?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.errors import InputError, MissingExtra, Problem


class Weights:
    """A causal language model in the Hugging Face format, as tests want it."""

    def __init__(self, net: Any, tokenizer: Any) -> None:
        self.net, self.tokenizer = net, tokenizer
        self._start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]

    def tokenize(self, text: str) -> list[int]:
        """Token ids, nothing added."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def nearest(self, ids: Sequence[int], top: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """For each position but the first, the likeliest tokens and their probabilities given what stands before."""
        import torch

        with torch.inference_mode():
            p = torch.softmax(self._logits([*self._start, *ids])[len(self._start) : -1], dim=-1)
            best = p.topk(min(top, p.shape[-1]))
        return best.indices.cpu().numpy(), best.values.double().cpu().numpy()

    def log_likelihood(self, prompt: str, answer: str) -> float:
        """Mean natural log-probability of an answer's tokens after a prompt."""
        import torch

        asked, said = self.tokenize(prompt), self.tokenize(answer)
        if not said:
            return 0.0
        ids = [*self._start, *asked, *said]
        with torch.inference_mode():
            logs = torch.log_softmax(self._logits(ids)[:-1], dim=-1)
            places = torch.arange(len(ids) - len(said) - 1, len(ids) - 1, device=logs.device)
            wanted = torch.tensor(said, device=logs.device)
            return float(logs[places, wanted].mean())

    def _logits(self, ids: Sequence[int]) -> Any:
        import torch

        place = next(self.net.parameters()).device
        return self.net(input_ids=torch.tensor([list(ids)], device=place), use_cache=False).logits[0].float()


def load(folder: Path) -> Weights:
    """A suspect from a folder on disk, its weights as safetensors: other forms may run code, and a suspect is a stranger's. Raises `MissingExtra` without PyTorch and `InputError` where it cannot be loaded."""
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging
    except ImportError:
        raise MissingExtra(
            Problem(
                fact="reading weights needs PyTorch and transformers",
                fix="pip install 'stillwatch[lab]'",
            )
        ) from None
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        net = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
        net.eval()
        return Weights(net, AutoTokenizer.from_pretrained(folder, local_files_only=True))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            Problem(
                fact="the model's weights could not be loaded",
                where=str(folder),
                found=str(error).splitlines()[0][:200],
                expected="a causal language model and its tokeniser in the Hugging Face format, with weights as safetensors",
            )
        ) from None
