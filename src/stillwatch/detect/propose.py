"""Candidates: groups of accounts to be tested, found by clustering.

Several graphs are clustered, since a campaign may share only machines, only words or only cards, and frequent
links of one kind can hide those of another: all kinds together, then each family of kinds alone, at more than
one resolution. Candidates may overlap. Being a candidate is no evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.detect.cluster import FEWEST_ACCOUNTS, Cluster, LinkGraph, communities, in_order
from stillwatch.detect.grow import grown
from stillwatch.engine.cores import on_all_cores
from stillwatch.signals.registry import kinds_by_graph
from stillwatch.stats.arrays import Ints

ATTRIBUTES, NEIGHBOURS = "attributes", "neighbours"  # names of graphs that are treated apart
# Families of tests that do not count for a candidate, by the graph that proposed it: the tests would measure
# what the candidate was selected by.
SPARED: dict[str, tuple[str, ...]] = {ATTRIBUTES: ("ownership", "place"), NEIGHBOURS: ("purpose",)}
RESOLUTIONS = (1.0, 2.5)  # resolutions at which each graph is clustered besides the coarse one
# Clusterings of a graph at one resolution, with different random numbers, on which communities depend.
CLUSTERINGS_PER_GRAPH = 3
# An additional resolution. At 1.0 a campaign with few exchanges so far is split into parts that have too
# little evidence each.
COARSE_RESOLUTION = 0.4
# The same for the graph of similar requests, whose links are gradual, so that 1.0 can split one group.
COARSE_RESOLUTION_OF_NEIGHBOURS = 0.6
LARGEST_RESOLUTION_GROWN = 1.0  # resolution up to which communities are grown
LINKED = ("account_id", "kind", "value", "weight")  # columns of links that clustering reads
LARGEST_SHARE_OF_ACCOUNTS = 0.5  # share of all linked accounts that a candidate may have
SAME_GROUP_OVERLAP = 0.9  # common accounts over all accounts of two groups, above which they are one


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A group of accounts to be tested, and the name of the graph that proposed it."""

    accounts: frozenset[str]
    graph: str


def propose(
    links: pa.Table,
    alike: pa.Table | None = None,
    resolutions: Sequence[float] = RESOLUTIONS,
    cluster: Cluster = communities,
) -> list[Candidate]:
    """Distinct candidates of at least `FEWEST_ACCOUNTS` accounts, the largest first.

    Account attributes have no time, so they cannot be tested on a second half of the data; they are clustered
    in a graph of their own. So are similar requests, which persist over both halves. Groups of more than a
    share `LARGEST_SHARE_OF_ACCOUNTS` of all linked accounts are left out.

    Args:
        links: Account × value links, as from `weigh.links`.
        alike: Links of similar requests, as from `detect.neighbours`; None for none.
        resolutions: Resolutions besides the coarse one.
        cluster: The function that clusters one graph.
    """
    everyone = pc.count_distinct(links.column("account_id")).as_py()
    graphs: dict[str, pa.Table] = {
        name: links.filter(pc.is_in(links.column("kind"), pa.array(kinds, pa.string())))
        for name, kinds in kinds_by_graph().items()
    }
    if alike is not None and alike.num_rows:
        graphs[NEIGHBOURS] = alike
    order = in_order(pa.concat_tables([one.select(list(LINKED)) for one in graphs.values()]))
    linked = {name: LinkGraph.of(one, order) for name, one in graphs.items()}
    tasks = []
    for name in graphs:
        # Communities at this resolution hardly depend on the random numbers, so one clustering is enough.
        coarse = (
            [(COARSE_RESOLUTION_OF_NEIGHBOURS, turn) for turn in range(CLUSTERINGS_PER_GRAPH)]
            if name == NEIGHBOURS
            else [(COARSE_RESOLUTION, 0)]
        )
        fine = [(resolution, turn) for resolution in resolutions for turn in range(CLUSTERINGS_PER_GRAPH)]
        tasks += [
            ClusteringTask(name=name, resolution=resolution, seed=turn)
            for resolution, turn in (*coarse, *fine)
        ]
    found: dict[frozenset[str], str] = {}
    by_size: defaultdict[int, list[frozenset[str]]] = defaultdict(list)
    for graph, groups in _groups(tasks, graphs, linked, cluster, LARGEST_SHARE_OF_ACCOUNTS * everyone):
        for group in groups:
            size = len(group)
            if not FEWEST_ACCOUNTS <= size <= LARGEST_SHARE_OF_ACCOUNTS * everyone:
                continue
            alike_in_size = range(int(SAME_GROUP_OVERLAP * size), int(size / SAME_GROUP_OVERLAP) + 2)
            near = (other for n in alike_in_size for other in by_size.get(n, ()))
            if not _known(group, graph, near, found):
                found[frozenset(group)] = graph
                by_size[size].append(frozenset(group))
    return [
        Candidate(accounts=group, graph=found[group])
        for group in sorted(found, key=lambda g: (-len(g), sorted(g)[:3]))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteringTask:
    """The arguments of one clustering: name of the graph, resolution and seed."""

    name: str
    resolution: float
    seed: int


def _groups(
    tasks: Sequence[ClusteringTask],
    graphs: Mapping[str, pa.Table],
    linked: Mapping[str, LinkGraph],
    cluster: Cluster,
    largest: float,
) -> Iterator[tuple[str, list[set[str]]]]:
    """Name of a graph and groups of its accounts: first the grown communities (`grow.grown`) of the graphs
    that are not in `SPARED`, then the communities.

    Works on all cores, unless a `cluster` function was given that distributes the work itself.
    """

    def communities_of(ask: ClusteringTask) -> list[Ints]:
        """The communities of one clustering, each as sorted places of its accounts."""
        if cluster is communities:
            table = communities(linked[ask.name], seed=ask.seed, resolution=ask.resolution)
        else:
            table = cluster(graphs[ask.name], seed=ask.seed, resolution=ask.resolution)
        label = table.column("candidate").to_numpy()
        order = np.argsort(label, kind="stable")
        place = pc.index_in(table.column("account_id"), linked[ask.name].names).to_numpy()[order]
        cuts = np.flatnonzero(np.diff(label[order])) + 1
        return [np.sort(one) for one in np.split(place, cuts) if len(one)]

    if cluster is communities:
        _ = [one.bipartite for one in linked.values()]  # computed here, once, and not by each core
        begun = sorted({(ask.name, ask.resolution) for ask in tasks})
        _ = list(on_all_cores(lambda one: linked[one[0]].settled(one[1]), begun))
        found = list(on_all_cores(communities_of, tasks))
    else:
        found = [communities_of(ask) for ask in tasks]
    to_grow = [
        (ask, groups)
        for ask, groups in zip(tasks, found, strict=True)
        if ask.seed == 0 and ask.resolution <= LARGEST_RESOLUTION_GROWN and ask.name not in SPARED
    ]
    more = on_all_cores(lambda one: grown(linked[one[0].name], one[1], largest), to_grow)
    for ask, groups in [
        *zip((ask for ask, _ in to_grow), more, strict=True),
        *zip(tasks, found, strict=True),
    ]:
        names = linked[ask.name].names
        yield ask.name, [set(names.take(pa.array(one)).to_pylist()) for one in groups]


def _known(
    group: set[str], graph: str, near: Iterable[frozenset[str]], found: Mapping[frozenset[str], str]
) -> bool:
    """Whether one of the groups `near` has nearly the same accounts as `group` and is tested on at least the
    families on which a candidate of `graph` is tested (`SPARED`).
    """
    spared = set(SPARED.get(graph, ()))
    return any(_same(group, other) and set(SPARED.get(found[other], ())) <= spared for other in near)


def _same(one: Set[str], other: Set[str]) -> bool:
    """Whether the common accounts exceed a share `SAME_GROUP_OVERLAP` of all accounts of both groups."""
    if min(len(one), len(other)) <= SAME_GROUP_OVERLAP * max(len(one), len(other)):
        return False
    both = len(one & other)
    return both > SAME_GROUP_OVERLAP * (len(one) + len(other) - both)
