"""Does a conversation begun on one member go on at another?"""

from __future__ import annotations

import ibis.expr.types as ir
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.signals.sharing import own_values, sharing_finding


def carried_on(summaries: Summaries) -> ir.Table:
    """Account × conversation that several accounts carried on; an account without one has a value of its own."""
    active = summaries.activity.group_by("account_id").agg(exchanges=_.exchanges.sum())
    first = summaries.conversations.group_by("account_id").agg(value=_.conversation_id.min())
    return active.left_join(first, "account_id").select(
        "account_id", "exchanges", value=_.value.fill_null(_.account_id)
    )


@group_test(
    family="division",
    rows=carried_on,
    sample_null=own_values,
    measures="conversations carried on by more than one account",
    null="a further member repeats another's conversation with probability at most max(0.05, 3 times what as many "
    "other accounts do)",
    innocent=("a client that numbers its conversations from 1", "a shared workspace"),
    evaded_by="keeping every conversation on one account",
    source="relay software: sticky sessions end with a fixed time, a limit or a ban (peers, section 3)",
    reads=("observations.conversation_id",),
)
def handoff(rows: Columns, member: Mask) -> Finding | None:
    return sharing_finding(
        rows,
        member,
        "{repeats} of {members} members carry on a conversation of another member; of as many other accounts {share} do",
    )
