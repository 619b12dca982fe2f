"""Prompts that several accounts send with identical text."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats

FEWEST_ACCOUNTS, SHORTEST_PROMPT = 3, 40  # least senders of a duplicate; least characters of a prompt


def exact_duplicates(traffic: Traffic) -> Floats:
    """Share of an account's prompts that have at least `SHORTEST_PROMPT` characters and were sent by at
    least `FEWEST_ACCOUNTS` accounts.
    """
    prompts = traffic.rows.column("prompt").fill_null("").combine_chunks()
    long = pc.greater_equal(pc.utf8_length(prompts), SHORTEST_PROMPT).to_numpy(zero_copy_only=False)
    code = prompts.dictionary_encode().indices.to_numpy()
    pairs = np.unique(np.stack([code, traffic.account]), axis=1)
    holders = np.bincount(pairs[0], minlength=int(code.max()) + 1)
    hit = long & (holders[code] >= FEWEST_ACCOUNTS)
    return np.bincount(traffic.account, weights=hit, minlength=len(traffic.names)) / np.maximum(
        traffic.counts, 1
    )
