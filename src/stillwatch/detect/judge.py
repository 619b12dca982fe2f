"""Evidence that a set of accounts is under one control, beyond every innocent explanation.

Each group test gives an e-value against its own null. Tests whose results one cause can change together form
a family, whose e-value is the mean of its tests' e-values, valid under any dependence. Families of likeness
(place, habit, timing, purpose) describe a set and never count.

An innocent explanation can raise ("bend") the evidence of some families for accounts that carry its mark. To
try an explanation, accounts with one label of its mark count as one account in the families that it bends;
all accounts count in the other families. The e-value of a bent family is also at most the e-value against "at
most a share `SHARE_A_MARK_MISSES` of the accounts lacks the mark's most frequent label". The mean over the
families of control is then an e-value under "this explanation is the cause, or there is none". The evidence
of a set is the least of these over all explanations, an e-value under their union. `docs/methods/decision.md`
derives it. `judge` is used for candidates, for members and for prefixes of a log alike.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter

import ibis.expr.types as ir
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
    all_group_tests,
)
from stillwatch.signals.traits import Traits, traits
from stillwatch.stats.evalues import binomial_log_e, mean_log_e
from stillwatch.stats.fdr import e_bh_q_values

# Log e-value up to which no explanation is tried, since explanations only lower it.
LEAST_LOG_E_TRIED = float(np.log(5))
MOST_OTHERS = 12_000  # accounts of the random sample with which groups are compared
OTHERS_PER_ACCOUNT = 3  # size of the sample, in multiples of a group, below which all others are compared
SHARE_A_MARK_MISSES = 0.3  # share of a cause's accounts, at most, that do not carry its mark
ACCOUNTS_FOR_USUAL_MARKS = 1000  # accounts, roughly, in which the frequency of a mark is counted
PROPOSED_BY_IT = NoFinding("the group was proposed by what the test reads")  # for families in `SPARED`
OWNERS = attrgetter("owners")  # the table `Summaries.owners`, as the engine evaluates it
EQUALLY_NEAR_LOG_E = 1.0  # log e-values of explanations within this of the least count as equally near


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Result of trying one explanation on one set of accounts.

    * `marked`: number of accounts that carry the mark.
    * `effective`: number of accounts of the set, when those with one label count as one.
    * `log_e`: natural-log e-value of the evidence that the explanation cannot produce.
    * `excess`: share of the set that carries the mark, less the share of other accounts.
    """

    explanation: Explanation
    marked: int
    effective: int
    log_e: float
    excess: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A candidate with its findings and its evidence. All e-values are natural logarithms.

    * `owners`: codes of the declared owners of its accounts.
    * `findings`: test → finding, for the tests that have one.
    * `families`: family → log e-value against its tests' nulls, before any explanation.
    * `unexplained`: log e-value of the families of control together.
    * `trials`: the explanations tried; empty where `unexplained` is at most `LEAST_LOG_E_TRIED`.
    * `log_e`: evidence beyond every explanation, the least of `unexplained` and the trials'.
    * `q_value`: false-discovery rate at which it would be reported among the candidates judged with it.
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

    def strongest_of(self, family: Family) -> Finding | None:
        """The finding with the highest e-value among the tests of a family; None where none has one."""
        names = [test.card.name for test in all_group_tests() if test.family == family]
        found = [self.findings[name] for name in names if name in self.findings]
        return max(found, key=lambda one: one.log_e, default=None)

    def overlap(self, other: Judged) -> float:
        """Number of common owners, divided by the number of owners of the smaller group."""
        return len(self.owners & other.owners) / max(1, min(len(self.owners), len(other.owners)))

    @property
    def nearest(self) -> Trial | None:
        """The explanation that leaves the least evidence; among those within `EQUALLY_NEAR_LOG_E` of it, the
        one with the largest `excess`. None where no explanation was tried.
        """
        if not self.trials:
            return None
        close = [t for t in self.trials if t.log_e <= self.log_e + EQUALLY_NEAR_LOG_E]
        return max(close, key=lambda t: (t.excess, t.explanation.card.name))


@dataclass(slots=True, kw_only=True)
class Outcomes:
    """Counts of the tests' outcomes over groups.

    `groups` is the number of groups; `findings` has for each test the number of groups with a finding;
    `reasons` has for each test the number of groups without one, by reason.
    """

    groups: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    reasons: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, outcomes: Mapping[str, Outcome]) -> None:
        """Add the outcomes of one group, by name of the test."""
        self.groups += 1
        for name, one in outcomes.items():
            if isinstance(one, NoFinding):
                self.reasons[name][one.reason] += 1
            else:
                self.findings[name] += 1

    def main_reason(self, test: str) -> tuple[str, int] | None:
        """The most frequent reason for which the test had no finding, and its number of groups; the first in
        alphabetical order of equally frequent ones. None where the test always had a finding or never ran.
        """
        reasons = self.reasons.get(test, Counter())
        return min(reasons.items(), key=lambda one: (-one[1], one[0]), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRows:
    """The rows of one test about all accounts, indexed by account.

    `columns` are arrays by name; `account` is the number of each row's account. The rows of account a are
    `order[starts[a]:starts[a + 1]]`.
    """

    columns: Mapping[str, np.ndarray]
    account: np.ndarray
    order: np.ndarray
    starts: np.ndarray

    def of(self, accounts: np.ndarray) -> np.ndarray:
        """Positions of the rows of the accounts with these numbers, grouped by account."""
        begin, many = self.starts[accounts], self.starts[accounts + 1] - self.starts[accounts]
        ends = np.cumsum(many)
        return self.order[np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - many - begin, many)]

    def only(self, places: np.ndarray) -> TestRows:
        """The rows at these positions, indexed again."""
        return _indexed({name: values[places] for name, values in self.columns.items()}, len(self.starts) - 1)


def _indexed(columns: Mapping[str, np.ndarray], accounts: int) -> TestRows:
    """`TestRows` of these columns, which include `account`; `accounts` is the number of all accounts."""
    account = columns["account"]
    order = np.argsort(account, kind="stable")
    return TestRows(
        columns=columns,
        account=account,
        order=order,
        starts=np.searchsorted(account[order], np.arange(accounts + 1)),
    )


TestInput = tuple[Mapping[str, np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The rows of every test and the traits of every account, each evaluated once for all candidates.

    Accounts are numbered in the order of `names`; `owners` has the code of each one's declared owner. `rows`
    has the rows of each test. `traits_of` computes `traits`, from the tables of which the bench was made, so
    they must still be there. `others` is the mask of a random sample of at most `MOST_OTHERS` accounts, with
    which groups are compared, and `sampled` has their rows.
    """

    tests: tuple[GroupTest, ...]
    explanations: tuple[Explanation, ...]
    traits_of: Callable[[], Traits]
    rows: Mapping[str, TestRows]
    sampled: Mapping[str, TestRows]
    others: np.ndarray
    names: tuple[str, ...]
    owners: np.ndarray

    @cached_property
    def traits(self) -> Traits:
        """The traits of every account, computed when the first explanation is tried."""
        return self.traits_of()

    @cached_property
    def _place_of(self) -> Mapping[str, int]:
        """Number of each account, by name."""
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def family_of(self) -> Mapping[str, Family]:
        """Name of a test → its family."""
        return {test.card.name: test.family for test in self.tests}

    @cached_property
    def usual(self) -> Mapping[str, float]:
        """Name of an explanation → share of a sample of all accounts that carries its mark."""
        some = np.flatnonzero(self.others)
        some = some[:: max(1, len(some) // ACCOUNTS_FOR_USUAL_MARKS)]
        return {
            one.card.name: float((one.mark(self.traits, some) >= 0).mean()) if len(some) else 0.0
            for one in self.explanations
        }

    @cached_property
    def in_order(self) -> tuple[Explanation, ...]:
        """Explanations by falling frequency of their mark: frequent ones most often leave no evidence, and
        are tried first.
        """
        return tuple(sorted(self.explanations, key=lambda one: (-self.usual[one.card.name], one.card.name)))

    def places(self, accounts: Iterable[str]) -> np.ndarray:
        """Sorted positions of these accounts in `names`; accounts without rows in any test are left out."""
        return np.array(sorted(self._place_of[a] for a in accounts if a in self._place_of), np.int64)

    def owners_of(self, accounts: Iterable[str]) -> frozenset[int]:
        """Codes of the declared owners of these accounts."""
        return frozenset(self.owners[self.places(accounts)].tolist())

    def asker(self, inside: np.ndarray) -> Callable[[GroupTest], TestInput]:
        """A function that gives the arguments of a test's statistic for one group: columns and members' mask.

        `inside` is the group's mask over accounts. Arguments are cached, since several tests read one table.
        """
        members = np.flatnonzero(inside)
        strangers = members[~self.others[members]]
        nearly_all = bool(self.others.all()) or OTHERS_PER_ACCOUNT * len(members) > self.others.sum()
        known: dict[tuple[int, bool, bool], TestInput] = {}

        def arguments_of(test: GroupTest) -> TestInput:
            """Columns and members' mask for one test, made once for tests that read the same rows."""
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

        return arguments_of


class Expressions:
    """Expressions made from summaries, each made again only when a table of the summaries is another object.

    The summaries of a log before different moments have the same tables (`flows.summarise.Prefixes`), and on
    a small log making an expression takes longer than evaluating it.
    """

    def __init__(self) -> None:
        self._made: dict[object, tuple[tuple[ir.Table, ...], ir.Table]] = {}

    def of(
        self, make: Callable[[Summaries], ir.Table | pa.Table], summaries: Summaries
    ) -> ir.Table | pa.Table:
        """`make(summaries)`."""
        tables = summaries.tables
        known = self._made.get(make)
        if known is not None and all(a is b for a, b in zip(known[0], tables, strict=True)):
            return known[1]
        made = make(summaries)
        if isinstance(made, ir.Table):
            self._made[make] = tables, made
        return made


def bench(
    summaries: Summaries,
    tests: Sequence[GroupTest],
    explanations: Sequence[Explanation],
    run: Callable[[ir.Table], pa.Table],
    expressions: Expressions | None = None,
) -> Bench:
    """Evaluate the rows of every test for these summaries; traits are evaluated when they are needed.

    `run` evaluates an expression of the engine to an Arrow table. Explanations are only stored. `expressions`
    are those of earlier calls, where there are any.
    """
    expressions = expressions or Expressions()

    def ask(make: Callable[[Summaries], ir.Table | pa.Table]) -> pa.Table:
        """The table that `make` gives for these summaries; an expression is computed by the engine."""
        table = expressions.of(make, summaries)
        return table if isinstance(table, pa.Table) else run(table)

    name_of_rows = {test.rows: test.card.name for test in tests}  # several tests may read the same rows
    tables = {name: ask(rows) for rows, name in name_of_rows.items()}
    shown = [pc.unique(table.column("account_id")).cast(pa.string()) for table in tables.values()]
    known = pc.unique(pa.chunked_array(shown, pa.string()))
    # The order decides which account represents others, so it is neither that of the engine nor of names.
    place = pc.index_in(known, summaries.phrases.names).fill_null(len(summaries.phrases.names))
    known = pa.table({"place": place, "name": known}).sort_by([("place", "ascending"), ("name", "ascending")])
    known = known.column("name").combine_chunks()
    names = known.to_pylist()
    rng = np.random.default_rng(len(names))
    others = np.zeros(len(names), bool)
    others[rng.permutation(len(names))[:MOST_OTHERS]] = True

    def put_together(table: pa.Table) -> tuple[TestRows, TestRows]:
        """A test's rows as arrays, of all accounts and of the sampled ones."""
        columns = {
            column: _numbers(table.column(column)) for column in table.column_names if column != "account_id"
        }
        columns["account"] = pc.index_in(table.column("account_id"), known).to_numpy().astype(np.int64)
        whole = _indexed(columns, len(names))
        return whole, whole if others.all() else whole.only(np.flatnonzero(others[columns["account"]]))

    both = dict(zip(tables, on_all_cores(put_together, list(tables.values())), strict=True))
    whole = {test.card.name: both[name_of_rows[test.rows]][0] for test in tests}
    sampled = {test.card.name: both[name_of_rows[test.rows]][1] for test in tests}
    declared = ask(OWNERS)
    owner = dict(
        zip(declared.column("account_id").to_pylist(), declared.column("owner").to_pylist(), strict=True)
    )
    codes: dict[str, int] = {}
    owners = np.array([codes.setdefault(owner.get(name, name), len(codes)) for name in names], np.int64)
    return Bench(
        tests=tuple(tests),
        explanations=tuple(explanations),
        traits_of=lambda: traits(ask, summaries, tuple(names), owners),
        rows=whole,
        sampled=sampled,
        others=others,
        names=tuple(names),
        owners=owners,
    )


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """A column as numbers; text as codes of its distinct values, -1 for null."""
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return np.asarray(column.to_numpy())
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)


def evidence(families: Mapping[Family, float]) -> float:
    """Natural-log e-value of the families of control together: the mean of their e-values, valid under any
    dependence.
    """
    return mean_log_e(np.asarray([families[family] for family in CONTROL]))


def judge(
    candidates: Sequence[Candidate],
    bench: Bench,
    *,
    described: bool = False,
    outcomes: Outcomes | None = None,
) -> list[Judged]:
    """Findings, evidence beyond every explanation, and q-value of every candidate, strongest first.

    Accounts of one declared owner count once. Each candidate is compared with all other accounts, those of
    other candidates included, which only lowers its evidence. It is not tested on the families in `SPARED`
    for the graph that proposed it.

    Args:
        candidates: The groups to judge; q-values are among these.
        bench: Result of the function `bench`.
        described: Whether to run the tests of likeness too, and to try every explanation rather than stop
            when no evidence is left.
        outcomes: Counter to which the tests' outcomes are added.
    """
    chosen = [t for t in bench.tests if described or t.family in CONTROL]
    drafts = list(on_all_cores(lambda one: _tested(one, bench, chosen), candidates))
    if outcomes is not None:
        for draft in drafts:
            outcomes.add(draft.outcomes)
    if any(draft.unexplained > LEAST_LOG_E_TRIED for draft in drafts):
        _ = bench.in_order  # computed here, once, and not by each core
    judged = list(on_all_cores(lambda draft: _tried(draft, bench, described=described), drafts))
    q_values = e_bh_q_values(np.asarray([one.log_e for one in judged]))
    with_q_values = [replace(one, q_value=float(q)) for one, q in zip(judged, q_values, strict=True)]
    return sorted(with_q_values, key=lambda j: -j.log_e)


def strongest(candidates: Sequence[Candidate], bench: Bench, *, least: float = 0.0) -> float | None:
    """The highest `log_e` that `judge` would give one of these candidates; None for no candidates. Where that
    is at most `least`, any number up to `least` may be returned.

    Explanations only lower the evidence, so those of a candidate are not tried where its evidence before any
    explanation does not exceed the highest found, or `least`.
    """
    tests = [t for t in bench.tests if t.family in CONTROL]
    drafts = list(on_all_cores(lambda candidate: _tested(candidate, bench, tests), candidates))
    best: float | None = None
    for draft in sorted(drafts, key=lambda one: -one.unexplained):
        if draft.unexplained <= (least if best is None else max(least, best)):
            return draft.unexplained if best is None else best
        log_e = _tried(draft, bench, described=False).log_e
        best = log_e if best is None else max(best, log_e)
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A candidate after its tests and before any explanation is tried.

    `places` are the positions of its accounts in the bench, one account per owner; `counted` are the tests
    whose family is not in `SPARED` for its graph. The other fields are as in `Judged`.
    """

    candidate: Candidate
    places: Labels
    counted: tuple[GroupTest, ...]
    outcomes: Mapping[str, Outcome]
    families: Mapping[Family, float]
    unexplained: float


def _tested(candidate: Candidate, bench: Bench, tests: Sequence[GroupTest]) -> Tested:
    """The candidate with the outcomes of `tests`, without the families in `SPARED` for its graph."""
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
    """The tested candidate with its evidence beyond every explanation; the q-value is 1 until it is set."""
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
    """Log e-value of each family of control for a candidate, as in `judge`, before any explanation."""
    spared = SPARED.get(candidate.graph, ())
    tests = [t for t in bench.tests if t.family in CONTROL and t.family not in spared]
    found = _families(bench, _findings(_outcomes(bench, tests, _one_of_each_owner(bench, candidate))))
    return {family: found[family] for family in CONTROL}


def _one_of_each_owner(bench: Bench, candidate: Candidate) -> Labels:
    """Positions of the candidate's accounts in the bench, with only the first account of each owner."""
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
    """Trials of the explanations on the accounts at positions `representatives`.

    `families` are their log e-values before any explanation. All explanations are tried where `whole`; else
    trials stop when one leaves at most `LEAST_LOG_E_TRIED`.
    """
    known: dict[tuple[bytes, Family], float] = {}

    def left(kept: Labels, family: Family) -> float:
        """Log e-value of a family's tests on the accounts `kept`, computed once for each mask."""
        key = kept.tobytes(), family
        if key not in known:
            mine = [t for t in tests if t.family == family]
            known[key] = _families(bench, _findings(_outcomes(bench, mine, kept)))[family]
        return known[key]

    def tried(one: Explanation) -> tuple[Trial, dict[Family, float]]:
        """The trial of an explanation alone, and the log e-value of each family of control under it."""
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
        trial = Trial(
            explanation=one,
            marked=int(marked.sum()),
            effective=len(kept),
            log_e=evidence(bent),
            excess=share - bench.usual[one.card.name],
        )
        return trial, bent

    beside = [tried(one) for one in bench.in_order if one.accompanies]
    least = {
        family: min([families[family], *(bent[family] for _trial, bent in beside)]) for family in CONTROL
    }
    out = [trial for trial, _bent in beside]
    for one in (other for other in bench.in_order if not other.accompanies):
        if not whole and out and out[-1].log_e <= LEAST_LOG_E_TRIED:
            break
        trial, bent = tried(one)
        both = {family: min(bent[family], least[family]) for family in CONTROL}
        out.append(replace(trial, log_e=evidence(both)))
    return tuple(out)


def _outcomes(bench: Bench, tests: Sequence[GroupTest], accounts: Labels) -> dict[str, Outcome]:
    """Outcome of each test, by name, for the accounts at these positions."""
    inside = np.zeros(len(bench.names), bool)
    inside[accounts] = True
    arguments_of = bench.asker(inside)
    return {test.card.name: test.statistic(*arguments_of(test)) for test in tests}


def _findings(outcomes: Mapping[str, Outcome]) -> dict[str, Finding]:
    """The outcomes that are findings."""
    return {name: one for name, one in outcomes.items() if isinstance(one, Finding)}


def _families(bench: Bench, findings: Mapping[str, Finding]) -> dict[Family, float]:
    """Log e-value of every family: the mean of its tests' e-values; 0.0 where none has a finding."""
    return {
        family: mean_log_e(np.asarray([f.log_e for n, f in findings.items() if bench.family_of[n] == family]))
        for family in FAMILIES
    }
