"""Dense blocks of accounts and the raw values that they share (Hooi et al. 2016)."""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.dense import blocks
from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats

# Columns whose values are the objects of the bipartite graph.
LOGGED = ("client_ip", "asn", "user_agent", "tls_fingerprint", "system_prompt", "prompt")
LARGEST_SHARE = 0.5  # share of accounts up to which a value counts as a link; commoner values are ignored


def fraudar(traffic: Traffic) -> Floats:
    """Density of the densest block that contains each account, over raw logged values and cards; 0 for
    accounts in none.
    """
    accounts, values, known = [], [], 0
    for name in LOGGED:
        codes = traffic.rows.column(name).combine_chunks().dictionary_encode().indices
        code = codes.fill_null(-1).to_numpy()
        pairs = np.unique(np.stack([traffic.account, code])[:, code >= 0], axis=1)
        accounts.append(pairs[0])
        values.append(pairs[1] + known)
        known += int(code.max()) + 1
    place = {name: number for number, name in enumerate(traffic.names)}
    owner, card = (traffic.details.column(name).to_pylist() for name in traffic.details.column_names)
    cards: dict[str, int] = {}
    paid = [
        (place[a], cards.setdefault(c, len(cards))) for a, c in zip(owner, card, strict=True) if a in place
    ]
    accounts.append(np.array([a for a, _c in paid], np.int64))
    values.append(np.array([c for _a, c in paid], np.int64) + known)
    account, value = np.concatenate(accounts), np.concatenate(values)
    held = np.bincount(value)[value]
    shared = (held > 1) & (held <= LARGEST_SHARE * len(traffic.names))
    return blocks(account[shared], value[shared], len(traffic.names))
