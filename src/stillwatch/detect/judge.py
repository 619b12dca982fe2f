"""Evidence that a set of accounts is under one control, beyond every innocent explanation.

Each group test gives an e-value against its own null. Tests that one cause can bend together form a family,
whose e-value is the mean of its tests', valid under any dependence. Families of likeness (place, habit,
timing, purpose) describe a set and never count.

An innocent explanation bends some families for the accounts that carry its mark. Under the explanation,
accounts that one mark has in common count as one account in the families that it bends, and all accounts
count in the other families; a bent family counts no more than the number of unmarked accounts is evidence
that the mark did not just miss them; the mean over the families of control is an e-value under "this
explanation is the cause, or there is none". The evidence of a set is the least of these over all
explanations, an e-value under their union. `docs/methods/decision.md` derives it. `judge` is the only
judgement: of candidates, of members, of prefixes of a log.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.contract.summaries import Summaries
from stillwatch.detect.propose import SPARED, Candidate
from stillwatch.engine.cores import on_all_cores
from stillwatch.signals.registry import (
    CONTROL,
    FAMILIES,
    Explanation,
    Family,
    Finding,
    GroupTest,
    Labels,
    NoFinding,
    Outcome,
)
from stillwatch.signals.traits import Traits, traits
from stillwatch.stats.evalues import binomial_log_e, mean_log_e
from stillwatch.stats.fdr import e_bh_q_values

# Evidence below which no explanation is tried: it could only make it less.
LEAST_LOG_E_TRIED = float(np.log(5))
MOST_OTHERS = 12_000  # accounts that a group is compared with, drawn once for all groups
OTHERS_PER_ACCOUNT = 3  # times a group's accounts are in what it is compared with, or else all others are
SHARE_A_MARK_MISSES = 0.3  # share of a cause's accounts that its mark may miss, at most
ACCOUNTS_FOR_USUAL_MARKS = 1000  # accounts of which it is counted how many carry a mark
PROPOSED_BY_IT = NoFinding("the group was proposed by what the test reads")  # of a family in `SPARED`
EQUALLY_NEAR_LOG_E = 1.0  # log e-values that differ by less name explanations that come equally near


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One explanation against one set of accounts: how many carry its mark, how many accounts they count as,
    the log e-value of what it cannot produce, and by how much more often members carry the mark than other
    accounts.
    """

    explanation: Explanation
    marked: int
    effective: int
    log_e: float
    excess: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A set of accounts with its findings, its evidence, and the rate at which it is reported.

    `owners` are the declared owners of its accounts, each counted once. `families` are log e-values under
    independence, `unexplained` their combination, and `log_e` the evidence beyond every explanation in
    `trials`, which are empty where `unexplained` is not worth one.
    """

    candidate: Candidate
    owners: frozenset[int]
    findings: Mapping[str, Finding]
    families: Mapping[Family, float]
    unexplained: float
    trials: tuple[Trial, ...]
    log_e: float
    q_value: float

    @property
    def accounts(self) -> frozenset[str]:
        """The candidate's accounts."""
        return self.candidate.accounts

    def overlap(self, other: Judged) -> float:
        """Share of the smaller group's owners that the other has too."""
        return len(self.owners & other.owners) / max(1, min(len(self.owners), len(other.owners)))

    @property
    def nearest(self) -> Trial | None:
        """The explanation that leaves the least evidence; of several, the one whose mark sets members
        apart most.
        """
        if not self.trials:
            return None
        close = [t for t in self.trials if t.log_e <= self.log_e + EQUALLY_NEAR_LOG_E]
        return max(close, key=lambda t: (t.excess, t.explanation.card.name))


@dataclass(slots=True, kw_only=True)
class Outcomes:
    """What the tests returned, counted over groups.

    `groups` is the number of groups, `findings` has for each test the number of groups with a finding,
    `reasons` for each test the number of groups without one, by reason.
    """

    groups: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    reasons: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, outcomes: Mapping[str, Outcome]) -> None:
        """Count the outcomes of the tests, by their names, about one more group."""
        self.groups += 1
        for name, one in outcomes.items():
            if isinstance(one, NoFinding):
                self.reasons[name][one.reason] += 1
            else:
                self.findings[name] += 1

    def main_reason(self, test: str) -> tuple[str, int] | None:
        """The most frequent reason why the test has no finding, with the number of groups; of several the
        first in the alphabet. None where it was returned about no group.
        """
        reasons = self.reasons.get(test, Counter())
        return min(reasons.items(), key=lambda one: (-one[1], one[0]), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRows:
    """What one test asked of the engine: its columns, whose each row is, and where each account's rows are.

    `order` has the rows by account, those of account a from `starts[a]` to `starts[a + 1]`.
    """

    columns: Mapping[str, np.ndarray]
    account: np.ndarray
    order: np.ndarray
    starts: np.ndarray

    def of(self, accounts: np.ndarray) -> np.ndarray:
        """Places of the rows of these accounts."""
        begin, many = self.starts[accounts], self.starts[accounts + 1] - self.starts[accounts]
        ends = np.cumsum(many)
        return self.order[np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - many - begin, many)]

    def only(self, places: np.ndarray) -> TestRows:
        """Some of the rows."""
        return _indexed({name: values[places] for name, values in self.columns.items()}, len(self.starts) - 1)


def _indexed(columns: Mapping[str, np.ndarray], accounts: int) -> TestRows:
    account = columns["account"]
    order = np.argsort(account, kind="stable")
    return TestRows(
        columns=columns,
        account=account,
        order=order,
        starts=np.searchsorted(account[order], np.arange(accounts + 1)),
    )


Asked = tuple[Mapping[str, np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every test asked of the engine, once for all candidates.

    `others` are the accounts, drawn at random, that stand for all others where there are many more; `sampled`
    their rows.
    """

    tests: tuple[GroupTest, ...]
    explanations: tuple[Explanation, ...]
    traits: Traits
    rows: Mapping[str, TestRows]
    sampled: Mapping[str, TestRows]
    others: np.ndarray
    names: tuple[str, ...]
    owners: np.ndarray

    @cached_property
    def _place_of(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def family_of(self) -> Mapping[str, Family]:
        """Test → its family."""
        return {test.card.name: test.family for test in self.tests}

    @cached_property
    def usual(self) -> Mapping[str, float]:
        """Explanation → share of a sample of all accounts that carries its mark."""
        some = np.flatnonzero(self.others)
        some = some[:: max(1, len(some) // ACCOUNTS_FOR_USUAL_MARKS)]
        return {
            one.card.name: float((one.mark(self.traits, some) >= 0).mean()) if len(some) else 0.0
            for one in self.explanations
        }

    @cached_property
    def in_order(self) -> tuple[Explanation, ...]:
        """Explanations, those first whose mark most accounts carry: they are the likeliest to leave
        nothing.
        """
        return tuple(sorted(self.explanations, key=lambda one: (-self.usual[one.card.name], one.card.name)))

    def places(self, accounts: Iterable[str]) -> np.ndarray:
        """Where these accounts are among `names`, in order; those that no test has rows of are nowhere."""
        return np.array(sorted(self._place_of[a] for a in accounts if a in self._place_of), np.int64)

    def owners_of(self, accounts: Iterable[str]) -> frozenset[int]:
        """Who openly answers for these accounts, each owner once."""
        return frozenset(self.owners[self.places(accounts)].tolist())

    def asker(self, inside: np.ndarray) -> Callable[[GroupTest], Asked]:
        """For the accounts inside: a test's columns, and which rows are theirs; put together once for all
        tests of the same rows.
        """
        members = np.flatnonzero(inside)
        strangers = members[~self.others[members]]
        nearly_all = bool(self.others.all()) or OTHERS_PER_ACCOUNT * len(members) > self.others.sum()
        known: dict[tuple[int, bool, bool], Asked] = {}

        def asked(test: GroupTest) -> Asked:
            rows, some = self.rows[test.card.name], self.sampled[test.card.name]
            whole = test.everyone or nearly_all
            key = id(rows), whole, test.alone
            if key not in known:
                columns = rows.columns
                if test.alone:
                    mine = np.sort(rows.of(members))
                    columns = {name: values[mine] for name, values in columns.items()}
                elif not whole:
                    more = rows.of(strangers)
                    columns = {
                        name: np.concatenate([values, columns[name][more]])
                        for name, values in some.columns.items()
                    }
                known[key] = columns, inside[columns["account"]]
            return known[key]

        return asked


def bench(
    summaries: Summaries,
    tests: Sequence[GroupTest],
    explanations: Sequence[Explanation],
    run: Callable[[object], pa.Table],
) -> Bench:
    """Run the engine part of every test, and of the marks; `run` turns an expression into Arrow."""
    asked = {test.rows: test.card.name for test in tests}  # several tests may ask for the same rows
    tables = {}
    for rows, name in asked.items():
        table = rows(summaries)
        tables[name] = table if isinstance(table, pa.Table) else run(table)
    known = {name for table in tables.values() for name in pc.unique(table.column("account_id")).to_pylist()}
    names = {name: place for place, name in enumerate(sorted(known))}  # in an order that no engine chooses
    rng = np.random.default_rng(len(names))
    others = np.zeros(len(names), bool)
    others[rng.permutation(len(names))[:MOST_OTHERS]] = True

    def put_together(table: pa.Table) -> tuple[TestRows, TestRows]:
        encoded = table.column("account_id").combine_chunks().dictionary_encode()
        places = np.asarray([names[a] for a in encoded.dictionary.to_pylist()], np.int64)
        indices = encoded.indices.to_numpy()
        columns = {
            column: _numbers(table.column(column)) for column in table.column_names if column != "account_id"
        }
        columns["account"] = places[indices] if len(indices) else np.zeros(0, np.int64)
        whole = _indexed(columns, len(names))
        return whole, whole if others.all() else whole.only(np.flatnonzero(others[columns["account"]]))

    both = dict(zip(tables, on_all_cores(put_together, list(tables.values())), strict=True))
    whole = {test.card.name: both[asked[test.rows]][0] for test in tests}
    sampled = {test.card.name: both[asked[test.rows]][1] for test in tests}
    declared = run(summaries.owners)
    owner = dict(
        zip(declared.column("account_id").to_pylist(), declared.column("owner").to_pylist(), strict=True)
    )
    codes: dict[str, int] = {}
    owners = np.array([codes.setdefault(owner.get(name, name), len(codes)) for name in names], np.int64)
    return Bench(
        tests=tuple(tests),
        explanations=tuple(explanations),
        traits=traits(summaries, tuple(names), owners, run),
        rows=whole,
        sampled=sampled,
        others=others,
        names=tuple(names),
        owners=owners,
    )


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """A column as numbers; text as the number of its distinct value, -1 for none."""
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return np.asarray(column.to_numpy())
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)


def evidence(families: Mapping[Family, float]) -> float:
    """Log e-value of the families of control together: their mean, valid under any dependence."""
    return mean_log_e(np.asarray([families[family] for family in CONTROL]))


def judge(
    candidates: Sequence[Candidate],
    bench: Bench,
    *,
    described: bool = False,
    outcomes: Outcomes | None = None,
) -> list[Judged]:
    """Findings, evidence beyond every explanation, and q-value of every candidate, strongest first.

    Other candidates' accounts stay in the reference of each: leaving them in only makes a candidate look more
    ordinary. Accounts of one declared owner count once. A candidate is not tested on the families of which
    the graph that proposed it was made (`SPARED`). Tests of likeness are run where `described`. What the
    tests returned about the candidates is added to `outcomes`.
    """
    chosen = [t for t in bench.tests if described or t.family in CONTROL]

    def judged(candidate: Candidate) -> tuple[Judged, Mapping[str, Outcome]]:
        draft = _tested(candidate, bench, chosen)
        return _tried(draft, bench, described=described), draft.outcomes

    drafts = []
    for one, returned in on_all_cores(judged, candidates):
        drafts.append(one)
        if outcomes is not None:
            outcomes.add(returned)
    q_values = e_bh_q_values(np.asarray([one.log_e for one in drafts]))
    told = [replace(one, q_value=float(q)) for one, q in zip(drafts, q_values, strict=True)]
    return sorted(told, key=lambda j: -j.log_e)


def strongest(candidates: Sequence[Candidate], bench: Bench) -> float | None:
    """The highest log e-value beyond every explanation of these candidates, as `judge` gives it; None of no
    candidate.

    Explanations can only lessen the evidence, so they are tried until no candidate that is left can have
    more.
    """
    tests = [t for t in bench.tests if t.family in CONTROL]
    drafts = list(on_all_cores(lambda candidate: _tested(candidate, bench, tests), candidates))
    best: float | None = None
    for draft in sorted(drafts, key=lambda one: -one.unexplained):
        if best is not None and draft.unexplained <= best:
            break
        log_e = _tried(draft, bench, described=False).log_e
        best = log_e if best is None else max(best, log_e)
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What the tests say of a candidate before any explanation is tried: `places` are those of one account of
    each owner, `counted` the tests that the graph which proposed it leaves.
    """

    candidate: Candidate
    places: Labels
    counted: tuple[GroupTest, ...]
    outcomes: Mapping[str, Outcome]
    families: Mapping[Family, float]
    unexplained: float


def _tested(candidate: Candidate, bench: Bench, tests: Sequence[GroupTest]) -> Tested:
    places = _one_of_each_owner(bench, candidate)
    spared = SPARED.get(candidate.graph, ())
    counted = tuple(t for t in tests if t.family not in spared)
    outcomes = _outcomes(bench, counted, places)
    families = _families(bench, _findings(outcomes))
    return Tested(
        candidate=candidate,
        places=places,
        counted=counted,
        outcomes=outcomes | {t.card.name: PROPOSED_BY_IT for t in tests if t.family in spared},
        families=families,
        unexplained=evidence(families),
    )


def _tried(draft: Tested, bench: Bench, *, described: bool) -> Judged:
    """A candidate that was tested, beyond every explanation; with q-value 1."""
    trials: tuple[Trial, ...] = ()
    if draft.unexplained > LEAST_LOG_E_TRIED:
        control = [t for t in draft.counted if t.family in CONTROL]
        trials = _trials(bench, control, draft.places, draft.families, whole=described)
    return Judged(
        candidate=draft.candidate,
        owners=frozenset(bench.owners[draft.places].tolist()),
        findings=_findings(draft.outcomes),
        families=draft.families,
        unexplained=draft.unexplained,
        trials=trials,
        log_e=min([draft.unexplained, *(t.log_e for t in trials)]),
        q_value=1.0,
    )


def control_of(candidate: Candidate, bench: Bench) -> dict[Family, float]:
    """Log e-value under independence of each family of control, as `judge` counts it; no explanation is
    tried.
    """
    spared = SPARED.get(candidate.graph, ())
    tests = [t for t in bench.tests if t.family in CONTROL and t.family not in spared]
    found = _families(bench, _findings(_outcomes(bench, tests, _one_of_each_owner(bench, candidate))))
    return {family: found[family] for family in CONTROL}


def _one_of_each_owner(bench: Bench, candidate: Candidate) -> Labels:
    """Places of the candidate's accounts, of each declared owner the first alone."""
    places = bench.places(candidate.accounts)
    _owner, first = np.unique(bench.owners[places], return_index=True)
    return places[np.sort(first)]


def _trials(
    bench: Bench,
    tests: Sequence[GroupTest],
    representatives: Labels,
    families: Mapping[Family, float],
    *,
    whole: bool,
) -> tuple[Trial, ...]:
    """Explanations against the accounts at these places, whose families have these log e-values under
    independence: all of them where `whole`, else until one leaves nothing worth another.
    """
    known: dict[tuple[bytes, Family], float] = {}

    def left(kept: Labels, family: Family) -> float:
        key = kept.tobytes(), family
        if key not in known:
            mine = [t for t in tests if t.family == family]
            known[key] = _families(bench, _findings(_outcomes(bench, mine, kept)))[family]
        return known[key]

    out = []
    for one in bench.in_order:
        labels = one.mark(bench.traits, representatives)
        marked = labels >= 0
        _labels, first = np.unique(labels[marked], return_index=True)
        kept = np.sort(np.concatenate([representatives[~marked], representatives[marked][first]]))
        largest = int(np.bincount(labels[marked]).max()) if marked.any() else 0
        missed = binomial_log_e(len(representatives) - largest, len(representatives), SHARE_A_MARK_MISSES)
        bent = {
            family: min(left(kept, family), missed, families[family])
            if family in one.bends and len(kept) < len(representatives) and families[family] > 0
            else families[family]
            for family in CONTROL
        }
        share = float(marked.mean()) if len(representatives) else 0.0
        out.append(
            Trial(
                explanation=one,
                marked=int(marked.sum()),
                effective=len(kept),
                log_e=evidence(bent),
                excess=share - bench.usual[one.card.name],
            )
        )
        if not whole and out[-1].log_e <= LEAST_LOG_E_TRIED:
            break
    return tuple(out)


def _outcomes(bench: Bench, tests: Sequence[GroupTest], accounts: Labels) -> dict[str, Outcome]:
    """What these tests return about the accounts at these places."""
    inside = np.zeros(len(bench.names), bool)
    inside[accounts] = True
    asked = bench.asker(inside)
    return {test.card.name: test.statistic(*asked(test)) for test in tests}


def _findings(outcomes: Mapping[str, Outcome]) -> dict[str, Finding]:
    return {name: one for name, one in outcomes.items() if isinstance(one, Finding)}


def _families(bench: Bench, findings: Mapping[str, Finding]) -> dict[Family, float]:
    """Log e-value of every family: the mean of its tests, 0 where none has a finding."""
    return {
        family: mean_log_e(np.asarray([f.log_e for n, f in findings.items() if bench.family_of[n] == family]))
        for family in FAMILIES
    }
