"""Rate at which groups drawn at random from the log reach a campaign's evidence."""

from __future__ import annotations

import numpy as np

from stillwatch.detect.judge import Bench, Judged, judge
from stillwatch.detect.propose import Candidate
from stillwatch.signals.registry import Labels
from stillwatch.stats.intervals import of_share

DRAWS, FEW_DRAWS = 100, 20  # groups that are drawn for a campaign, and for a large one
LARGE_CAMPAIGN = 1000  # members above which a campaign is large
MOST_ACCOUNTS_DRAWN = 2000  # accounts of a drawn group


def synthetic_rate(one: Judged, bench: Bench, taken: frozenset[str], seed: int) -> float | None:
    """Upper end of the 95 % interval (Clopper and Pearson 1934) of the share of random groups whose evidence
    is at least that of `one`.

    A random group has, for each member, another account of the log from the member's stratum: the same number
    of exchanges up to a factor of 2, and the mark of the nearest explanation or not. This permutes membership
    and keeps the log's distributions. Members of campaigns (`taken`) are not drawn. None where there are no
    accounts to draw, or where the strata of more than half of the members have none.
    """
    members = bench.places(one.accounts)
    free = np.setdiff1d(np.arange(len(bench.names)), bench.places(taken | one.accounts))
    if len(members) == 0 or len(free) == 0:
        return None
    rng = np.random.default_rng([seed, len(members)])
    if len(members) > MOST_ACCOUNTS_DRAWN:
        members = np.sort(rng.choice(members, MOST_ACCOUNTS_DRAWN, replace=False))
    both = np.concatenate([members, free])
    strata = _strata(one, bench, both)
    mine, theirs = strata[: len(members)], strata[len(members) :]
    pools = {int(s): free[theirs == s] for s in np.unique(mine)}
    if sum((mine == s).sum() for s, pool in pools.items() if len(pool)) < 0.5 * len(members):
        return None
    draws = FEW_DRAWS if len(members) > LARGE_CAMPAIGN else DRAWS
    groups = []
    for _draw in range(draws):
        chosen = [
            rng.choice(pool, min(int((mine == s).sum()), len(pool)), replace=False)
            for s, pool in pools.items()
            if len(pool)
        ]
        names = frozenset(bench.names[place] for place in np.concatenate(chosen).tolist())
        groups.append(Candidate(accounts=names, graph=one.candidate.graph))
    reached = sum(found.log_e >= one.log_e for found in judge(groups, bench))
    bound = of_share(reached, draws)
    return None if bound is None else bound.high


def _strata(one: Judged, bench: Bench, accounts: Labels) -> Labels:
    """Stratum of each account: exchanges in doublings, and whether it carries the mark of the nearest
    explanation.
    """
    volume = np.log2(np.maximum(bench.traits.exchanges[accounts], 1.0)).astype(np.int64)
    if one.nearest is None:
        return volume
    marked = one.nearest.explanation.mark(bench.traits, accounts) >= 0
    return np.asarray(2 * volume + marked, np.int64)
