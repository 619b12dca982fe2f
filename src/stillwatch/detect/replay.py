"""The earliest hours at which a campaign could have been detected, found by replaying the log.

A look at an hour proposes, tests and judges candidates from the log before that hour only, with the code that
is used on the whole log and with thresholds that are valid for looking at every hour (`stats.sequential`).
Weights, reference accounts and membership of the whole log are not used. The final members serve two
purposes: they identify the campaign among the candidates of that hour, and they select the hours to look at.
A look costs a clustering of all accounts; the evidence of the final members needs no clustering, and shows
roughly when the threshold is passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import ibis.expr.types as ir
import pyarrow as pa

from stillwatch.contract.summaries import Summaries
from stillwatch.detect.cluster import Cluster, communities
from stillwatch.detect.judge import Bench, Expressions, Judged, Outcomes, bench, judge, strongest
from stillwatch.detect.neighbours import measured, neighbours
from stillwatch.detect.propose import Candidate, propose
from stillwatch.detect.weigh import links
from stillwatch.signals.registry import Explanation, GroupTest
from stillwatch.stats.sequential import alert_log_e, confirm_log_e

# Hours after a campaign's first exchange among which the search for the hour of detection begins.
LOOKS_AFTER_H = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 144, 216, 336, 504, 720, 1080)
SHARE_OF_CANDIDATE = 0.5  # share of a candidate that must be members for it to be the campaign
HOUR = timedelta(hours=1)  # step between two times at which the prefix of the log is judged
FINEST_SHARE_OF_AGE = 0.04  # precision of the hour of detection, as a share of the campaign's age by then
ALERTS_A_YEAR = 12.0  # expected number of false alerts a year, at most, over all groups

RunExpression = Callable[[ir.Table], pa.Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The evidence about a campaign at one hour (`moment`): the natural-log e-value of its best candidate, 0
    where there was none, and the log e-values that an alert and a confirmation require.
    """

    moment: datetime
    log_e: float
    alert: float
    confirm: float

    @property
    def alerts(self) -> bool:
        """Whether the evidence reached the threshold of an alert, which calls a person."""
        return self.log_e >= self.alert

    @property
    def confirms(self) -> bool:
        """Whether the evidence reached the threshold of a confirmation, which is valid when the log is looked
        at every hour.
        """
        return self.log_e >= self.confirm


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The judged candidates, the number that was `proposed`, the links from which they were proposed, the
    bench on which they were tested (None without candidates), and the counted outcomes of the tests.
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
    run: RunExpression,
    cluster: Cluster = communities,
) -> Judgement:
    """Candidates of these summaries, proposed on the first half of the data and judged on the second.

    `run` evaluates an expression of the engine to an Arrow table.
    """
    edges, candidates = _proposed(summaries, run, cluster)
    outcomes = Outcomes()
    if not candidates:
        return Judgement(judged=(), proposed=0, links=edges, bench=None, outcomes=outcomes)
    rows = bench(summaries, tests, explanations, run)
    judged = judge(candidates, rows, outcomes=outcomes)
    return Judgement(
        judged=tuple(judged), proposed=len(candidates), links=edges, bench=rows, outcomes=outcomes
    )


def _proposed(summaries: Summaries, run: RunExpression, cluster: Cluster) -> tuple[pa.Table, list[Candidate]]:
    """The links of the first half of the data, and the candidates found by clustering them."""
    edges = links(summaries, run)
    alike = neighbours(run(measured(summaries)))
    return edges, propose(edges, alike, cluster=cluster) if summaries.phrases.accounts else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A campaign of the whole log that is replayed: its members, the graph that proposed it, and the times of
    its first and last exchange.
    """

    members: frozenset[str]
    graph: str
    first: datetime
    last: datetime


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A replay of one log.

    `until` gives the log's summaries before a full hour; `begin` is the time of its first exchange, from
    which the hours of the thresholds are counted; `proposed` is the number of candidates of the whole log.
    """

    until: Callable[[datetime], Summaries]
    tests: Sequence[GroupTest]
    explanations: Sequence[Explanation]
    run: RunExpression
    begin: datetime
    proposed: int
    fdr: float
    cluster: Cluster = communities
    _expressions: Expressions = field(default_factory=Expressions, init=False)

    def looks(
        self, campaigns: Mapping[str, Followed], progress: Callable[[int, int], None] | None = None
    ) -> dict[str, list[Look]]:
        """The looks at each campaign, in time order, up to the first that confirms it.

        The hour of the alert is searched from the hour at which the evidence of the final members passes the
        threshold: in steps that start at `FINEST_SHARE_OF_AGE` of the campaign's age, or one hour, and
        double, and then by bisection between the last look that failed and the first that passed. The hour of
        the confirmation is the first of such steps that passes. The thresholds hold for looking at every
        hour, so skipping hours can only date a detection later.

        Args:
            campaigns: The campaigns, by name.
            progress: Called with the number of finished steps and of all steps.
        """
        done, steps = 0, 2 * len(campaigns)
        found: dict[str, list[Look]] = {}
        for name, one in campaigns.items():
            looks: dict[datetime, Look] = {}
            known: dict[datetime, float] = {}
            for bar in ("alerts", "confirms"):
                if progress is not None:
                    progress(done, steps)
                enough = attrgetter(bar)
                if not any(enough(look) for look in looks.values()):
                    guess = self._expected(one, enough, known)
                    self._seek(one, enough, max([guess, *looks]), looks, exact=bar == "alerts")
                done += 1
            found[name] = _until_confirmed(looks.values())
        if progress is not None:
            progress(steps, max(steps, 1))
        return found

    def _expected(
        self,
        one: Followed,
        enough: Callable[[Look], bool],
        known: dict[datetime, float],
    ) -> datetime:
        """The hour at which the evidence of a campaign's final members begins to pass a threshold; the hour
        after its last exchange where it never does.

        `enough` tests a look. `known` caches the campaign's log e-values by hour, and is extended.
        """
        group = Candidate(accounts=one.members, graph=one.graph)

        def passes(moment: datetime) -> bool:
            """Whether what is known up to a moment passes the threshold; each moment is computed once."""
            if moment not in known:
                alert = self._look(moment, 0.0, self.proposed).alert
                known[moment] = strongest([group], self._bench(self.until(moment)), least=alert) or 0.0
            return enough(self._look(moment, known[moment], self.proposed))

        hours = _hours(one.first, one.last)
        # In order, since evidence is not monotone: a group may be clearer in its first hours than later.
        low = next((place for place, hour in enumerate(hours) if passes(hour)), len(hours) - 1)
        before, after = hours[low - 1] if low else _hour(one.first), hours[low]
        while (middle := _between(before, after, _hour(one.first))) is not None:
            before, after = (before, middle) if passes(middle) else (middle, after)
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
        """Add looks to `looks`, from the hour `guess` on, until one passes `enough` or the campaign ends.

        Where `exact`, also search for the earliest hour that passes, to `FINEST_SHARE_OF_AGE` of the age.
        """
        first, end = _hour(one.first), _hour(one.last) + HOUR

        def passes(moment: datetime) -> bool:
            """Whether what is known up to a moment passes the threshold; each moment is computed once."""
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
        """The look at one hour: the best evidence among that hour's candidates of which most accounts are
        `members`.
        """
        summaries = self.until(moment)
        _links, candidates = _proposed(summaries, self.run, self.cluster)
        mine = [one for one in candidates if _mostly(one.accounts, members)]
        log_e = strongest(mine, self._bench(summaries)) if mine else None
        return self._look(moment, log_e or 0.0, len(candidates))

    def _bench(self, summaries: Summaries) -> Bench:
        """The bench of these summaries."""
        return bench(summaries, self.tests, self.explanations, self.run, self._expressions)

    def _look(self, moment: datetime, log_e: float, proposed: int) -> Look:
        """The judgement at a moment, with the two bars that held then."""
        age = round((moment - _hour(self.begin)) / HOUR)
        return Look(
            moment=moment,
            log_e=log_e,
            alert=alert_log_e(proposed, ALERTS_A_YEAR),
            confirm=confirm_log_e(proposed, self.fdr, age),
        )


def _step(share: float, age: timedelta) -> timedelta:
    """A `share` of `age`, rounded down to full hours, at least one hour."""
    return HOUR * max(share * age // HOUR, 1)


def _between(before: datetime, after: datetime, first: datetime) -> datetime | None:
    """The hour in the middle between `before`, which failed, and `after`, which passed; None where they are
    within one hour or `FINEST_SHARE_OF_AGE` of the age since `first`.
    """
    gap = after - before
    if gap <= max(HOUR, FINEST_SHARE_OF_AGE * (after - first)):
        return None
    return before + HOUR * (gap // HOUR // 2)


def _until_confirmed(looks: Iterable[Look]) -> list[Look]:
    """The looks in time order, up to the first that confirms."""
    kept: list[Look] = []
    for one in sorted(looks, key=lambda o: o.moment):
        kept.append(one)
        if one.confirms:
            break
    return kept


def _mostly(accounts: frozenset[str], members: frozenset[str]) -> bool:
    """Whether more than a share `SHARE_OF_CANDIDATE` of `accounts` are `members`."""
    return len(accounts & members) > SHARE_OF_CANDIDATE * len(accounts)


def _hour(moment: datetime) -> datetime:
    """The start of the hour of `moment`, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _hours(first: datetime, last: datetime) -> list[datetime]:
    """Full hours at `LOOKS_AFTER_H` after the first exchange, then the first full hour after the last one."""
    end = _hour(last) + HOUR
    hours = [_hour(first) + HOUR * step for step in LOOKS_AFTER_H]
    return [h for h in hours if h < end] + [end]
