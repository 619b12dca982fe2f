"""Which accounts of a candidate carry its evidence?

A candidate may hold a group of strangers that clustering put beside the campaign. Its parts are found by
clustering it again, and a part that shows no control by itself, and whose absence does not weaken that of the
rest, is left out. This only decides with which accounts the attribution begins: what is reported, and at
which rate, was decided before on the whole candidate. An owner with many of the accounts counted once among
those that convicted, and does so when it is learned what the campaign is like; its other accounts may join as
anybody's may.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.detect.cluster import FEWEST_ACCOUNTS, communities
from stillwatch.detect.judge import Bench, control_of, judge
from stillwatch.detect.propose import ATTRIBUTES, KINDS, Candidate

RESOLUTIONS = (1.0, 3.0)
LEAST_SHARE_REMAINING = 0.3  # of the candidate's owners must remain
# of the accounts, and `FEWEST_ACCOUNTS`, may be one owner's: beyond, one account speaks for all in the
# attribution too
LARGEST_SHARE_OF_ONE_OWNER = 0.05
FEWEST_JOINING = 2  # accounts that can be a part of those that join
LEAST_SHARE_OF_PART = 0.005  # of the candidate is the least that is worth a test


def refine(candidate: Candidate, bench: Bench, links: pa.Table, seed: int) -> frozenset[str]:
    """Accounts of a candidate without the parts that carry none of its evidence."""
    (one,) = judge([candidate], bench)
    kept, evidence = one.accounts, one.log_e

    def shown(groups: Sequence[frozenset[str]]) -> list[float]:
        drafts = [Candidate(accounts=group, graph=one.candidate.graph) for group in groups]
        known = {found.accounts: found.log_e for found in judge(drafts, bench)}
        return [known[group] for group in groups]

    parts = _parts(
        links, one.accounts, seed, max(FEWEST_ACCOUNTS, int(LEAST_SHARE_OF_PART * len(one.accounts)))
    )
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
    seed: int,
) -> frozenset[str]:
    """Members outside the core that look like the campaign and do not share its control.

    Whoever runs a campaign chooses what it sends, and so whom it resembles: it may repeat the requests of
    honest accounts. What it cannot choose is what those accounts do. So the accounts that were not proposed
    are taken in by parts, as clustering finds them, and a part stays outside where its joining lessens the
    evidence of the families of control that speak.
    """

    def strength(accounts: frozenset[str]) -> float:
        families = control_of(Candidate(accounts=accounts, graph=graph), bench)
        return sum(max(log_e, 0.0) for log_e in families.values())

    kept, left = core & members, members - core
    if not kept or not left:
        return frozenset()
    outside: frozenset[str] = frozenset()
    evidence = strength(kept)
    for part in [*_parts(links, left, seed, FEWEST_JOINING), left]:
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
    """These accounts, but one alone of each owner that has more than a share `LARGEST_SHARE_OF_ONE_OWNER`
    of them, and more than `FEWEST_ACCOUNTS`.
    """
    places = bench.places(accounts)
    _owner, first, of, many = np.unique(
        bench.owners[places], return_index=True, return_inverse=True, return_counts=True
    )
    silent = many[of] > max(LARGEST_SHARE_OF_ONE_OWNER * len(accounts), FEWEST_ACCOUNTS)
    silent[first] = False
    return accounts - {bench.names[place] for place in places[silent]}


def _parts(links: pa.Table, accounts: frozenset[str], seed: int, smallest: int) -> list[frozenset[str]]:
    """Communities of these accounts, on all links of behaviour and on words alone, smallest first."""
    inside = links.filter(pc.is_in(links.column("account_id"), pa.array(sorted(accounts), pa.string())))
    behaviour = inside.filter(pc.invert(pc.is_in(inside.column("kind"), pa.array(KINDS[ATTRIBUTES]))))
    ordered = behaviour.sort_by([("account_id", "ascending"), ("kind", "ascending"), ("value", "ascending")])
    words = ordered.filter(pc.is_in(ordered.column("kind"), pa.array(KINDS["words"])))
    found: set[frozenset[str]] = set()
    for graph in (ordered, words):
        for resolution in RESOLUTIONS:
            groups: dict[int, set[str]] = defaultdict(set)
            table = communities(graph, seed=seed, resolution=resolution, smallest=smallest)
            for account, label in zip(
                table.column("account_id").to_pylist(), table.column("candidate").to_pylist(), strict=True
            ):
                groups[label].add(account)
            found |= {frozenset(g) for g in groups.values()}
    return sorted(found, key=lambda g: (len(g), sorted(g)))
