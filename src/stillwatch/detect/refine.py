"""Removal of accounts that do not contribute to a candidate's evidence.

Clustering may put unrelated accounts into the candidate of a campaign. The candidate is clustered again into
parts; a part without evidence of its own, whose removal does not lower the evidence of the rest, is left out.
The result is only the start of the attribution: which candidates are reported, and at which rate, was decided
on the whole candidate. Of an owner with many of the accounts only one account is used at the start, as in the
evidence; its other accounts can become members like any account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.detect.cluster import FEWEST_ACCOUNTS, LinkGraph, communities, in_order
from stillwatch.detect.judge import Bench, control_of, judge
from stillwatch.detect.propose import Candidate
from stillwatch.signals.registry import kinds_by_graph

RESOLUTIONS = (1.0, 3.0)  # resolutions at which a candidate is clustered into parts
LEAST_SHARE_REMAINING = 0.3  # share of the candidate's owners that must remain
# Share of the accounts above which, if there are also more than `FEWEST_ACCOUNTS`, an owner's accounts are
# represented by one of them.
LARGEST_SHARE_OF_ONE_OWNER = 0.05
FEWEST_JOINING = 2  # accounts of a part in `contacts`
LEAST_SHARE_OF_PART = 0.005  # share of the candidate's accounts that a part must have to be tested


def refine(candidate: Candidate, bench: Bench, links: pa.Table) -> frozenset[str]:
    """Accounts of a candidate without the parts that do not contribute to its evidence, and with one account
    of each owner that has many (`heard`).

    `links` are those of `weigh.links`.
    """
    (one,) = judge([candidate], bench)
    kept, evidence = one.accounts, one.log_e

    def shown(groups: Sequence[frozenset[str]]) -> list[float]:
        """Evidence beyond every explanation, of each group."""
        drafts = [Candidate(accounts=group, graph=one.candidate.graph) for group in groups]
        known = {found.accounts: found.log_e for found in judge(drafts, bench)}
        return [known[group] for group in groups]

    parts = _parts(links, one.accounts, max(FEWEST_ACCOUNTS, int(LEAST_SHARE_OF_PART * len(one.accounts))))
    for part, alone in zip(parts, shown(parts), strict=True):
        rest = kept - part
        if len(bench.owners_of(rest)) < LEAST_SHARE_REMAINING * len(one.owners) or rest == kept or alone > 0:
            continue
        (without,) = shown([rest])
        if without >= evidence:
            kept, evidence = rest, without
    return heard(kept, bench)


def contacts(
    members: frozenset[str],
    core: frozenset[str],
    graph: str,
    bench: Bench,
    links: pa.Table,
) -> frozenset[str]:
    """Members outside `core` that resemble the campaign but are not under its control.

    An operator can imitate the requests of honest accounts, but cannot change how these accounts behave.
    Members outside the core are therefore added part by part, as clustering finds them; a part is returned
    where adding it lowers the summed positive log e-values of the families of control.

    Args:
        members: Members found by the attribution.
        core: Accounts on which the evidence was shown.
        graph: Graph that proposed the candidate.
        bench: Rows of the tests.
        links: Links of the accounts, as from `weigh.links`.
    """

    def strength(accounts: frozenset[str]) -> float:
        """Sum of the log e-values of control that are above 0."""
        families = control_of(Candidate(accounts=accounts, graph=graph), bench)
        return sum(max(log_e, 0.0) for log_e in families.values())

    kept, left = core & members, members - core
    if not kept or not left:
        return frozenset()
    outside: frozenset[str] = frozenset()
    evidence = strength(kept)
    for part in [*_parts(links, left, FEWEST_JOINING), left]:
        joining = part - kept - outside
        if not joining:
            continue
        together = strength(kept | joining)
        if together >= evidence:
            kept, evidence = kept | joining, together
        else:
            outside |= joining
    return outside


def heard(accounts: frozenset[str], bench: Bench) -> frozenset[str]:
    """`accounts` with only one account of each owner that has both more than a share
    `LARGEST_SHARE_OF_ONE_OWNER` of them and more than `FEWEST_ACCOUNTS`.
    """
    places = bench.places(accounts)
    _owner, first, of, many = np.unique(
        bench.owners[places], return_index=True, return_inverse=True, return_counts=True
    )
    silent = many[of] > max(LARGEST_SHARE_OF_ONE_OWNER * len(accounts), FEWEST_ACCOUNTS)
    silent[first] = False
    return accounts - {bench.names[place] for place in places[silent]}


def _parts(links: pa.Table, accounts: frozenset[str], smallest: int) -> list[frozenset[str]]:
    """Communities of at least `smallest` of these accounts, smallest first: from all links except account
    attributes, and from links of words only.
    """
    inside = links.filter(pc.is_in(links.column("account_id"), pa.array(sorted(accounts), pa.string())))
    kinds = kinds_by_graph()
    behaviour = inside.filter(pc.is_in(inside.column("kind"), pa.array(kinds["behaviour"], pa.string())))
    words = behaviour.filter(pc.is_in(behaviour.column("kind"), pa.array(kinds["words"], pa.string())))
    found: set[frozenset[str]] = set()
    order = in_order(behaviour)
    for graph in (LinkGraph.of(behaviour, order), LinkGraph.of(words, order)):
        for resolution in RESOLUTIONS:
            groups: dict[int, set[str]] = defaultdict(set)
            table = communities(graph, resolution=resolution, smallest=smallest)
            for account, label in zip(
                table.column("account_id").to_pylist(), table.column("candidate").to_pylist(), strict=True
            ):
                groups[label].add(account)
            found |= {frozenset(g) for g in groups.values()}
    return sorted(found, key=lambda g: (len(g), sorted(g)))
