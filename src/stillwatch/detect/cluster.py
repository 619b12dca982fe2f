"""Clustering of accounts by the values that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

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
    """Accounts × values matrix of link weights (`weights`), with the account of each row (`names`)."""

    weights: sparse.csr_matrix
    names: pa.Array

    @classmethod
    def of(cls, links: pa.Table) -> Graph:
        """The graph of rows of `account_id`, `kind`, `value` and `weight`; negative weights become 0."""
        account = links.column("account_id").combine_chunks().dictionary_encode()
        names = pc.binary_join_element_wise(links.column("kind"), links.column("value"), "\x1f")
        value = names.combine_chunks().dictionary_encode()
        weights = np.maximum(links.column("weight").to_numpy(), 0.0)
        places = (account.indices.to_numpy(), value.indices.to_numpy())
        shape = (len(account.dictionary), len(value.dictionary))
        return cls(weights=sparse.csr_matrix((weights, places), shape=shape), names=account.dictionary)


def communities(
    links: pa.Table | Graph, seed: int = 0, resolution: float = 1.0, smallest: int = FEWEST_ACCOUNTS
) -> pa.Table:
    """Candidates as (`candidate`, `account_id`) rows: the communities of a graph of accounts and values.

    The graph is bipartite, accounts on one side and values on the other, so 25,000 accounts with one template
    are 25,000 edges. The method is Leiden (Traag, Waltman and van Eck 2019) as in scikit-network.

    Args:
        links: Rows of `account_id`, `kind`, `value` and `weight`, or their `Graph` if it is used repeatedly.
        seed: Seed of the random numbers.
        resolution: Resolution of modularity; higher values give smaller communities.
        smallest: Accounts that a candidate must have.
    """
    graph = links if isinstance(links, Graph) else Graph.of(links)
    if not len(graph.names):
        return pa.table({"candidate": pa.array([], pa.int64()), "account_id": pa.array([], pa.string())})
    from stillwatch.detect.leiden import Ending

    labels = Ending(resolution, seed).fit(graph.weights, force_bipartite=True).labels_row_
    return _table(np.asarray(labels), graph.names, smallest)


def _table(labels: npt.NDArray[np.int64], names: pa.Array, smallest: int) -> pa.Table:
    """Candidates of at least `smallest` accounts from the label of each account."""
    sizes = np.bincount(labels)
    keep = np.flatnonzero(sizes[labels] >= smallest)
    return pa.table(
        {"candidate": pa.array(labels[keep].astype(np.int64)), "account_id": names.take(pa.array(keep))}
    )
