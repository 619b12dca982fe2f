"""Clustering of accounts by the values that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from stillwatch.detect.leiden import leiden

Ints = npt.NDArray[np.int64]
Colours = npt.NDArray[np.uint64]
ROUNDS_OF_COLOURS = 3  # rounds in which the colour of a node takes in those of its neighbours
FEWEST_ACCOUNTS = 10  # accounts that a candidate must have


class Cluster(Protocol):
    """A function that clusters accounts, such as `communities`."""

    def __call__(
        self, links: pa.Table, seed: int = 0, resolution: float = 1.0, smallest: int = FEWEST_ACCOUNTS
    ) -> pa.Table:
        """Candidates of at least `smallest` accounts, as (`candidate`, `account_id`) rows, from rows of
        `account_id`, `kind`, `value` and `weight`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Accounts × values matrix of link weights (`weights`), with the account of each row (`names`).

    Rows and columns are ordered by how accounts and values are linked, not by their names. Communities depend
    on the order in which nodes are visited; so they are the same when accounts are renamed or rows come in
    another order.
    """

    weights: sparse.csr_matrix
    names: pa.Array

    @classmethod
    def of(cls, links: pa.Table) -> Graph:
        """The graph of rows of `account_id`, `kind`, `value` and `weight`; negative weights become 0."""
        account = links.column("account_id").combine_chunks().dictionary_encode()
        kind = links.column("kind").combine_chunks().dictionary_encode()
        joined = pc.binary_join_element_wise(links.column("kind"), links.column("value"), "\x1f")
        value = joined.combine_chunks().dictionary_encode()
        weights = np.maximum(links.column("weight").to_numpy(), 0.0)
        accounts, values = len(account.dictionary), len(value.dictionary)
        row, column = account.indices.to_numpy(), value.indices.to_numpy()
        of_kind = np.zeros(values, np.uint64)
        of_kind[column] = np.array([crc32(k.encode()) for k in kind.dictionary.to_pylist()], np.uint64)[
            kind.indices.to_numpy()
        ]
        colours = _colours(row, column, np.round(weights * 1e6).astype(np.uint64), accounts, of_kind)
        by_account = _order(colours[:accounts], account.dictionary)
        by_value = _order(colours[accounts:], value.dictionary)
        places = (np.argsort(by_account)[row], np.argsort(by_value)[column])
        matrix = sparse.csr_matrix((weights, places), shape=(accounts, values))
        matrix.sort_indices()
        return cls(weights=matrix, names=account.dictionary.take(pa.array(by_account)))


def _order(colours: Colours, names: pa.Array) -> Ints:
    """Positions of nodes by rising colour; nodes that are linked alike by name."""
    rank = np.empty(len(names), np.int64)
    rank[pc.sort_indices(names).to_numpy()] = np.arange(len(names))
    return np.lexsort((rank, colours))


def _colours(row: Ints, column: Ints, weight: Colours, accounts: int, of_kind: Colours) -> Colours:
    """A number for each account, then for each value, that depends only on how it is linked: colour
    refinement (Weisfeiler and Leman 1968) in `ROUNDS_OF_COLOURS` rounds. `of_kind` has a number for the kind
    of each value.
    """
    old = np.concatenate([np.zeros(accounts, np.uint64), of_kind])
    value, weight = accounts + column, _mixed(weight)
    for _round in range(ROUNDS_OF_COLOURS):
        new = _mixed(old)
        np.add.at(new, row, _mixed(old[value] + weight))
        np.add.at(new, value, _mixed(old[row] + weight))
        old = new
    return old


def _mixed(numbers: Colours) -> Colours:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014), a permutation of 64-bit numbers."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def communities(
    links: pa.Table | Graph, seed: int = 0, resolution: float = 1.0, smallest: int = FEWEST_ACCOUNTS
) -> pa.Table:
    """Candidates as (`candidate`, `account_id`) rows: the communities of a graph of accounts and values, as
    `leiden.leiden` finds them.

    Args:
        links: Rows of `account_id`, `kind`, `value` and `weight`, or their `Graph` if it is used repeatedly.
        seed: Seed of the random numbers.
        resolution: Resolution of modularity; higher values give smaller communities.
        smallest: Accounts that a candidate must have.
    """
    graph = links if isinstance(links, Graph) else Graph.of(links)
    if not len(graph.names):
        return pa.table({"candidate": pa.array([], pa.int64()), "account_id": pa.array([], pa.string())})
    return _table(leiden(graph.weights, seed, resolution), graph.names, smallest)


def _table(labels: npt.NDArray[np.int64], names: pa.Array, smallest: int) -> pa.Table:
    """Candidates of at least `smallest` accounts from the label of each account."""
    sizes = np.bincount(labels)
    keep = np.flatnonzero(sizes[labels] >= smallest)
    return pa.table(
        {"candidate": pa.array(labels[keep].astype(np.int64)), "account_id": names.take(pa.array(keep))}
    )
