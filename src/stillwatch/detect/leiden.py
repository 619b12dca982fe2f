"""Leiden clustering (Traag, Waltman and van Eck 2019) of a graph of accounts and the values that they share.

The objective is Barber's modularity of bipartite graphs (Barber 2007) with a resolution: the weight of the
edges inside communities, less `resolution` times the weight expected when edges are placed at random with the
same weights of nodes. An edge joins an account and a value only, so that 25,000 accounts with one template
have 25,000 edges.

Everything is compiled and runs without Python's global lock, so that several graphs are clustered at once.
A pass visits only nodes of which a neighbour moved since their last visit. Sums are in double precision, a
move must gain more than `LEAST_GAIN`, and the passes of a refinement are bounded: a loop that repeats while
rounding makes two moves seem to gain would never end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from scipy import sparse

from stillwatch.stats.arrays import Floats, Ints

MOST_PASSES = 200  # passes over the nodes in one refinement; most graphs take fewer than 40
LEAST_GAIN = 1e-12  # gain of a move in modularity, below which it counts as rounding
LEAST_GAIN_OF_PASS = 1e-3  # gain of a pass over all nodes, and of a level, up to which it is the last
# Constants of a 64-bit linear congruential generator (Knuth, MMIX).
_MULTIPLIER, _INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)


@dataclass(frozen=True, slots=True, kw_only=True)
class BipartiteGraph:
    """A graph of accounts and values in compressed rows (`indptr`, `indices`, `data`). Weights sum to 1.

    The first `accounts` nodes are the accounts. `out` and `into` are the shares of the weight that leave and
    enter a node when edges are directed from accounts to values. A graph without weight has no nodes.
    """

    accounts: int
    indptr: Ints
    indices: Ints
    data: Floats
    out: Floats
    into: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The community of each node of a graph (`labels`) after its first moves at one `resolution`, and what
    they `gained` in modularity. No random number decides them, so clusterings with several seeds begin here.
    """

    graph: BipartiteGraph
    labels: Ints
    gained: float
    resolution: float


def bipartite(weights: sparse.csr_matrix) -> BipartiteGraph:
    """The graph of an accounts × values matrix of weights at least 0."""
    accounts, values = weights.shape
    total = float(weights.sum())
    if not total > 0:
        none, nothing = np.zeros(0, np.int64), np.zeros(0)
        return BipartiteGraph(
            accounts=accounts, indptr=none, indices=none, data=nothing, out=nothing, into=nothing
        )
    there, back = weights.tocsr(), weights.T.tocsr()
    indptr = np.concatenate([there.indptr, there.indptr[-1] + back.indptr[1:].astype(np.int64)])
    indices = np.concatenate([there.indices.astype(np.int64) + accounts, back.indices.astype(np.int64)])
    data = np.concatenate([there.data, back.data]).astype(np.float64) / (2 * total)
    from_accounts, to_values = np.zeros(accounts + values), np.zeros(accounts + values)
    from_accounts[:accounts] = np.asarray(weights.sum(axis=1)).ravel() / total
    to_values[accounts:] = np.asarray(weights.sum(axis=0)).ravel() / total
    return BipartiteGraph(
        accounts=accounts,
        indptr=indptr.astype(np.int64),
        indices=indices,
        data=data,
        out=from_accounts,
        into=to_values,
    )


def settled(one: BipartiteGraph, resolution: float) -> Settled:
    """The graph after its first moves. A higher resolution gives smaller communities."""
    labels, gained = np.arange(len(one.out)), 0.0
    if len(labels):
        gained = _settle(labels, one.indptr, one.indices, one.data, one.out, one.into, float(resolution))
    return Settled(graph=one, labels=labels, gained=gained, resolution=float(resolution))


def leiden(begin: Settled, seed: int) -> Ints:
    """The community of each account of a graph. `seed` determines the random numbers.

    The result depends on the order of rows and columns, as of any method that visits nodes in turn.
    """
    one = begin.graph
    if not len(begin.labels):
        return np.arange(one.accounts, dtype=np.int64)
    labels: Ints = _leiden(
        begin.labels, begin.gained, one.indptr, one.indices, one.data, one.out, one.into,
        begin.resolution, np.uint64(seed),
    )  # fmt: skip
    return labels[: one.accounts]


@numba.njit(cache=True, nogil=True)
def _leiden(labels, gained, indptr, indices, data, out, into, resolution, seed):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled; types are inferred by numba
    """The community of each node of a symmetric graph in compressed rows, whose weights sum to 1.

    `labels` and `gained` are what `_settle` gives, `out` and `into` are as in `BipartiteGraph`. Levels follow
    until one gains at most `LEAST_GAIN_OF_PASS`.
    """
    of_node = np.arange(len(out))  # the node of the present level that holds each node of the first
    state = np.full(1, seed, np.uint64)
    while True:
        labels, communities = _numbered(labels)
        if gained <= LEAST_GAIN_OF_PASS or communities == 1:
            return labels[of_node]
        parts, many = _numbered(
            _refined(labels, indptr, indices, data, out, into, resolution, state, MOST_PASSES)
        )
        if many == len(labels):
            return labels[of_node]  # the next level would be this one
        of_node = parts[of_node]
        labels, indptr, indices, data, out, into = _merged(
            parts, many, labels, indptr, indices, data, out, into
        )
        gained = _settle(labels, indptr, indices, data, out, into, resolution)


@numba.njit(cache=True, nogil=True)
def _settle(labels, indptr, indices, data, out, into, resolution):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Move each node to the community with the largest gain in modularity, until a pass gains at most
    `LEAST_GAIN_OF_PASS`; returns the total gain. Changes `labels`.
    """
    n = len(labels)
    out_of, into_of = np.zeros(n), np.zeros(n)
    for i in range(n):
        out_of[labels[i]] += out[i]
        into_of[labels[i]] += into[i]
    towards, near = np.zeros(n), np.empty(n, np.int64)
    seen = np.full(n, -1, np.int64)  # the visit at which a community was last seen
    due = np.ones(n, np.bool_)  # nodes with a neighbour that moved since their last visit
    one = np.zeros(n, np.int64)  # a node may go anywhere
    visit, gained = 0, 0.0
    while True:
        gained_now = 0.0
        for i in range(n):
            if not due[i]:
                continue
            due[i] = False
            mine = labels[i]
            many = _near(i, visit, labels, one, indptr, indices, data, towards, near, seen)
            visit += 1
            if many:
                _add(i, mine, -1.0, out, into, out_of, into_of)
                stay = _worth(i, mine, towards, out, into, out_of, into_of, resolution)
                best, most = mine, LEAST_GAIN
                for k in range(many):
                    other = near[k]
                    gain = _worth(i, other, towards, out, into, out_of, into_of, resolution) - stay
                    if gain > most or (gain == most and best != mine and other < best):
                        best, most = other, gain
                    towards[other] = 0
                if best != mine:
                    gained_now += most
                    labels[i] = best
                    for j in range(indptr[i], indptr[i + 1]):
                        due[indices[j]] = labels[indices[j]] != best or due[indices[j]]
                _add(i, best, 1.0, out, into, out_of, into_of)
            towards[mine] = 0
        gained += gained_now
        if gained_now <= LEAST_GAIN_OF_PASS:
            return gained


@numba.njit(cache=True, nogil=True)
def _refined(labels, indptr, indices, data, out, into, resolution, state, most):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The parts of the communities `labels`: each node begins alone and goes to a random one of the parts of
    its community that gain modularity, in at most `most` passes. Changes `state`, of the random numbers.
    """
    n = len(labels)
    parts, out_of, into_of = np.arange(n), out.copy(), into.copy()
    towards, near, better = np.zeros(n), np.empty(n, np.int64), np.empty(n, np.int64)
    seen = np.full(n, -1, np.int64)  # the visit at which a part was last seen
    due = np.ones(n, np.bool_)  # nodes with a neighbour that moved since their last visit
    visit = 0
    for _number in range(most):
        moved = False
        for i in range(n):
            if not due[i]:
                continue
            due[i] = False
            mine = parts[i]
            many = _near(i, visit, parts, labels, indptr, indices, data, towards, near, seen)
            visit += 1
            if many:
                _add(i, mine, -1.0, out, into, out_of, into_of)
                stay = _worth(i, mine, towards, out, into, out_of, into_of, resolution)
                gains = 0
                for k in range(many):
                    part = near[k]
                    gain = _worth(i, part, towards, out, into, out_of, into_of, resolution) - stay
                    if gain > LEAST_GAIN:
                        better[gains] = part
                        gains += 1
                    towards[part] = 0
                if gains:
                    moved = True
                    # A linear congruential generator modulo 2^64 (Knuth, MMIX), of which the high bits count.
                    state[0] = state[0] * _MULTIPLIER + _INCREMENT
                    part = better[np.int64(state[0] >> np.uint64(33)) % gains]
                    parts[i] = part
                    for j in range(indptr[i], indptr[i + 1]):
                        due[indices[j]] = parts[indices[j]] != part or due[indices[j]]
                _add(i, parts[i], 1.0, out, into, out_of, into_of)
            towards[mine] = 0
        if not moved:
            break
    return parts


@numba.njit(cache=True, nogil=True)
def _near(i, visit, groups, within, indptr, indices, data, towards, near, seen):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Put into `near` the groups other than its own to which node i has edges, in the same group of `within`;
    returns their number. Adds the weights of these edges, and of those into its own group, to `towards`.
    """
    many = 0
    for j in range(indptr[i], indptr[i + 1]):
        if indices[j] != i and within[indices[j]] == within[i]:
            other = groups[indices[j]]
            if other != groups[i] and seen[other] != visit:
                seen[other] = visit
                near[many] = other
                many += 1
            towards[other] += data[j]
    return many


@numba.njit(cache=True, nogil=True)
def _worth(i, group, towards, out, into, out_of, into_of, resolution):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """What node i adds to modularity in a group whose sums do not include it."""
    return 2 * towards[group] - resolution * (out[i] * into_of[group] + into[i] * out_of[group])


@numba.njit(cache=True, nogil=True)
def _add(i, group, times, out, into, out_of, into_of):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the weights of node i, `times` 1 or -1, to the sums of a group."""
    out_of[group] += times * out[i]
    into_of[group] += times * into[i]


@numba.njit(cache=True, nogil=True)
def _numbered(labels):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The labels as consecutive numbers in the order of their first node, and how many there are."""
    number = np.full(len(labels), -1, np.int64)
    numbered, many = np.empty(len(labels), np.int64), 0
    for i in range(len(labels)):
        if number[labels[i]] < 0:
            number[labels[i]] = many
            many += 1
        numbered[i] = number[labels[i]]
    return numbered, many


@numba.njit(cache=True, nogil=True)
def _merged(parts, many, labels, indptr, indices, data, out, into):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The graph whose nodes are the `many` parts, as (labels, indptr, indices, data, out, into). A label is
    the number of the first part of the community.
    """
    n = len(parts)
    starts = np.zeros(many + 1, np.int64)
    for i in range(n):
        starts[parts[i] + 1] += 1
    starts = np.cumsum(starts)
    free, members = starts[:-1].copy(), np.empty(n, np.int64)
    new_labels, new_out, new_into = np.empty(many, np.int64), np.zeros(many), np.zeros(many)
    first = np.full(n, -1, np.int64)  # the first part of a community
    for i in range(n):
        part = parts[i]
        members[free[part]] = i
        free[part] += 1
        if first[labels[i]] < 0:
            first[labels[i]] = part
        new_labels[part] = first[labels[i]]
        new_out[part] += out[i]
        new_into[part] += into[i]
    new_indptr = np.zeros(many + 1, np.int64)
    new_indices, new_data = np.empty(len(indices), np.int64), np.empty(len(indices))
    sums, seen, k = np.zeros(many), np.full(many, -1, np.int64), 0
    for part in range(many):
        begin = k
        for i in members[starts[part] : starts[part + 1]]:
            for j in range(indptr[i], indptr[i + 1]):
                other = parts[indices[j]]
                if seen[other] != part:
                    seen[other] = part
                    new_indices[k] = other
                    k += 1
                sums[other] += data[j]
        for place in range(begin, k):
            new_data[place] = sums[new_indices[place]]
            sums[new_indices[place]] = 0
        new_indptr[part + 1] = k
    return new_labels, new_indptr, new_indices[:k].copy(), new_data[:k].copy(), new_out, new_into
