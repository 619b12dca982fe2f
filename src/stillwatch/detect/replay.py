"""How early could a campaign have been known?

The log is replayed: at an hour only what had been seen by then is proposed, tested and judged, with the same
code as at the end, against bars that hold for looking at every hour (`stats.sequential`). A summary has a time, so a prefix of the log is a prefix of every summary.
Nothing learned from the whole log enters, neither weights nor reference nor membership; the final members only
tell which of the groups found at that hour is this campaign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import ibis.expr.types as ir
import pyarrow as pa

from stillwatch.contract.summaries import Summaries
from stillwatch.detect.cluster import Cluster, communities
from stillwatch.detect.judge import Bench, Judged, Outcomes, bench, judge
from stillwatch.detect.neighbours import measured, neighbours
from stillwatch.detect.propose import Candidate, propose
from stillwatch.detect.weigh import links
from stillwatch.signals.registry import CONTROL, Explanation, GroupTest
from stillwatch.stats.sequential import alert_log_e, confirm_log_e

LOOKS_AFTER_H = (0, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 144, 216, 336, 504, 720, 1080)
SHARE_OF_CANDIDATE = 0.5
HOUR = timedelta(hours=1)
FINEST_SHARE_OF_AGE = 0.04  # of a campaign's age: how exactly the hour of detection is sought
ALERTS_A_YEAR = 12.0  # false ones, at most, over all groups

Run = Callable[[ir.Table], pa.Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was known of a campaign at one hour: the log e-value of its best candidate, and what the two bars asked."""

    moment: datetime
    log_e: float
    alert: float
    confirm: float

    @property
    def alerts(self) -> bool:
        """Whether a person would have been called at that hour."""
        return self.log_e >= self.alert

    @property
    def confirms(self) -> bool:
        """Whether it could have been reported at that hour, though one had looked at every hour before."""
        return self.log_e >= self.confirm


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Judged candidates, of how many that were proposed, with what they were proposed from and tested on, and what the tests
    returned about them.
    """

    judged: tuple[Judged, ...]
    proposed: int
    links: pa.Table
    bench: Bench | None
    outcomes: Outcomes


def judge_prefix(
    summaries: Summaries,
    tests: Sequence[GroupTest],
    explanations: Sequence[Explanation],
    run: Run,
    seed: int,
    worth: Callable[[Candidate], bool] = lambda _candidate: True,
    cluster: Cluster = communities,
) -> Judgement:
    """Candidates of these summaries, proposed on the first half of the data and judged on the second.

    Only those that are `worth` it are judged; the others count among the proposed.
    """
    edges = links(summaries, run)
    alike = neighbours(run(measured(summaries)), seed)
    candidates = propose(edges, alike, seed=seed, cluster=cluster) if summaries.phrases.accounts else []
    chosen = [candidate for candidate in candidates if worth(candidate)]
    outcomes = Outcomes()
    if not chosen:
        return Judgement(judged=(), proposed=len(candidates), links=edges, bench=None, outcomes=outcomes)
    rows = bench(summaries, tests, explanations, run)
    judged = judge(chosen, rows, outcomes=outcomes)
    return Judgement(
        judged=tuple(judged), proposed=len(candidates), links=edges, bench=rows, outcomes=outcomes
    )


def replay(
    until: Callable[[datetime], Summaries],
    campaigns: Mapping[str, tuple[frozenset[str], datetime, datetime]],
    tests: Sequence[GroupTest],
    explanations: Sequence[Explanation],
    run: Run,
    *,
    fdr: float,
    seed: int,
    begin: datetime,
    cluster: Cluster = communities,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, list[Look]]:
    """Looks at each campaign (members, first and last exchange) until it is confirmed, in time order.

    `until` gives the summaries of the log before a full hour. Looks are sparse at first; between the last that did not suffice and the first that did, hours are halved until
    one hour, or `FINEST_SHARE_OF_AGE` of the campaign's age, is left. The bars are those of looking at every hour since `begin`, the
    log's first exchange, so looking at fewer only finds later. Every hour looked at is judged once for all campaigns.
    """
    counted = [test for test in tests if test.family in CONTROL]
    looks: dict[str, dict[datetime, Look]] = {name: {} for name in campaigns}
    members = {name: campaign[0] for name, campaign in campaigns.items()}
    origin = _hour(begin)

    def look(moment: datetime) -> None:
        tried = judge_prefix(
            until(moment), counted, explanations, run, seed,
            lambda c: any(_mostly(c.accounts, some) for some in members.values()), cluster,
        )  # fmt: skip
        age = round((moment - origin) / HOUR)
        for name, some in members.items():
            best = max((j.log_e for j in tried.judged if _mostly(j.accounts, some)), default=0.0)
            looks[name][moment] = Look(
                moment=moment,
                log_e=best,
                alert=alert_log_e(tried.proposed, ALERTS_A_YEAR),
                confirm=confirm_log_e(tried.proposed, fdr, age),
            )

    plan = {name: _hours(first, last) for name, (_members, first, last) in campaigns.items()}
    moments = sorted({m for hours in plan.values() for m in hours})
    waiting = set(campaigns)
    for number, moment in enumerate(moments):
        if progress is not None:
            progress(number if waiting else len(moments), len(moments))
        if any(moment in plan[name] for name in waiting):
            look(moment)
            waiting -= {name for name in waiting if looks[name][moment].confirms}
    for name, (_members, first, _last) in campaigns.items():
        for enough in (attrgetter("alerts"), attrgetter("confirms")):
            while (middle := _between(looks[name].values(), enough, _hour(first))) is not None:
                look(middle)
    if progress is not None:
        progress(len(moments), max(len(moments), 1))
    return {name: _until_confirmed(some.values()) for name, some in looks.items()}


def _between(looks: Iterable[Look], enough: Callable[[Look], bool], first: datetime) -> datetime | None:
    """The hour to look at next to know better when it was enough; None where it is known well enough."""
    before = first
    for one in sorted(looks, key=lambda o: o.moment):
        if enough(one):
            gap = one.moment - before
            if gap <= max(HOUR, FINEST_SHARE_OF_AGE * (one.moment - first)):
                return None
            return before + HOUR * (gap // HOUR // 2)
        before = max(one.moment, first)
    return None


def _until_confirmed(looks: Iterable[Look]) -> list[Look]:
    told: list[Look] = []
    for one in sorted(looks, key=lambda o: o.moment):
        told.append(one)
        if one.confirms:
            break
    return told


def _mostly(accounts: frozenset[str], members: frozenset[str]) -> bool:
    return len(accounts & members) > SHARE_OF_CANDIDATE * len(accounts)


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _hours(first: datetime, last: datetime) -> list[datetime]:
    """Full hours after the first exchange at which to look, ending with the first after the last exchange."""
    end = _hour(last) + HOUR
    hours = [_hour(first) + HOUR * step for step in LOOKS_AFTER_H]
    return [h for h in hours if h < end] + [end]
