"""How does a vLLM engine mark each request under its own key?

`vllm serve MODEL --logits-processors stillwatch.prove.vllm:Marks` with `STILLWATCH_KEYRING` naming the keyring's file,
in the environment of the engine. The gateway, which knows who asks, adds to a suspected account's request
`"vllm_xargs": {"stillwatch_campaign": "c7", "stillwatch_mark": "gumbel"}`; all others stay as they are. The interface is
that of `vllm.v1.sample.logits_processor` (the V1 model runner; with a newer one set `VLLM_USE_V2_MODEL_RUNNER=0`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vllm.v1.sample.logits_processor import LogitsProcessor, MoveDirectionality

from stillwatch.errors import Problem, UsageError
from stillwatch.prove.keyring import Keyring, read
from stillwatch.prove.registry import Tensor, mark_named
from stillwatch.prove.serving import Row, marked, row

VARIABLE = "STILLWATCH_KEYRING"


def asked(extra: dict[str, Any] | None) -> tuple[str, str] | None:
    """Mark and campaign that a request names; raises `ValueError` where only half is said or the mark is unknown."""
    extra = extra or {}
    mark, campaign = extra.get("stillwatch_mark"), extra.get("stillwatch_campaign")
    if mark is None and campaign is None:
        return None
    if not isinstance(mark, str) or not isinstance(campaign, str):
        raise ValueError("`stillwatch_mark` and `stillwatch_campaign` are given together, as text")
    try:
        if mark_named(mark).needs_proxy:
            raise ValueError(f"`{mark}` needs a proxy student, which this engine does not run")
    except UsageError as error:
        raise ValueError(str(error)) from None
    return mark, campaign


class Marks(LogitsProcessor):
    """Follows the engine's batch and marks the rows that were asked for."""

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Refuse a request that names a mark badly, before it is run."""
        asked(sampling_params.extra_args)

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        del vllm_config, device, is_pin_memory
        path = os.environ.get(VARIABLE)
        if not path:
            raise UsageError(Problem(fact=f"`{VARIABLE}` is not set", fix=f"export {VARIABLE}=KEYRING.json"))
        self.keyring: Keyring = read(Path(path))
        self.rows: dict[int, tuple[Row, Sequence[int], float]] = {}

    def is_argmax_invariant(self) -> bool:
        """A mark may change the likeliest token."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow requests as they come, go and move, in the order that the engine asks for."""
        if batch_update is None:
            return
        for index in batch_update.removed:
            self.rows.pop(index, None)
        for index, parameters, _, output in batch_update.added:
            self.rows.pop(index, None)
            wanted = asked(parameters.extra_args)
            heat = float(parameters.temperature)
            if wanted and heat > 0:  # a greedy answer has no noise to key
                self.rows[index] = (row(self.keyring, self.keyring.current(*wanted)), output, heat)
        for start, end, direction in batch_update.moved:
            moved, other = self.rows.pop(start, None), self.rows.pop(end, None)
            if moved is not None:
                self.rows[end] = moved
            if other is not None and direction == MoveDirectionality.SWAP:
                self.rows[start] = other

    def apply(self, logits: Tensor) -> Tensor:
        """The engine's logits, rows with a mark reshaped.

        The engine divides by the temperature afterwards; so that is done here, for the mark to see what is sampled from,
        and undone.
        """
        if not self.rows:
            return logits
        import torch

        places = sorted(self.rows)
        index = torch.tensor(places, device=logits.device)
        some = [self.rows[place] for place in places]
        heat = torch.tensor([t for _, _, t in some], device=logits.device)[:, None]
        shaped = marked(logits[index] / heat, [one for one, _, _ in some], [list(out) for _, out, _ in some])
        logits[index] = (shaped * heat).to(logits.dtype)
        return logits
