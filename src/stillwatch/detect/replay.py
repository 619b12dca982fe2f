"""How early could a campaign have been known?

The log is replayed: at each hour only what had been seen by then is proposed, tested and judged, with the same
code and the same rate as at the end. A summary has a time, so a prefix of the log is a prefix of every summary.
Nothing learned from the whole log enters, neither weights nor reference nor membership; the final members only
tell which of the groups found at that hour is this campaign.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import ibis.expr.types as ir
import pyarrow as pa

from stillwatch.contract.summaries import Summaries
from stillwatch.detect.decide import consistent
from stillwatch.detect.judge import Bench, Judged, bench, judge
from stillwatch.detect.propose import Candidate, propose
from stillwatch.detect.weigh import links
from stillwatch.signals.registry import GroupTest

STEPS_H = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 144, 216, 336, 504, 720, 1080)
MOSTLY = 0.5

Run = Callable[[ir.Table], pa.Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was known of a campaign at one hour: the log e-value of the best candidate, and whether it sufficed."""

    moment: datetime
    log_e: float
    suffices: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Judged candidates, of how many that were proposed, with what they were proposed from and tested on."""

    judged: tuple[Judged, ...]
    proposed: int
    links: pa.Table
    bench: Bench | None


def judge_prefix(
    summaries: Summaries,
    tests: Sequence[GroupTest],
    run: Run,
    seed: int,
    worth: Callable[[Candidate], bool] = lambda _candidate: True,
) -> Tried:
    """Candidates of these summaries, proposed on the first half of the data and judged on the second.

    Only those that are `worth` it are judged; the others count among the proposed.
    """
    accounts = run(summaries.activity.aggregate(n=summaries.activity.account_id.nunique()))
    number = int(accounts.column("n")[0].as_py())
    first = summaries.sightings.filter((summaries.sightings.half == 0) | summaries.sightings.half.isnull())
    edges = run(links(first.semi_join(summaries.activity, "account_id"), number))
    candidates = propose(edges, seed=seed) if number else []
    chosen = [candidate for candidate in candidates if worth(candidate)]
    if not chosen:
        return Tried(judged=(), proposed=len(candidates), links=edges, bench=None)
    rows = bench(summaries, tests, run)
    return Tried(judged=tuple(judge(chosen, rows)), proposed=len(candidates), links=edges, bench=rows)


def replay(
    summaries: Summaries,
    campaigns: Mapping[str, tuple[frozenset[str], datetime, datetime]],
    tests: Sequence[GroupTest],
    run: Run,
    *,
    fdr: float,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, list[Look]]:
    """Looks at each campaign (members, first and last exchange) until the evidence suffices, in time order.

    Hours at which several campaigns are looked at are judged once.
    """
    plan = {name: _hours(first, last) for name, (_members, first, last) in campaigns.items()}
    looks: dict[str, list[Look]] = {name: [] for name in campaigns}
    waiting = set(campaigns)
    moments = sorted({m for hours in plan.values() for m in hours})
    for number, moment in enumerate(moments):
        if progress is not None:
            progress(number if waiting else len(moments), len(moments))
        due = [name for name in sorted(waiting) if moment in plan[name]]
        if not due:
            continue
        due_members = [campaigns[name][0] for name in due]
        tried = judge_prefix(
            summaries.until(moment),
            tests,
            run,
            seed,
            lambda c, some=due_members: any(_mostly(c.accounts, members) for members in some),  # type: ignore[misc]
        )
        for name in due:
            mine = [j for j in tried.judged if _mostly(j.accounts, campaigns[name][0])]
            enough = [
                j for j in mine if consistent([j], tried.proposed, fdr)
            ]  # alone among all: e-BH has it too
            best = max(enough or mine, key=lambda j: j.log_e, default=None)
            looks[name].append(Look(moment=moment, log_e=best.log_e if best else 0.0, suffices=bool(enough)))
            if enough:
                waiting.discard(name)
    if progress is not None:
        progress(len(moments), max(len(moments), 1))
    return looks


def _mostly(accounts: frozenset[str], members: frozenset[str]) -> bool:
    return len(accounts & members) > MOSTLY * len(accounts)


def _hours(first: datetime, last: datetime) -> list[datetime]:
    """Full hours after the first exchange at which to look, ending with the first after the last exchange."""
    begin = first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = last.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    hours = [begin + timedelta(hours=step) for step in STEPS_H]
    return [h for h in hours if h < end] + [end]
