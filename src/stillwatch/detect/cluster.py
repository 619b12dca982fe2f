"""Clustering of accounts by the values that they share."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from stillwatch.detect.leiden import BipartiteGraph, Settled, bipartite, leiden, settled
from stillwatch.stats.arrays import Floats, Ints, Uints

Colours = Uints
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


@dataclass(frozen=True, kw_only=True)
class LinkGraph:
    """Accounts × values matrix of link weights (`weights`), with the account of each row (`names`).

    Communities depend on the order in which accounts and values are visited. Rows are in the order of
    `in_order`, and columns are ordered by the accounts that show the value, so that communities are the same
    when accounts are renamed or links come in another order.
    """

    weights: sparse.csr_matrix
    names: pa.Array
    _settled: dict[float, Settled] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def bipartite(self) -> BipartiteGraph:
        """The graph as `leiden` reads it."""
        return bipartite(self.weights)

    def settled(self, resolution: float) -> Settled:
        """The graph after its first moves at this resolution, computed once."""
        if resolution not in self._settled:
            self._settled[resolution] = settled(self.bipartite, resolution)
        return self._settled[resolution]

    @classmethod
    def of(cls, links: pa.Table, order: pa.Array | None = None) -> LinkGraph:
        """The graph of rows of `account_id`, `kind`, `value` and `weight`; negative weights become 0.

        `order` is `in_order` of more links of these accounts, by which fewer accounts are alike.
        """
        one = _Edges.of(links)
        rank = pc.index_in(one.names, in_order(links) if order is None else order).to_numpy()
        by_account = np.argsort(rank)
        by_value = np.argsort(one.shown(rank.astype(np.uint64)), kind="stable")
        places = (np.argsort(by_account)[one.account], np.argsort(by_value)[one.value])
        matrix = sparse.csr_matrix((one.weight, places), shape=(len(rank), len(by_value)))
        matrix.sort_indices()
        return cls(weights=matrix, names=one.names.take(pa.array(by_account)))


def in_order(links: pa.Table) -> pa.Array:
    """The accounts of these links in an order that depends on how they are linked: by colour refinement
    (Weisfeiler and Leman 1968) in `ROUNDS_OF_COLOURS` rounds. Accounts that are linked alike are ordered by
    name.
    """
    one = _Edges.of(links)
    colours = np.zeros(len(one.names), np.uint64)
    for _round in range(ROUNDS_OF_COLOURS):
        values, colours = one.shown(colours), _mixed(colours)
        np.add.at(colours, one.account, _mixed(values[one.value] + one.mixed))
    rank = np.empty(len(one.names), np.int64)
    rank[pc.sort_indices(one.names).to_numpy()] = np.arange(len(rank))
    return one.names.take(pa.array(np.lexsort((rank, colours))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edges:
    """Links in arrays: the places of account and value of each link, its weight, and a hash of the weight
    (`mixed`). `names` are the accounts; `kind` has a number for the kind of each value.
    """

    account: Ints
    value: Ints
    weight: Floats
    mixed: Colours
    names: pa.Array
    kind: Colours

    @classmethod
    def of(cls, links: pa.Table) -> _Edges:
        """The edges of a table of links, with accounts and values as numbers."""
        account = links.column("account_id").combine_chunks().dictionary_encode()
        joined = pc.binary_join_element_wise(links.column("kind"), links.column("value"), "\x1f")
        value = joined.combine_chunks().dictionary_encode()
        kind = links.column("kind").combine_chunks().dictionary_encode()
        numbers = np.array([crc32(name.encode()) for name in kind.dictionary.to_pylist()], np.uint64)
        of_value = np.zeros(len(value.dictionary), np.uint64)
        of_value[value.indices.to_numpy()] = numbers[kind.indices.to_numpy()]
        weight = np.maximum(links.column("weight").to_numpy(), 0.0)
        return cls(
            account=account.indices.to_numpy(),
            value=value.indices.to_numpy(),
            weight=weight,
            mixed=_mixed(np.round(weight * 1e6).astype(np.uint64)),
            names=account.dictionary,
            kind=of_value,
        )

    def shown(self, colours: Colours) -> Colours:
        """The colour of each value: of its kind, and of the accounts that show it with their weights."""
        values = _mixed(self.kind)
        np.add.at(values, self.value, _mixed(colours[self.account] + self.mixed))
        return values


def _mixed(numbers: Colours) -> Colours:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014), a permutation of 64-bit numbers."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def communities(
    links: pa.Table | LinkGraph, seed: int = 0, resolution: float = 1.0, smallest: int = FEWEST_ACCOUNTS
) -> pa.Table:
    """Candidates as (`candidate`, `account_id`) rows: the communities of a graph of accounts and values, as
    `leiden.leiden` finds them.

    Args:
        links: Rows of `account_id`, `kind`, `value` and `weight`, or their `LinkGraph` where it is used
            repeatedly.
        seed: Seed of the random numbers.
        resolution: Resolution of modularity; higher values give smaller communities.
        smallest: Accounts that a candidate must have.
    """
    graph = links if isinstance(links, LinkGraph) else LinkGraph.of(links)
    if not len(graph.names):
        return pa.table({"candidate": pa.array([], pa.int64()), "account_id": pa.array([], pa.string())})
    return _table(leiden(graph.settled(resolution), seed), graph.names, smallest)


def _table(labels: Ints, names: pa.Array, smallest: int) -> pa.Table:
    """Candidates of at least `smallest` accounts from the label of each account."""
    sizes = np.bincount(labels)
    keep = np.flatnonzero(sizes[labels] >= smallest)
    return pa.table(
        {"candidate": pa.array(labels[keep].astype(np.int64)), "account_id": names.take(pa.array(keep))}
    )
