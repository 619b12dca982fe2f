"""Do new members begin soon after others stop?"""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome, group_test
from stillwatch.stats.evalues import binomial_log_e

EDGE_HOURS = 48  # hours at the begin and the end of the log in which begins and ends do not count
WITHIN_HOURS = 12  # hours after an end within which a begin follows it
FEWEST_ACCOUNTS = 8  # members that ended, and members and others that began, that are needed
# The null's bound: its least value, its factor on the share of other new accounts, and the value above which
# nothing is tested.
FLOOR, ENRICHMENT, LARGEST_BOUND = 0.3, 2.0, 0.9
# Members that must end in one hour, and their share of all members that ended, for it to count as an end.
FEWEST_AT_ONCE, SHARE_AT_ONCE = 3.0, 0.02


def lives(summaries: Summaries) -> ir.Table:
    """Account: number of exchanges, and first and last hour of activity, counted from 1970."""
    return summaries.activity.group_by("account_id").agg(
        exchanges=_.exchanges.sum(),
        first=(_.hour.min().epoch_seconds() // 3600).cast("int64"),
        last=(_.hour.max().epoch_seconds() // 3600).cast("int64"),
    )


def unrelated(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """A draw under the null: accounts start and end independently of each other."""
    n = accounts * 6
    first = rng.integers(0, 600, n)
    last = np.minimum(first + rng.integers(1, 400, n), 720)
    return {"first": first, "last": last, "exchanges": np.full(n, 20)}, np.arange(n) < accounts


@group_test(
    family="timing",
    rows=lives,
    sample_null=unrelated,
    measures="members that begin within hours of another member's last exchange",
    null="a member that begins after the first leaving of the group does so within 12 hours of one with "
    "probability at "
    "most max(0.3, twice the share of other accounts of that time that do)",
    innocent=("a contract that passes from one supplier to the next", "terms and holidays"),
    evaded_by="overlapping pools, at the price of idle accounts",
    source="Anthropic, September 2026 (rapid failover to a second pool after a ban)",
    reads=("observations.timestamp",),
)
def succession(rows: Columns, member: Mask) -> Outcome:
    """Whether members begin within hours of another's last exchange, or why that cannot be tested."""
    first, last = np.asarray(rows["first"], np.int64), np.asarray(rows["last"], np.int64)
    begin, end = (first.min(), last.max()) if len(first) else (0, 0)
    gone = member & (last < end - EDGE_HOURS)
    if gone.sum() < FEWEST_ACCOUNTS:
        return NoFinding(
            f"fewer than {FEWEST_ACCOUNTS} members ended more than {EDGE_HOURS} hours before the end of the "
            f"log"
        )
    leaving = np.zeros(end - begin + WITHIN_HOURS + 2, np.int64)
    np.add.at(leaving, last[gone] - begin, 1)
    many = leaving >= max(FEWEST_AT_ONCE, SHARE_AT_ONCE * gone.sum())
    taken = np.zeros(len(many), bool)
    for step in range(1, WITHIN_HOURS + 1):
        taken[step:] |= many[:-step]
    if not many.any():
        return NoFinding(
            f"no hour is the last one of at least {FEWEST_AT_ONCE:.0f} members and {100 * SHARE_AT_ONCE:.0f} "
            f"% of those that ended"
        )
    new = first > begin + max(EDGE_HOURS, int(np.argmax(many)))  # after the first end
    for accounts, whose in ((new & member, "members"), (new & ~member, "other accounts")):
        if accounts.sum() < FEWEST_ACCOUNTS:
            return NoFinding(
                f"fewer than {FEWEST_ACCOUNTS} {whose} began after members of the group had ended"
            )
    follows = taken[first - begin]
    mine, others = follows[new & member], follows[new & ~member]
    usual = (others.sum() + 1) / (len(others) + 1)
    bound = max(FLOOR, ENRICHMENT * usual)
    if bound > LARGEST_BOUND:
        return NoFinding(
            f"more than {100 * LARGEST_BOUND / ENRICHMENT:.0f} % of other new accounts began within "
            f"{WITHIN_HOURS} hours of an end of members"
        )
    return Finding(
        log_e=binomial_log_e(int(mine.sum()), len(mine), bound),
        value=f"{int(mine.sum())} of {len(mine)} new members",
        accounts=len(mine),
        exchanges=int(np.asarray(rows["exchanges"])[member].sum()),
        statement=f"{int(mine.sum())} of {len(mine)} members that began during the log did so within "
        f"{WITHIN_HOURS} hours of "
        f"others of the group falling silent; of other new accounts {100 * usual:.1f} % did",
    )
