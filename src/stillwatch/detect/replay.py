"""How early could a campaign have been known?

The log is replayed: at an hour only what had been seen by then is proposed, tested and judged, with the same
code as at the end, against bars that hold for looking at every hour (`stats.sequential`). A summary has a
time, so a prefix of the log is a prefix of every summary. Nothing learned from the whole log enters a look,
neither weights nor reference nor membership. The final members tell which of the groups found at that hour is
this campaign, and which hours are worth a look: a look costs a clustering of all accounts, and the evidence
about the members themselves, which needs none, shows about when it suffices.
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
from stillwatch.detect.judge import Bench, Judged, Outcomes, bench, judge, strongest
from stillwatch.detect.neighbours import measured, neighbours
from stillwatch.detect.propose import Candidate, propose
from stillwatch.detect.weigh import links
from stillwatch.signals.registry import Explanation, GroupTest
from stillwatch.stats.sequential import alert_log_e, confirm_log_e

LOOKS_AFTER_H = (0, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 144, 216, 336, 504, 720, 1080)
SHARE_OF_CANDIDATE = 0.5
HOUR = timedelta(hours=1)
FINEST_SHARE_OF_AGE = 0.04  # of a campaign's age: how exactly the hour of detection is sought
ALERTS_A_YEAR = 12.0  # false ones, at most, over all groups

Run = Callable[[ir.Table], pa.Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was known of a campaign at one hour: the log e-value of its best candidate, and what the two
    bars asked.
    """

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
    """Judged candidates, of how many that were proposed, with what they were proposed from and tested on, and
    what the tests returned about them.
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
    cluster: Cluster = communities,
) -> Judgement:
    """Candidates of these summaries, proposed on the first half of the data and judged on the second."""
    edges, candidates = _proposed(summaries, run, seed, cluster)
    outcomes = Outcomes()
    if not candidates:
        return Judgement(judged=(), proposed=0, links=edges, bench=None, outcomes=outcomes)
    rows = bench(summaries, tests, explanations, run)
    judged = judge(candidates, rows, outcomes=outcomes)
    return Judgement(
        judged=tuple(judged), proposed=len(candidates), links=edges, bench=rows, outcomes=outcomes
    )


def _proposed(
    summaries: Summaries, run: Run, seed: int, cluster: Cluster
) -> tuple[pa.Table, list[Candidate]]:
    """The links of the first half of the data, and the candidates that they give."""
    edges = links(summaries, run)
    alike = neighbours(run(measured(summaries)), seed)
    return edges, propose(edges, alike, seed=seed, cluster=cluster) if summaries.phrases.accounts else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A campaign that is followed back: its members, the graph that proposed it, and when it began and
    ended.
    """

    members: frozenset[str]
    graph: str
    first: datetime
    last: datetime


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A log that is looked at again at one hour after another.

    `until` gives its summaries before a full hour; `begin` is its first exchange, from which the hours of the
    bars are counted; `proposed` is the number of candidates of the whole log.
    """

    until: Callable[[datetime], Summaries]
    tests: Sequence[GroupTest]
    explanations: Sequence[Explanation]
    run: Run
    begin: datetime
    proposed: int
    fdr: float
    seed: int
    cluster: Cluster = communities

    def looks(
        self, campaigns: Mapping[str, Followed], progress: Callable[[int, int], None] | None = None
    ) -> dict[str, list[Look]]:
        """Looks at each campaign until it is confirmed, in time order.

        The hour of the alert is sought: from the hour at which the members' own evidence passes its bar, in
        steps of one hour, or `FINEST_SHARE_OF_AGE` of the campaign's age, that double, and then by halving
        between the last look that did not suffice and the first that did. That of the confirmation is the
        first that passes its bar, in such steps, from the hour on at which the members' evidence does. The
        bars are those of looking at every hour, so looking at fewer only finds later.
        """
        done, steps = 0, 2 * len(campaigns)
        expected: dict[datetime, dict[str, float]] = {}
        found: dict[str, list[Look]] = {}
        for name, one in campaigns.items():
            looks: dict[datetime, Look] = {}
            for bar in ("alerts", "confirms"):
                if progress is not None:
                    progress(done, steps)
                enough = attrgetter(bar)
                if not any(enough(look) for look in looks.values()):
                    guess = self._expected(name, campaigns, enough, expected)
                    self._seek(one, enough, max([guess, *looks]), looks, exact=bar == "alerts")
                done += 1
            found[name] = _until_confirmed(looks.values())
        if progress is not None:
            progress(steps, max(steps, 1))
        return found

    def _expected(
        self,
        name: str,
        campaigns: Mapping[str, Followed],
        enough: Callable[[Look], bool],
        known: dict[datetime, dict[str, float]],
    ) -> datetime:
        """The hour from which the evidence about the members of a campaign passes a bar; its last where it
        never does.

        `known` has what was learned of all campaigns at earlier hours, and gets what is learned.
        """
        one = campaigns[name]

        def passes(moment: datetime) -> bool:
            if moment not in known:
                rows = bench(self.until(moment), self.tests, self.explanations, self.run)
                groups = {n: Candidate(accounts=c.members, graph=c.graph) for n, c in campaigns.items()}
                known[moment] = {n: strongest([group], rows) or 0.0 for n, group in groups.items()}
            return enough(self._look(moment, known[moment][name], self.proposed))

        hours = _hours(one.first, one.last)
        low, high = 0, len(hours) - 1  # the hour sought is one of these
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if passes(hours[middle]) else (middle + 1, high)
        before, after = hours[low - 1] if low else _hour(one.first), hours[low]
        while (middle_hour := _between(before, after, _hour(one.first))) is not None:
            before, after = (before, middle_hour) if passes(middle_hour) else (middle_hour, after)
        return after

    def _seek(
        self,
        one: Followed,
        enough: Callable[[Look], bool],
        guess: datetime,
        looks: dict[datetime, Look],
        *,
        exact: bool,
    ) -> None:
        """Look, from the expected hour on, until an hour is known at which a bar is passed, or that it never
        is; and where `exact`, until it is known that it was not passed much earlier.
        """
        first, end = _hour(one.first), _hour(one.last) + HOUR

        def passes(moment: datetime) -> bool:
            if moment not in looks:
                looks[moment] = self._at(moment, one.members)
            return enough(looks[moment])

        before, after, step = first, guess, FINEST_SHARE_OF_AGE
        while not passes(after):
            if after >= end:
                return
            before, after = after, min(after + _step(step, after - first), end)
            step *= 2
        if not exact:
            return
        while before == first and after > first + HOUR:
            earlier = max(after - _step(step, after - first), first + HOUR)
            if passes(earlier):
                after, step = earlier, min(2 * step, 0.5)
            else:
                before = earlier
        while (middle := _between(before, after, first)) is not None:
            before, after = (before, middle) if passes(middle) else (middle, after)

    def _at(self, moment: datetime, members: frozenset[str]) -> Look:
        """What is known at an hour of the group, of those found by then, that is mostly of these members."""
        summaries = self.until(moment)
        _links, candidates = _proposed(summaries, self.run, self.seed, self.cluster)
        mine = [one for one in candidates if _mostly(one.accounts, members)]
        log_e = strongest(mine, bench(summaries, self.tests, self.explanations, self.run)) if mine else None
        return self._look(moment, log_e or 0.0, len(candidates))

    def _look(self, moment: datetime, log_e: float, proposed: int) -> Look:
        age = round((moment - _hour(self.begin)) / HOUR)
        return Look(
            moment=moment,
            log_e=log_e,
            alert=alert_log_e(proposed, ALERTS_A_YEAR),
            confirm=confirm_log_e(proposed, self.fdr, age),
        )


def _step(share: float, age: timedelta) -> timedelta:
    """A share of an age in full hours, at least one."""
    return HOUR * max(share * age // HOUR, 1)


def _between(before: datetime, after: datetime, first: datetime) -> datetime | None:
    """The hour to look at next where `before` did not suffice and `after` did; None where it is known
    well enough.
    """
    gap = after - before
    if gap <= max(HOUR, FINEST_SHARE_OF_AGE * (after - first)):
        return None
    return before + HOUR * (gap // HOUR // 2)


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
