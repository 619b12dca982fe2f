"""Is one pool of work divided, so that members do not repeat each other where others repeat them?"""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.stats.evalues import binomial_log_e

KIND = "prompt_template"
FEWEST = 20
MOST_ROWS = 1_000_000


def rare_repeats(summaries: Summaries) -> ir.Table:
    """Account × phrase, of the phrases that exactly two accounts wrote, with each account's volume."""
    volumes = summaries.activity.group_by("account_id").agg(exchanges=_.exchanges.sum())
    phrases = summaries.sightings.filter(_.kind == KIND).select("account_id", "value").distinct()
    pairs = phrases.group_by("value").agg(holders=_.count(), first=_.account_id.min()).filter(_.holders == 2)
    rows = phrases.semi_join(pairs, "value").order_by("value").limit(MOST_ROWS)
    return volumes.left_join(rows, "account_id").select("account_id", "value", "exchanges").order_by("value")


def crowd(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """Accounts that draw from one pool of items, members and others alike."""
    n = accounts * 5
    sizes = rng.integers(1, 30, n)
    who = np.repeat(np.arange(n), sizes)
    item = rng.integers(0, 40 * n, len(who))
    order = np.argsort(item, kind="stable")
    rows = {"account": who[order], "value": item[order], "exchanges": sizes[who[order]]}
    return rows, who[order] < accounts


@group_test(
    family="division",
    rows=rare_repeats,
    sample_null=crowd,
    measures="pairs of accounts that repeat one another's rare wording: both inside, or one outside",
    null="of the repeats in which a member takes part, those with another member are at least half as many as the "
    "members' share of all exchanges: people with one interest repeat each other at least as often as they repeat "
    "strangers (uniform popularity is the least-repeating case)",
    innocent=("a labelling shop, which also divides one queue",),
    evaded_by="sending items twice, at the price of more exchanges",
    source="science B3.1 (no-repeat test; collisions are at least n²/2M for any popularity curve)",
    reads=("observations.phrases",),
)
def work_queue(rows: Columns, member: Mask) -> Finding | None:
    account, value = np.asarray(rows["account"]), np.asarray(rows["value"])
    volume = np.zeros(int(account.max(initial=-1)) + 1)
    volume[account] = np.asarray(rows["exchanges"], float)
    inside = np.zeros(len(volume), bool)
    inside[account[member]] = True
    share = float(volume[inside].sum() / max(volume.sum(), 1.0))
    known = value >= 0
    who, what = account[known], value[known]
    twice = np.flatnonzero(what[1:] == what[:-1])
    twice = twice[inside[who[twice]] | inside[who[twice + 1]]]
    pairs = np.unique(np.sort(np.stack([who[twice], who[twice + 1]], axis=1), axis=1), axis=0)
    touching = inside[pairs].sum(axis=1)
    within, trials = int((touching == 2).sum()), int((touching > 0).sum())
    if trials < FEWEST or share <= 0:
        return None
    return Finding(
        log_e=binomial_log_e(trials - within, trials, min(1 - share / 2, 0.999)),
        value=f"{within} of {trials} repeats inside",
        accounts=int(inside.sum()),
        exchanges=int(volume[inside].sum()),
        statement=f"of {trials} accounts' repeats of a member's rare wording {within} are by another member, though "
        f"members make {100 * share:.1f} % of all exchanges",
    )
