"""Mark requests in a vLLM engine, each under its own key.

`vllm serve MODEL --logits-processors stillwatch.prove.vllm:Marks` with `STILLWATCH_KEYRING` naming the
keyring's file, in the environment of the engine. `stillwatch.prove.doses`, or a gateway that knows the
account, adds to a suspected account's request `"vllm_xargs": {"stillwatch_campaign": "c7",
"stillwatch_mark": "gumbel", "stillwatch_account": "a1"}`; all other requests stay unchanged. When a request
ends, its entry is written into the ledger beside the keyring, or at `STILLWATCH_LEDGER`. The interface is
that of `vllm.v1.sample.logits_processor` (the V1 model runner; with a newer one set
`VLLM_USE_V2_MODEL_RUNNER=0`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vllm.v1.sample.logits_processor import LogitsProcessor, MoveDirectionality

from stillwatch.errors import UsageError
from stillwatch.prove import ledger
from stillwatch.prove.doses import KeyringFile
from stillwatch.prove.registry import Tensor, mark_named
from stillwatch.prove.serving import MarkingRequest, RequestState, line, marked, row

LOG = logging.getLogger(__name__)  # logger of this module
LEDGER = "STILLWATCH_LEDGER"  # environment variable with the path of the ledger


@dataclass(slots=True)
class MarkedRequest:
    """A marked request: its marking, account and key, its output tokens so far (the engine appends to
    them), and its temperature.
    """

    row: RequestState
    request: MarkingRequest
    output: Sequence[int]
    heat: float


def mark_and_campaign(extra: dict[str, Any] | None) -> tuple[str, str] | None:
    """Mark and campaign named in a request's extra arguments; None where it names neither.

    Raises `ValueError` where only one is given, or the mark is unknown or needs a proxy student.
    """
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
    """Logits processor that follows the engine's batch and marks the requested rows."""

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise `ValueError` for a request with wrong arguments, before it is run."""
        mark_and_campaign(sampling_params.extra_args)

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        del vllm_config, device, is_pin_memory
        self.keys = KeyringFile()
        self.ledger = Path(os.environ.get(LEDGER) or ledger.beside(self.keys.path))
        self.rows: dict[int, MarkedRequest] = {}

    def is_argmax_invariant(self) -> bool:
        """False: a mark may change the likeliest token."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Apply the engine's changes of the batch in its order: removed, added, then moved requests."""
        if batch_update is None:
            return
        ended = [self.rows.pop(index, None) for index in batch_update.removed]
        for index, parameters, _, output in batch_update.added:
            ended.append(self.rows.pop(index, None))
            wanted = mark_and_campaign(parameters.extra_args)
            heat = float(parameters.temperature)
            if wanted and heat > 0:  # greedy decoding draws no noise that a key could replace
                ring = self.keys.ring
                try:
                    issued = ring.current(*wanted)
                except UsageError as error:  # other requests of the batch are served whatever one names
                    LOG.warning("an answer is served unmarked: %s", error)
                    continue
                account = str((parameters.extra_args or {}).get("stillwatch_account", ""))
                self.rows[index] = MarkedRequest(
                    row(ring, issued), MarkingRequest(account=account, issued=issued), output, heat
                )
        self._write(ended)
        for start, end, direction in batch_update.moved:
            moved, other = self.rows.pop(start, None), self.rows.pop(end, None)
            if moved is not None:
                self.rows[end] = moved
            if other is not None and direction == MoveDirectionality.SWAP:
                self.rows[start] = other

    def _write(self, ended: Sequence[MarkedRequest | None]) -> None:
        """Write ledger entries of requests that ended or were replaced; requests without output are
        skipped.
        """
        ring = self.keys.ring
        entries = [
            line(ring, one.request, one.output) for one in ended if one is not None and len(one.output)
        ]
        try:
            if entries:
                ledger.append(self.ledger, ring, entries)
        except OSError as error:  # serving continues; answers without an entry count as not served
            LOG.warning("%d answers are not in the ledger %s: %s", len(entries), self.ledger, error)

    def apply(self, logits: Tensor) -> Tensor:
        """The engine's logits with the marked rows changed in place, shape (rows, vocabulary).

        The engine divides by the temperature afterwards, and a mark needs the distribution that is sampled
        from. So this method divides by the temperature first and multiplies by it again.
        """
        if not self.rows:
            return logits
        import torch

        places = sorted(self.rows)
        index = torch.tensor(places, device=logits.device)
        some = [self.rows[place] for place in places]
        heat = torch.tensor([one.heat for one in some], device=logits.device)[:, None]
        shaped = marked(logits[index] / heat, [one.row for one in some], [list(one.output) for one in some])
        logits[index] = (shaped * heat).to(logits.dtype)
        return logits
