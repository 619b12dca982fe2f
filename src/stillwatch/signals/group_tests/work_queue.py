"""Is one pool of work divided, so that members do not repeat each other where others repeat them?"""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.stats.codes import distinct
from stillwatch.stats.evalues import binomial_log_e

FEWEST = 20
MUTUAL = 0.4  # members who repeat each other this much have a list or a topic in common, and so a reason to move together
MOST_ROWS = 2_000_000


def repeated(summaries: Summaries) -> ir.Table:
    """Account × text, in the order of texts, of those that several accounts sent; every account's volume besides."""
    volumes = summaries.activity.group_by("account_id").agg(exchanges=_.exchanges.sum())
    pairs = summaries.items.select("account_id", "item").distinct()
    several = (
        pairs.group_by("item").agg(holders=_.count()).filter(_.holders > 1)
    )  # so far, not in the whole log
    sent = pairs.semi_join(several, "item").order_by(["item", "account_id"]).limit(MOST_ROWS)
    rows = volumes.left_join(sent, "account_id").select("account_id", "exchanges", item=_.item.fill_null(0))
    return rows.order_by(["item", "account_id"])


def crowd(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """Accounts that draw from one pool of items, members and others alike."""
    n = accounts * 5
    sizes = rng.integers(1, 30, n)
    who = np.repeat(np.arange(n), sizes)
    item = rng.integers(1, 40 * n, len(who))
    pairs = np.unique(np.stack([item, who], axis=1), axis=0)
    return {"account": pairs[:, 1], "item": pairs[:, 0], "exchanges": sizes[pairs[:, 1]]}, pairs[
        :, 1
    ] < accounts


@group_test(
    family="division",
    rows=repeated,
    sample_null=crowd,
    measures="repeats of a member's text by another account: by a member, or by someone outside",
    null="a repeat of a member's text is another member's at least half as often as the members' share of all "
    "repeated texts: people with one interest repeat each other at least as often as they repeat strangers",
    innocent=("a labelling shop, which also divides one queue",),
    evaded_by="sending items twice, at the price of more exchanges",
    source="science B3.1 (no-repeat test; collisions are at least n²/2M for any popularity curve)",
    reads=("observations.text_key",),
)
def work_queue(rows: Columns, member: Mask) -> Finding | None:
    account, item = np.asarray(rows["account"], np.int64), np.asarray(rows["item"], np.int64)
    volume = np.zeros(int(account.max(initial=-1)) + 1)
    volume[account] = np.asarray(rows["exchanges"], float)
    inside = np.zeros(len(volume), bool)
    inside[account[member]] = True
    repeats = np.bincount(account[item != 0], minlength=len(volume))
    share = float(repeats[inside].sum() / max(repeats.sum(), 1))
    twice = np.flatnonzero((item[1:] == item[:-1]) & (item[1:] != 0))
    one, other = account[twice], account[twice + 1]
    touching = inside[one] | inside[other]
    one, other = one[touching], other[touching]
    pairs = distinct(np.minimum(one, other) * len(volume) + np.maximum(one, other))
    within = int((inside[pairs // len(volume)] & inside[pairs % len(volume)]).sum())
    trials = len(pairs)
    if trials < FEWEST or share <= 0:
        return None
    return Finding(
        log_e=binomial_log_e(trials - within, trials, min(1 - share / 2, 0.999)),
        value=f"{within} of {trials} repeats inside",
        accounts=int(inside.sum()),
        exchanges=int(volume[inside].sum()),
        statement=f"of {trials} pairs of accounts in which one repeats a text of a member, {within} are two members, though "
        f"members send {100 * share:.1f} % of all texts that are repeated",
        silences=("timing",) if within > MUTUAL * trials else (),
    )
