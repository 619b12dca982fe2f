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
from stillwatch.detect.propose import propose
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
    """Judged candidates, with what they were proposed from and tested on."""

    judged: tuple[Judged, ...]
    links: pa.Table
    bench: Bench | None


def judge_prefix(summaries: Summaries, tests: Sequence[GroupTest], run: Run, seed: int) -> Tried:
    """Candidates of these summaries, proposed on the first half of the data and judged on the second."""
    accounts = run(summaries.activity.aggregate(n=summaries.activity.account_id.nunique()))
    number = int(accounts.column("n")[0].as_py())
    first = summaries.sightings.filter((summaries.sightings.half == 0) | summaries.sightings.half.isnull())
    edges = run(links(first.semi_join(summaries.activity, "account_id"), number))
    candidates = propose(edges, seed=seed) if number else []
    if not candidates:
        return Tried(judged=(), links=edges, bench=None)
    rows = bench(summaries, tests, run)
    return Tried(judged=tuple(judge(candidates, rows)), links=edges, bench=rows)


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
        judged = judge_prefix(summaries.until(moment), tests, run, seed).judged
        reported = {j.candidate for j in judged if j.q_value <= fdr}
        for name in due:
            mine = [j for j in judged if len(j.accounts & campaigns[name][0]) > MOSTLY * len(j.accounts)]
            enough = [j for j in mine if j.candidate in reported and consistent([j], len(judged), fdr)]
            best = max(enough or mine, key=lambda j: j.log_e, default=None)
            looks[name].append(Look(moment=moment, log_e=best.log_e if best else 0.0, suffices=bool(enough)))
            if enough:
                waiting.discard(name)
    if progress is not None:
        progress(len(moments), max(len(moments), 1))
    return looks


def _hours(first: datetime, last: datetime) -> list[datetime]:
    """Full hours after the first exchange at which to look, ending with the first after the last exchange."""
    begin = first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = last.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    hours = [begin + timedelta(hours=step) for step in STEPS_H]
    return [h for h in hours if h < end] + [end]
