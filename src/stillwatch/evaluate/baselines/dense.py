"""Dense blocks of accounts and values that they share (FRAUDAR, Hooi et al. 2016)."""

from __future__ import annotations

import heapq
from collections import defaultdict

import numpy as np

from stillwatch.stats.arrays import Floats, Ints

BLOCKS = 6  # blocks extracted from one world


def blocks(account: Ints, value: Ints, accounts: int) -> Floats:
    """Density of the densest extracted block that contains each account, shape (accounts,); 0 for accounts
    in none.

    `account` and `value` number the ends of the edges. `BLOCKS` blocks are extracted in turn by `peel`.
    """
    scores = np.zeros(accounts)
    left = np.ones(len(account), bool)
    for _block in range(BLOCKS):
        if not left.any():
            break
        inside, density = peel(account[left], value[left])
        scores[inside] = np.maximum(scores[inside], density)
        left &= ~np.isin(account, inside)
    return scores


def peel(account: Ints, value: Ints) -> tuple[Ints, float]:
    """Accounts of the densest subgraph found by greedy removal of nodes, and its density (edge weight per
    node).

    An edge's weight is 1 / ln(degree of its value + 5) (Hooi et al. 2016).
    """
    degree = np.bincount(value)
    weight = 1.0 / np.log(degree[value] + 5.0)
    nodes: dict[tuple[bool, int], list[tuple[tuple[bool, int], float]]] = defaultdict(list)
    for a, v, w in zip(account.tolist(), value.tolist(), weight.tolist(), strict=True):
        nodes[False, a].append(((True, v), w))
        nodes[True, v].append(((False, a), w))
    held = {node: sum(w for _other, w in edges) for node, edges in nodes.items()}
    heap = [(w, node) for node, w in held.items()]
    heapq.heapify(heap)
    total, size, removed = sum(weight.tolist()), len(nodes), []
    best, best_at = total / size, 0
    gone: set[tuple[bool, int]] = set()
    while heap and size > 1:
        w, node = heapq.heappop(heap)
        if node in gone or w > held[node] + 1e-12:
            continue
        gone.add(node)
        removed.append(node)
        total -= held[node]
        size -= 1
        for other, weight_of in nodes[node]:
            if other not in gone:
                held[other] -= weight_of
                heapq.heappush(heap, (held[other], other))
        if total / size > best:
            best, best_at = total / size, len(removed)
    outside = set(removed[:best_at])
    inside = sorted(n for is_value, n in nodes if not is_value and (is_value, n) not in outside)
    return np.array(inside, np.int64), best
