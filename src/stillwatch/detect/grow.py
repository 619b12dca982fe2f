"""Communities with every account that resembles them, and without those that do not.

Clustering puts every account into one community, so a community of a campaign lacks some of its accounts and
holds accounts of nobody's group; both hide its evidence. Each community is therefore assigned again: an
account belongs to it if the values that it shows are more probable in the community than among all other
accounts (a naive Bayes classifier of two classes, whose prior is the community's share of the accounts), by a
margin that is typical of the community. Only the links that clustering reads are used, so the tests of a
grown community are as valid as those of a community. `docs/methods/pipeline.md` has the formula.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np

from stillwatch.detect.cluster import FEWEST_ACCOUNTS, LinkGraph
from stillwatch.stats.arrays import Floats, Ints

# Size of a grown community, at most, in multiples of the community. A small one of ordinary accounts can grow
# to all accounts of a language or an interest.
MOST_GROWTH = 2.0
ROUNDS = 2  # times that a community is assigned again
PSEUDOCOUNT = 0.5  # accounts added to each number of accounts that show a value
# Score that an account needs, as a share of a median score: of all accounts above 0, which keeps members that
# have sent little, and of the members, which keeps out strangers where many are just above 0. Each gives a
# grown community.
LEAST_SHARE_OF_POSITIVE, LEAST_SHARE_OF_MEMBERS = 0.2, 0.25
MOST_LINK_VISITS = 500_000_000  # links that are read for one graph, at most, over its communities and rounds


def grown(graph: LinkGraph, groups: Sequence[Ints], largest: float) -> list[Ints]:
    """The communities `groups` of a graph, assigned again `ROUNDS` times with each of two margins; of a
    large graph only the largest communities, so that at most `MOST_LINK_VISITS` links are read.

    Groups are sorted places of accounts in `graph.names`. Results with fewer than `FEWEST_ACCOUNTS`
    accounts, more than `largest`, or more than `MOST_GROWTH` times as many as the community, are left out.
    """
    matrix = graph.weights
    holders = np.bincount(matrix.indices, minlength=matrix.shape[1])
    logs = np.log(np.arange(matrix.shape[0] + 2) + PSEUDOCOUNT)
    affordable = MOST_LINK_VISITS // (2 * ROUNDS * max(matrix.nnz, 1))
    found: dict[bytes, Ints] = {}
    for group in sorted(groups, key=lambda one: (-len(one), one.tolist()))[:affordable]:
        for by_members in (False, True):
            kept = np.asarray(group, np.int64)
            for _round in range(ROUNDS):
                if not FEWEST_ACCOUNTS <= len(kept) <= largest:
                    break
                kept = _above(_scores(matrix.indptr, matrix.indices, holders, logs, kept), kept, by_members)
            if FEWEST_ACCOUNTS <= len(kept) <= min(largest, MOST_GROWTH * len(group)):
                found[kept.tobytes()] = kept
    return list(found.values())


def _above(score: Floats, members: Ints, by_members: bool) -> Ints:
    """Places of the accounts whose score is above 0 and above a share of a median: of the `members`' scores
    where `by_members`, else of all scores above 0.
    """
    share, typical = LEAST_SHARE_OF_POSITIVE, score[score > 0]
    if by_members:
        share, typical = LEAST_SHARE_OF_MEMBERS, score[members]
    least = share * float(np.median(typical)) if len(typical) else 0.0
    return np.flatnonzero(score > max(least, 0.0))


@numba.njit(cache=True, nogil=True)
def _scores(starts, values, holders, logs, group):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Log odds of each account that it belongs to `group`.

    `starts` and `values` are the links by account, `holders` has the number of accounts of each value, and
    `logs[n]` is the logarithm of n and `PSEUDOCOUNT`. A value's probability is counted without the account
    itself; a value that no member shows counts at most 0.
    """
    everyone = len(starts) - 1
    size, inside = len(group), np.zeros(everyone, np.bool_)
    rest = everyone - size
    shown = np.zeros(len(holders), np.int64)
    for account in group:
        inside[account] = True
        for link in range(starts[account], starts[account + 1]):
            shown[values[link]] += 1
    of_member, of_other = np.zeros(len(holders)), np.zeros(len(holders))
    for value in range(len(holders)):
        within, without = shown[value], holders[value] - shown[value]
        if within:
            of_member[value] = logs[within - 1] - logs[size] - logs[without] + logs[rest + 1]
        if without:
            of_other[value] = logs[within] - logs[size + 1] - logs[without - 1] + logs[rest]
            if not within:
                of_other[value] = min(of_other[value], 0.0)
    score = np.full(everyone, logs[size] - logs[rest])
    for account in range(everyone):
        for link in range(starts[account], starts[account + 1]):
            score[account] += of_member[values[link]] if inside[account] else of_other[values[link]]
    return score
