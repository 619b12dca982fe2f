"""Do the members turn to a new model together?"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.profiles import ALIKE_NULL, alike_finding, independent
from stillwatch.signals.registry import Columns, Mask, Outcome, group_test

WITHIN_HOURS = 24  # hours after a release in which exchanges count
FEWEST_EXCHANGES = 2  # exchanges after a release that an account needs


def shares(summaries: Summaries) -> ir.Table:
    """Account × half: share of new models in the account's exchanges within `WITHIN_HOURS` after their
    release, for accounts with an exchange in the same time before it.
    """
    seconds = _.hour.epoch_seconds() - _.released_at.epoch_seconds()
    after = summaries.usage.cross_join(summaries.releases.rename(new="model")).mutate(since=seconds)
    rows = after.filter((_.since >= -WITHIN_HOURS * 3600) & (_.since < WITHIN_HOURS * 3600))
    hour = (rows.hour.epoch_seconds() // 3600).cast("int64")
    rows = rows.mutate(half=((hour + hour // 24) % 2).cast("int32"), later=rows.since >= 0)
    counts = rows.group_by(["account_id", "new", "half"]).agg(
        before=ibis.ifelse(_.later, 0, _.exchanges).sum(),
        exchanges=ibis.ifelse(_.later, _.exchanges, 0).sum(),
        moved=ibis.ifelse(_.later & (_.model == _.new), _.exchanges, 0).sum(),
    )
    used = counts.filter((_.exchanges >= FEWEST_EXCHANGES) & (_.before >= 1))
    return used.group_by(["account_id", "half"]).agg(
        exchanges=_.exchanges.sum(), value=_.moved.sum().cast("float64") / _.exchanges.sum()
    )


@group_test(
    family="timing",
    rows=shares,
    sample_null=independent,
    measures="share of traffic that moves to a new model within a day of its release",
    null=ALIKE_NULL,
    innocent=("everyone who tries a new model on its first day", "users of a tool that changes its default"),
    evaded_by="moving late, at the price of the new model's answers",
    source="Anthropic, February 2026 (half of the traffic within 24 hours)",
    reads=("releases.released_at",),
)
def release_pivot(rows: Columns, member: Mask) -> Outcome:
    """Whether members turn to a new model to a like degree, or why that cannot be tested."""
    return alike_finding(
        rows,
        member,
        "{inside} of {members} members gave between {low} and {high} of their exchanges to a new model "
        "within a day of "
        "its release; {share} of other accounts do",
        lambda x: f"{100 * x:.0f} %",
        needs=f"an exchange in the {WITHIN_HOURS} hours before a release and {FEWEST_EXCHANGES} in the "
        f"{WITHIN_HOURS} hours after it",
    )
