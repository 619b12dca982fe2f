"""Accounts with the same actions at the same hours (after CopyCatch, Beutel et al. 2013, and SynchroTrap,
Cao et al. 2014).
"""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.dense import blocks
from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats

HOUR = 3600.0  # seconds
KINDS = ("asn", "tls_fingerprint", "user_agent")  # columns whose values accounts may show at the same time
LARGEST_SHARE = 0.2  # share of accounts up to which an action counts; commoner actions are ignored


def lockstep(traffic: Traffic) -> Floats:
    """Density of the densest block that contains each account; 0 for accounts in none.

    Blocks join accounts with actions; an action is a network, a client program and an hour.
    """
    hour = (traffic.at // HOUR).astype(np.int64)
    codes = [
        traffic.rows.column(kind).combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy()
        for kind in KINDS
    ]
    _actions, action = np.unique(np.stack([*codes, hour]), axis=1, return_inverse=True)
    pairs = np.unique(np.stack([traffic.account, action.ravel()]), axis=1)
    held = np.bincount(pairs[1])
    kept = (held[pairs[1]] > 1) & (held[pairs[1]] <= LARGEST_SHARE * len(traffic.names))
    return blocks(pairs[0][kept], pairs[1][kept], len(traffic.names))
