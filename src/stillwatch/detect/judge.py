"""Is a candidate more than a crowd of independent accounts?

Every group test gives an e-value against its own null. Tests that one innocent cause can bend together form a
family, whose e-value is the mean of its tests', valid under any dependence. Two routes lead to a report.

* Control and likeness. Likeness (one place, one habit, joint timing, one purpose) is what an office, a class or a
  tool's users have too. Control (many cards each behind several accounts, work divided, volumes evened out, hidden
  reasoning forced out by most of them) is what a crowd of independent people does not have, whatever else it
  shares. Both must speak.
* Timing and purpose, unexplained. A crowd that moves together and asks for the same has a cause: a place, a tool, a
  list. Each leaves a mark, and a test that finds the mark silences the families it explains. Both must speak and
  neither be silenced.

"Both must speak" is the smaller of two e-values: an e-value against "at least one of the two nulls holds". The mean
of the routes is an e-value for a crowd that takes neither, and goes into e-BH, which holds the false-discovery
rate under arbitrary dependence. `docs/methods/decision.md` derives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.contract.summaries import Summaries
from stillwatch.detect.propose import SPARED, Candidate
from stillwatch.engine.cores import on_all_cores
from stillwatch.signals.registry import CONTROL, FAMILIES, LIKENESS, Finding, GroupTest
from stillwatch.stats.evalues import mean_log_e
from stillwatch.stats.fdr import e_bh_q_values

DECIDING = (*CONTROL, "purpose")
WORTH_TIMING = float(np.log(5))  # without control and without purpose neither route can lead to a report
OTHERS = 12_000  # accounts that a group is compared with, drawn once for all groups
AS_MANY = 3  # times a group's accounts are in what it is compared with, or else all others are
PLACED = float(np.log(20))  # a common place this clear explains why a group moves together


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A candidate with its findings, the combined log e-value, and the rate at which it is reported.

    `voices` are the owners of its accounts, of each of whom one account was heard: the evidence is of so many, whatever the
    number of accounts.
    """

    candidate: Candidate
    voices: frozenset[int]
    findings: Mapping[str, Finding]
    families: Mapping[str, float]
    log_e: float
    q_value: float

    @property
    def accounts(self) -> frozenset[str]:
        """The candidate's accounts."""
        return self.candidate.accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
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

    def only(self, places: np.ndarray) -> Rows:
        """Some of the rows."""
        return _indexed({name: values[places] for name, values in self.columns.items()}, len(self.starts) - 1)


def _indexed(columns: Mapping[str, np.ndarray], accounts: int) -> Rows:
    account = columns["account"]
    order = np.argsort(account, kind="stable")
    return Rows(
        columns=columns,
        account=account,
        order=order,
        starts=np.searchsorted(account[order], np.arange(accounts + 1)),
    )


Asked = tuple[Mapping[str, np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every test asked of the engine, once for all candidates.

    `others` are the accounts, drawn at random, that stand for all others where there are many more; `sampled` their rows.
    """

    tests: tuple[GroupTest, ...]
    rows: Mapping[str, Rows]
    sampled: Mapping[str, Rows]
    others: np.ndarray
    names: tuple[str, ...]
    owners: np.ndarray

    @cached_property
    def _place_of(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def places(self, accounts: Iterable[str]) -> np.ndarray:
        """Where these accounts are among `names`, in order; those that no test has rows of are nowhere."""
        return np.array(sorted(self._place_of[a] for a in accounts if a in self._place_of), np.int64)

    def voices(self, accounts: Iterable[str]) -> frozenset[int]:
        """Who openly answers for these accounts, each owner once."""
        return frozenset(self.owners[self.places(accounts)].tolist())

    def asker(self, inside: np.ndarray) -> Callable[[GroupTest], Asked]:
        """For the accounts inside: a test's columns, and which rows are theirs; put together once for all tests of the same
        rows.
        """
        members = np.flatnonzero(inside)
        strangers = members[~self.others[members]]
        nearly_all = bool(self.others.all()) or AS_MANY * len(members) > self.others.sum()
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


def bench(summaries: Summaries, tests: Sequence[GroupTest], run: Callable[[object], pa.Table]) -> Bench:
    """Run the engine part of every test; `run` turns an expression into Arrow."""
    asked = {test.rows: test.card.name for test in tests}  # several tests may ask for the same rows
    tables = {name: run(rows(summaries)) for rows, name in asked.items()}
    known = {name for table in tables.values() for name in pc.unique(table.column("account_id")).to_pylist()}
    names = {name: place for place, name in enumerate(sorted(known))}  # in an order that no engine chooses
    rng = np.random.default_rng(len(names))
    others = np.zeros(len(names), bool)
    others[rng.permutation(len(names))[:OTHERS]] = True

    def put_together(table: pa.Table) -> tuple[Rows, Rows]:
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
    rows, sampled = ({name: pair[side] for name, pair in both.items()} for side in (0, 1))
    for test in tests:
        rows[test.card.name] = rows[asked[test.rows]]
        sampled[test.card.name] = sampled[asked[test.rows]]
    declared = run(summaries.owners)
    owner = dict(
        zip(declared.column("account_id").to_pylist(), declared.column("owner").to_pylist(), strict=True)
    )
    codes: dict[str, int] = {}
    owners = np.array([codes.setdefault(owner.get(name, name), len(codes)) for name in names], np.int64)
    return Bench(
        tests=tuple(tests), rows=rows, sampled=sampled, others=others, names=tuple(names), owners=owners
    )


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """A column as numbers; text as the number of its distinct value, -1 for none."""
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return np.asarray(column.to_numpy())
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)


def evidence(families: Mapping[str, float]) -> float:
    """Combined log e-value of a candidate, from those of its families."""
    control, likeness = (mean_log_e(np.asarray([families[f] for f in tier])) for tier in (CONTROL, LIKENESS))
    routes = min(control, likeness), min(families["timing"], families["purpose"])
    return mean_log_e(np.asarray(routes))


def _findings(asked: Callable[[GroupTest], Asked], tests: Sequence[GroupTest]) -> dict[str, Finding]:
    findings = {test.card.name: test.statistic(*asked(test)) for test in tests}
    return {name: finding for name, finding in findings.items() if finding is not None}


def judge(
    candidates: Sequence[Candidate], bench: Bench, tests: Sequence[GroupTest] | None = None
) -> list[Judged]:
    """Findings, combined evidence and q-value of every candidate, strongest first.

    Other candidates' accounts stay in the reference of each: leaving them in only makes a candidate look more
    ordinary. Of accounts that one owner openly answers for, one speaks for all. A candidate is not tested on the families
    of which the graph that proposed it was made (`SPARED`). `tests` are all of the bench's unless given.
    """
    tests = bench.tests if tests is None else tests

    def weighed(candidate: Candidate) -> Judged:
        places = bench.places(candidate.accounts)
        findings, families = _weighed(candidate, places, bench, tests)
        return Judged(
            candidate=candidate,
            voices=frozenset(bench.owners[places].tolist()),
            findings=findings,
            families=families,
            log_e=evidence(families),
            q_value=1.0,
        )

    drafts = list(on_all_cores(weighed, candidates))
    q_values = e_bh_q_values(np.asarray([one.log_e for one in drafts]))
    judged = [replace(one, q_value=float(q)) for one, q in zip(drafts, q_values, strict=True)]
    return sorted(judged, key=lambda j: -j.log_e)


def _weighed(
    candidate: Candidate, places: np.ndarray, bench: Bench, tests: Sequence[GroupTest]
) -> tuple[dict[str, Finding], dict[str, float]]:
    """Findings about the accounts at these places, and the log e-value of every family."""
    family_of = {test.card.name: test.family for test in bench.tests}
    inside = np.zeros(len(bench.names), bool)
    inside[places[np.unique(bench.owners[places], return_index=True)[1]]] = True
    asked = bench.asker(inside)
    findings = _findings(asked, [t for t in tests if t.family != "timing"])
    if any(f.log_e > WORTH_TIMING and family_of[n] in DECIDING for n, f in findings.items()):
        findings |= _findings(asked, [t for t in tests if t.family == "timing"])
    silent = {family for finding in findings.values() for family in finding.silences}
    if any(f.log_e > PLACED for n, f in findings.items() if family_of[n] == "place"):
        silent.add("timing")
    spared = SPARED.get(candidate.graph, ())
    findings = {n: f for n, f in findings.items() if family_of[n] not in spared}
    families: dict[str, float] = {
        family: -np.inf
        if family in silent
        else mean_log_e(np.asarray([f.log_e for n, f in findings.items() if family_of[n] == family]))
        for family in FAMILIES
    }
    return findings, families
