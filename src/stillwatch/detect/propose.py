"""Which groups of accounts are worth a test?

Several graphs are clustered, since a campaign may share only machines, only words or only cards, and one kind
of link can drown another: all kinds together, then each family of kinds alone, at more than one resolution.
Groups may overlap. What is proposed here proves nothing; it only decides what is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.detect.cluster import FEWEST_ACCOUNTS, Cluster, Graph, communities
from stillwatch.engine.cores import on_all_cores

ATTRIBUTES, NEIGHBOURS = "attributes", "neighbours"
KINDS: dict[str, tuple[str, ...]] = {
    "network": ("asn", "client_prefix", "client_address"),
    "words": ("prompt_template", "prompt_near_duplicate", "system_prompt"),
    "client": ("tls_fingerprint", "user_agent", "request_shape", "system_prompt", "asn"),
    ATTRIBUTES: (
        "payment_fingerprint",
        "email_domain",
        "email_local_shape",
        "signup_burst",
        "signup_address",
    ),
}
# What proposed a group may explain it away, but is no evidence: families that are not counted, by graph.
SPARED: dict[str, tuple[str, ...]] = {ATTRIBUTES: ("ownership", "place"), NEIGHBOURS: ("purpose",)}
RESOLUTIONS = (1.0, 2.5)
# clusterings of each graph: communities differ with the random numbers and the order of accounts
CLUSTERINGS_PER_GRAPH = 3
# At 1.0 a campaign of which little has been seen falls into parts, and no part shows what the whole does.
COARSE_RESOLUTION = 0.4
# Likeness of what accounts ask for has degrees, and finer clustering cuts one group in two.
COARSE_RESOLUTION_OF_NEIGHBOURS = 0.6
LARGEST_SHARE_OF_ACCOUNTS = 0.5
SAME_GROUP_OVERLAP = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A group of accounts and the graph that proposed it."""

    accounts: frozenset[str]
    graph: str


def propose(
    links: pa.Table,
    alike: pa.Table | None = None,
    seed: int = 0,
    resolutions: Sequence[float] = RESOLUTIONS,
    cluster: Cluster = communities,
) -> list[Candidate]:
    """Distinct candidate groups of at least `FEWEST_ACCOUNTS` accounts, from account × value links and those
    of `detect.neighbours`.

    Account attributes have no time and so no second half to be tested on; they propose in a graph of their
    own. So does what accounts ask for, which lasts over both halves.
    Groups of more than a share `LARGEST_SHARE_OF_ACCOUNTS` of all linked accounts are left out: they are the
    crowd itself.
    """
    links = links.sort_by([("account_id", "ascending"), ("kind", "ascending"), ("value", "ascending")])
    everyone = pc.count_distinct(links.column("account_id")).as_py()
    attribute = pc.is_in(links.column("kind"), pa.array(KINDS[ATTRIBUTES]))
    graphs = {"behaviour": links.filter(pc.invert(attribute))}
    graphs |= {
        name: links.filter(pc.is_in(links.column("kind"), pa.array(kinds))) for name, kinds in KINDS.items()
    }
    if alike is not None and alike.num_rows:
        graphs[NEIGHBOURS] = alike
    asked = []
    for name, graph in graphs.items():
        # communities so coarse hardly depend on the random numbers: they are found once
        coarse = (
            [(COARSE_RESOLUTION_OF_NEIGHBOURS, turn) for turn in range(CLUSTERINGS_PER_GRAPH)]
            if name == NEIGHBOURS
            else [(COARSE_RESOLUTION, 0)]
        )
        fine = [(resolution, turn) for resolution in resolutions for turn in range(CLUSTERINGS_PER_GRAPH)]
        asked += [
            Ask(name=name, graph=graph, resolution=resolution, seed=seed + turn)
            for resolution, turn in (*coarse, *fine)
        ]
    found: dict[frozenset[str], str] = {}
    by_size: defaultdict[int, list[frozenset[str]]] = defaultdict(list)
    for ask, table in zip(asked, _clustered(asked, cluster), strict=True):
        groups: dict[int, set[str]] = defaultdict(set)
        for account, label in zip(
            table.column("account_id").to_pylist(), table.column("candidate").to_pylist(), strict=True
        ):
            groups[label].add(account)
        for group in groups.values():
            size = len(group)
            if not FEWEST_ACCOUNTS <= size <= LARGEST_SHARE_OF_ACCOUNTS * everyone:
                continue
            alike_in_size = range(int(SAME_GROUP_OVERLAP * size), int(size / SAME_GROUP_OVERLAP) + 2)
            near = (other for n in alike_in_size for other in by_size.get(n, ()))
            if not _known(group, ask.name, near, found):
                found[frozenset(group)] = ask.name
                by_size[size].append(frozenset(group))
    return [
        Candidate(accounts=group, graph=found[group])
        for group in sorted(found, key=lambda g: (-len(g), sorted(g)[:3]))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One clustering: of which graph, how fine, and with which random numbers."""

    name: str
    graph: pa.Table
    resolution: float
    seed: int


def _clustered(asked: Sequence[Ask], cluster: Cluster) -> Iterable[pa.Table]:
    """Communities of each graph at each resolution, in order, on all cores where that is ours to say."""
    if cluster is not communities:
        return (cluster(ask.graph, seed=ask.seed, resolution=ask.resolution) for ask in asked)
    graphs = {name: Graph.of(links) for name, links in {ask.name: ask.graph for ask in asked}.items()}

    def one(ask: Ask) -> pa.Table:
        return communities(graphs[ask.name], seed=ask.seed, resolution=ask.resolution)

    return on_all_cores(one, asked)


def _known(
    group: set[str], graph: str, near: Iterable[frozenset[str]], found: Mapping[frozenset[str], str]
) -> bool:
    """Whether one of the groups `near` in size has nearly the same accounts, and was found by a graph that
    spares no family that `graph` counts.
    """
    spared = set(SPARED.get(graph, ()))
    return any(_same(group, other) and set(SPARED.get(found[other], ())) <= spared for other in near)


def _same(one: Set[str], other: Set[str]) -> bool:
    if min(len(one), len(other)) <= SAME_GROUP_OVERLAP * max(len(one), len(other)):
        return False
    both = len(one & other)
    return both > SAME_GROUP_OVERLAP * (len(one) + len(other) - both)
