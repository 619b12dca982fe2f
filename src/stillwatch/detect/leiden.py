"""Leiden clustering that always terminates and can run on several cores.

In its refinement, scikit-network's Leiden moves nodes while modularity grows. In single precision two moves
can each seem to gain what the other loses, so that it never terminates; this happened on a graph of 11,774
nodes. Here the number of passes is bounded. All other results are equal to scikit-network's, bit by bit.
Random numbers come from a generator of this module that gives the same numbers as GNU's `random`, since the C
library's generator is shared by the whole process and differs between platforms. Both inner loops are
compiled to run without Python's global lock, so that several graphs can be clustered at once.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse
from sknetwork.clustering import Leiden
from sknetwork.utils import get_membership

MOST_PASSES = 200  # passes over the nodes in one refinement; most graphs take fewer than 40
LAG, ORDER, DISCARDED = 3, 31, 310  # of the random generator: its lags, and the numbers discarded at first
_TWO = np.float32(2)

Single = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64] | npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64] | Single


@numba.njit(cache=True, nogil=True)
def _draw(state):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled; types are inferred by numba
    """The next 31-bit number of an additive lagged-Fibonacci generator (Knuth, TAOCP 2, 3.2.2; GNU's
    `random`); changes `state`.
    """
    place = state[ORDER]
    state[place] += state[(place + ORDER - LAG) % ORDER]
    state[ORDER] = (place + 1) % ORDER
    return np.int64(state[place] >> np.uint32(1))


def draws(seed: int) -> npt.NDArray[np.uint32]:
    """Initial state of the generator for `seed`: its last `ORDER` numbers, and the position of the oldest."""
    numbers = [seed]
    for _place in range(1, ORDER):
        numbers.append(16807 * numbers[-1] % 2147483647)
    state = np.array([*numbers, LAG], np.uint32)
    for _round in range(DISCARDED):
        _draw(state)
    return state


@numba.njit(cache=True, nogil=True, inline="always")
def _worth(towards, into, out_of, w_out, w_in, resolution):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Contribution of a node to modularity in a group of other nodes, in the library's order of operations.

    `towards` is the weight of its edges into the group, `into` and `out_of` are the group's weights, `w_in`
    and `w_out` the node's.
    """
    worth = _TWO * towards
    worth -= resolution * w_out * into
    worth -= resolution * w_in * out_of
    return worth


@numba.njit(cache=True, nogil=True, inline="always")
def _move(here, there, out_of, into, w_out, w_in):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Subtract a node's weights from group `here` and add them to group `there`."""
    out_of[here] -= w_out
    into[here] -= w_in
    out_of[there] += w_out
    into[there] += w_in


@numba.njit(cache=True, nogil=True)
def _settle(  # type: ignore[no-untyped-def]  # noqa: ANN202
    labels,  # noqa: ANN001
    indices,  # noqa: ANN001
    indptr,  # noqa: ANN001
    data,  # noqa: ANN001
    out_weights,  # noqa: ANN001
    in_weights,  # noqa: ANN001
    out_of,  # noqa: ANN001
    into,  # noqa: ANN001
    loops,  # noqa: ANN001
    resolution,  # noqa: ANN001
    least,  # noqa: ANN001
):
    """Move each node to the community with the largest gain in modularity, until a pass gains at most
    `least`; returns the total gain. Changes `labels`, `out_of` and `into`.
    """
    towards = np.zeros(len(out_of), np.float32)
    seen_by = np.full(len(out_of), -1, np.int64)  # the visit at which a community was last seen
    near = np.empty(len(labels), np.int32)
    visit = 0
    gained = np.float32(0)
    while True:
        gained_now = np.float32(0)
        for i in range(len(labels)):
            mine = labels[i]
            many = 0
            for j in range(indptr[i], indptr[i + 1]):
                other = labels[indices[j]]
                if seen_by[other] != visit and other != mine:
                    seen_by[other] = visit
                    near[many] = other
                    many += 1
                towards[other] += data[j]
            if many:
                w_out, w_in = out_weights[i], in_weights[i]
                leaving = _worth(
                    towards[mine] - loops[i], into[mine] - w_in, out_of[mine] - w_out, w_out, w_in, resolution
                )
                most, best = np.float32(0), mine
                for k in range(many):
                    other = near[k]
                    joining = (
                        _worth(towards[other], into[other], out_of[other], w_out, w_in, resolution) - leaving
                    )
                    if joining > most or (joining == most and best != mine and other < best):
                        most, best = joining, other
                    towards[other] = 0
                if best != mine:
                    gained_now += most
                    labels[i] = best
                    _move(mine, best, out_of, into, w_out, w_in)
            towards[mine] = 0
            visit += 1
        gained += gained_now
        if gained_now <= least:
            return gained


@numba.njit(cache=True, nogil=True)
def _refine(  # type: ignore[no-untyped-def]  # noqa: ANN202
    labels,  # noqa: ANN001
    refined,  # noqa: ANN001
    indices,  # noqa: ANN001
    indptr,  # noqa: ANN001
    data,  # noqa: ANN001
    out_weights,  # noqa: ANN001
    in_weights,  # noqa: ANN001
    out_of,  # noqa: ANN001
    into,  # noqa: ANN001
    loops,  # noqa: ANN001
    resolution,  # noqa: ANN001
    state,  # noqa: ANN001
    most,  # noqa: ANN001
):
    """Move nodes between the parts of their community while modularity grows, in at most `most` passes;
    returns the number of passes.

    A node goes to a random one of the parts with a gain. `labels` are communities, `refined` their parts,
    `out_of` and `into` the parts' weights. Changes `refined`, `out_of`, `into` and `state`.
    """
    towards = np.zeros(len(out_of), np.float32)
    seen_by = np.full(len(out_of), -1, np.int64)  # the visit at which a part was last seen
    visit = 0
    near = np.empty(len(labels), np.int32)
    better = np.empty(len(labels), np.int32)
    for number in range(most):
        moved = False
        for i in range(len(labels)):
            mine = refined[i]
            many = 0
            for j in range(indptr[i], indptr[i + 1]):
                if labels[indices[j]] == labels[i]:
                    part = refined[indices[j]]
                    if seen_by[part] != visit and part != mine:
                        seen_by[part] = visit
                        near[many] = part
                        many += 1
                    towards[part] += data[j]
            if many:
                w_out, w_in = out_weights[i], in_weights[i]
                leaving = _worth(
                    towards[mine] - loops[i], into[mine] - w_in, out_of[mine] - w_out, w_out, w_in, resolution
                )
                gains = 0
                for k in range(many):
                    part = near[k]
                    if _worth(towards[part], into[part], out_of[part], w_out, w_in, resolution) - leaving > 0:
                        better[gains] = part
                        gains += 1
                    towards[part] = 0
                if gains:
                    moved = True
                    drawn = (_draw(state) % gains + gains - 1) % gains
                    part = np.sort(better[:gains])[drawn] if gains > 1 else better[0]
                    refined[i] = part
                    _move(mine, part, out_of, into, w_out, w_in)
            towards[mine] = 0
            visit += 1
        if not moved:
            return number + 1
    return most


class Ending(Leiden):
    """Leiden (Traag, Waltman and van Eck 2019) as in scikit-network, with at most `MOST_PASSES` over the
    nodes in a refinement.
    """

    def __init__(self, resolution: float, seed: int) -> None:
        super().__init__(resolution=resolution, random_state=seed, return_probs=False, return_aggregate=False)
        self._state = draws(seed + 1)

    def _optimize(
        self, labels: Ints, adjacency: sparse.csr_matrix, out_weights: Floats, in_weights: Floats
    ) -> tuple[Ints, float]:
        settled = labels.astype(np.int32)
        gained = _settle(
            settled, *_single(adjacency, labels, out_weights, in_weights), np.float32(self.resolution),
            np.float32(self.tol_optimization),
        )  # fmt: skip
        return settled, float(gained)

    def _optimize_refine(
        self,
        labels: Ints,
        labels_refined: Ints,
        adjacency: sparse.csr_matrix,
        out_weights: Floats,
        in_weights: Floats,
    ) -> Ints:
        refined = labels_refined.astype(np.int32)
        _refine(
            labels.astype(np.int32), refined, *_single(adjacency, labels_refined, out_weights, in_weights),
            np.float32(self.resolution), self._state, MOST_PASSES,
        )  # fmt: skip
        return refined


def _single(
    adjacency: sparse.csr_matrix, labels: Ints, out_weights: Floats, in_weights: Floats
) -> tuple[Ints, Ints, Single, Single, Single, Single, Single, Single]:
    """Arguments of both loops, in single precision as in the library: the graph (indices, indptr, data), out
    and in weights of nodes and of communities, and weights of loops.
    """

    def single(values: Any) -> Single:  # noqa: ANN401  # whatever scipy's products give
        return np.ascontiguousarray(values, np.float32)

    communities = get_membership(labels).T
    out_weights, in_weights = single(out_weights), single(in_weights)
    return (
        adjacency.indices,
        adjacency.indptr,
        single(adjacency.data),
        out_weights,
        in_weights,
        single(communities.dot(out_weights)),
        single(communities.dot(in_weights)),
        single(adjacency.diagonal()),
    )
