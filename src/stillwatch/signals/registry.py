"""Types of signals (indicators, group tests, explanations), their declaration, and their discovery.

A signal is one object in a module of the same name, or one that an entry point of an installed package names
(`INDICATORS`, `GROUP_TESTS`, `EXPLANATIONS`). An *indicator* is a kind of value that accounts can share; a
*group test* is evidence against a stated null about a group of accounts. Signals measure; the weights and
thresholds that are applied to their results are in `detect`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ibis.common.exceptions import IbisError

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.observations import OBSERVATIONS, OBSERVED
from stillwatch.contract.releases import RELEASES
from stillwatch.contract.summaries import Summaries
from stillwatch.plugins import units
from stillwatch.signals import explanations, group_tests, indicators
from stillwatch.signals.marks import with_labels
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting
from stillwatch.stats.arrays import Bools, Ints
from stillwatch.suggestions import did_you_mean

Family = Literal[
    "ownership",
    "handoff",
    "coercion",
    "division",
    "fungible",
    "turns",
    "load",
    "place",
    "habit",
    "timing",
    "purpose",
]
# Families whose tests can count towards a report (`CONTROL`), and those that only describe (`LIKENESS`).
CONTROL: tuple[Family, ...] = ("ownership", "handoff", "coercion", "division", "fungible", "turns", "load")
# Families that say how alike accounts are, which a common cause also produces.
LIKENESS: tuple[Family, ...] = ("place", "habit", "timing", "purpose")
FAMILIES: tuple[Family, ...] = CONTROL + LIKENESS  # all families of group tests
TABLES = {table.name: table for table in (OBSERVATIONS, ACCOUNTS, RELEASES)}
"""Schemas of the tables that a signal may read, by name."""
FORBIDDEN = ("prompt", "response", "system_prompt")  # columns of text, which a signal may not read
GraphName = Literal["behaviour", "network", "words", "client", "attributes"]
GRAPHS: tuple[GraphName, ...] = ("behaviour", "network", "words", "client", "attributes")
"""Names of the graphs whose clusters are candidates, each with the links of some indicators."""
INDICATORS, GROUP_TESTS, EXPLANATIONS = (
    f"stillwatch.{name}" for name in ("indicators", "group_tests", "explanations")
)
"""Names of the entry-point groups in which other packages register signals and explanations."""
Columns = Mapping[str, npt.NDArray[np.generic]]
Mask = Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Description of a signal, from which its page, its line in the report and its tests are generated.

    `reads` are names `table.column` of columns of the contract, all of one table of `TABLES`. Raises
    `TypeError` where `reads` is empty, names anything else, names a column of text or names several tables.
    """

    name: str
    measures: str
    null: str
    innocent: tuple[str, ...]
    evaded_by: str
    source: str
    reads: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check `reads` against the contract, so that a wrong name fails on import and not during a scan."""
        if not self.reads:
            raise TypeError(f"{self.name} declares no column that it reads")
        for read in self.reads:
            name, _, column = read.partition(".")
            if column in FORBIDDEN:
                raise TypeError(f"{self.name} reads text; text enters by sketch only")
            if name not in TABLES:
                raise TypeError(
                    f"{self.name} reads `{read}`; tables that a signal may read: {', '.join(TABLES)}"
                )
            if column not in TABLES[name].names:
                hint = (
                    did_you_mean(column, TABLES[name].names) or f"columns are {', '.join(TABLES[name].names)}"
                )
                raise TypeError(f"{self.name} reads `{read}`, which does not exist; {hint}")
        if len({read.partition(".")[0] for read in self.reads}) > 1:
            raise TypeError(f"{self.name} reads columns of several tables; a signal reads one")

    @property
    def table(self) -> str:
        """Name of the one table that the signal reads."""
        return self.reads[0].split(".", 1)[0]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that the signal needs."""
        return tuple(name.split(".", 1)[1] for name in self.reads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A kind of value that accounts can share.

    `value` maps the card's table (observations or accounts) to a column of strings, or of lists of 64-bit
    digests; null where a row has no value.

    * `graphs`: the graphs in which its links propose candidates. Account attributes have no time, so that
      they cannot be tested on a second half of the data; their graph is "attributes", whose candidates are
      not judged on what proposed them.
    * `is_content`: whether it describes what a request says, and not where it comes from.
    * `proposes_only`: whether its links only propose candidates. Another indicator of the same columns is
      then weighed for members and listed as a shared value.
    * `is_list`: whether `value` is a list, so that one row shows several values.

    Raises `TypeError` where the value has another type, or needs columns that the card does not name.
    """

    card: Card
    value: Callable[[ir.Table], ir.Value]
    graphs: tuple[GraphName, ...]
    is_content: bool = False
    proposes_only: bool = False
    is_list: bool = field(init=False)

    @property
    def is_timed(self) -> bool:
        """Whether its values have a time: those of observations have, account attributes have not."""
        return self.card.table == OBSERVATIONS.name

    @property
    def is_digest(self) -> bool:
        """Whether its values are made of enciphered digests, whose order depends on the key."""
        return self.is_timed and any(OBSERVED[c].role in ("digest", "digests") for c in self.card.columns)

    def __post_init__(self) -> None:
        """Check the type of `value` over a table that has the declared columns only."""
        name, table = self.card.name, TABLES[self.card.table]
        if table is RELEASES:
            raise TypeError(f"{name} reads `{table.name}`; an indicator reads observations or accounts")
        declared = ibis.Schema.from_pyarrow(pa.schema([table.arrow.field(c) for c in self.card.columns]))
        try:
            kind = self.value(ibis.table(declared, name=table.name)).type()
        except (AttributeError, IbisError) as error:
            raise TypeError(f"{name} does not work on the columns that it declares: {error}") from error
        if not (kind.is_string() or (kind.is_array() and kind.value_type.is_int64())):
            raise TypeError(f"{name} gives values of type {kind}; it must be string or array<int64>")
        object.__setattr__(self, "is_list", bool(kind.is_array()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of a group test that could be computed.

    `log_e` is the natural-log e-value against the test's null. `value` is what was measured, as short text;
    `accounts` and `exchanges` count what it concerns; `statement` is one sentence for the report.
    """

    log_e: float
    value: str
    accounts: int
    exchanges: int
    statement: str


@dataclass(frozen=True, slots=True)
class NoFinding:
    """The result of a group test that could not be computed for a group, with the reason.

    `reason` is a clause without a full stop. Its numbers are limits of the test, never measures of the group,
    so that equal reasons of different groups have equal texts and can be counted. Example: "fewer than 8
    members have a known card".
    """

    reason: str


Outcome = Finding | NoFinding
Statistic = Callable[[Columns, Mask], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTest:
    """A test of a stated null hypothesis about a group of accounts.

    * `rows(summaries)` returns one table about all accounts, with `account_id`: an expression for the engine,
      or an Arrow table made of `summaries.phrases`.
    * `statistic(columns, mask)` gets the columns of that table as arrays, and a mask of the members' rows. It
      returns a `Finding`, or a `NoFinding` with the reason. In place of `account_id` it gets `account`, a
      number per account; text columns become codes, -1 for null.
    * Where there are very many other accounts, the statistic gets the rows of a random sample of them, in no
      order, unless `everyone`. It gets members' rows only where `alone`.
    * `sample_null(rng, accounts)` draws such columns and mask under the null, for a group of so many
      accounts, so that the stated error rate can be checked by simulation.
    """

    card: Card
    family: Family
    rows: Callable[[Summaries], ir.Table | pa.Table]
    sample_null: Callable[[np.random.Generator, int], tuple[Columns, Mask]]
    statistic: Statistic
    everyone: bool = False
    alone: bool = False


def group_test(
    *,
    family: Family,
    rows: Callable[[Summaries], ir.Table | pa.Table],
    sample_null: Callable[[np.random.Generator, int], tuple[Columns, Mask]],
    measures: str,
    null: str,
    innocent: tuple[str, ...],
    evaded_by: str,
    source: str,
    reads: tuple[str, ...],
    everyone: bool = False,
    alone: bool = False,
) -> Callable[[Statistic], GroupTest]:
    """Decorator that makes a statistic a `GroupTest` of the function's name; other arguments fill its card.

    Tests whose results one innocent cause may change together belong to one `family`. Families of `CONTROL`
    can count towards a report, as far as innocent explanations do not account for them. Families of
    `LIKENESS` (place, habit, timing, purpose) are also high for any group with a common interest; they
    describe a candidate and never count.
    """

    def wrap(function: Statistic) -> GroupTest:
        """Make the function the statistic of a `GroupTest`."""
        card = Card(
            name=function.__name__,
            measures=measures,
            null=null,
            innocent=innocent,
            evaded_by=evaded_by,
            source=source,
            reads=reads,
        )
        return GroupTest(
            card=card,
            family=family,
            rows=rows,
            sample_null=sample_null,
            statistic=function,
            everyone=everyone,
            alone=alone,
        )

    return wrap


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationCard:
    """The texts of an innocent explanation, for its page and for reports.

    `what` describes the group, `carries` the mark by which its accounts are recognised, `produces` and
    `cannot` the evidence that the explanation can and cannot produce, `settled_by` the check that would
    decide whether the explanation is true.
    """

    name: str
    what: str
    carries: str
    produces: str
    cannot: str
    settled_by: str
    source: str


Draw = Callable[[np.random.Generator, int, Setting], Crowd]
Labels = Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """An honest cause that can make a group of accounts look controlled.

    `mark(traits, members)` returns one label per member: -1 where the account does not carry the
    explanation's mark, else a number of 0 or more. A value that people labelled as the mark counts as one
    (`marks.with_labels`). In the families `bends`, members with one label count as one account, since the
    explanation can make them alike; unmarked members, and all members in other families, count in full.
    A cause that `accompanies` others can act beside each of them, and its families are bent in their trials
    as well. `draw(rng, accounts, setting)` simulates an honest group of so many accounts.
    """

    card: ExplanationCard
    bends: frozenset[Family]
    mark: Callable[[Traits, Labels], Labels]
    draw: Draw
    accompanies: bool = False


def explanation(
    *,
    what: str,
    carries: str,
    bends: tuple[Family, ...],
    produces: str,
    cannot: str,
    settled_by: str,
    source: str,
    draw: Draw,
    accompanies: bool = False,
) -> Callable[[Callable[[Traits, Labels], Labels]], Explanation]:
    """Decorator that makes a mark function an `Explanation` of the function's name; `bends` are its families,
    `draw` its simulator, `accompanies` says whether the cause can act beside any other, and the other
    arguments fill its card.
    """

    def wrap(function: Callable[[Traits, Labels], Labels]) -> Explanation:
        """Make the function the mark of an `Explanation`."""
        card = ExplanationCard(
            name=function.__name__,
            what=what,
            carries=carries,
            produces=produces,
            cannot=cannot,
            settled_by=settled_by,
            source=source,
        )

        @wraps(function)
        def mark(traits: Traits, members: Labels) -> Labels:
            """The function's marks, and those of accounts with labels for this explanation."""
            return with_labels(traits, members, card.name, function(traits, members))

        return Explanation(card=card, bends=frozenset(bends), mark=mark, draw=draw, accompanies=accompanies)

    return wrap


def indicator(
    *,
    measures: str,
    innocent: tuple[str, ...],
    evaded_by: str,
    source: str,
    reads: tuple[str, ...],
    null: str = "",
    graphs: tuple[GraphName, ...] = (),
    is_content: bool = False,
    proposes_only: bool = False,
) -> Callable[[Callable[[ir.Table], ir.Value]], Indicator]:
    """Decorator that makes a value function an `Indicator` of the function's name; the arguments fill its
    card. An indicator may not read text.

    Without `graphs` the links of an account attribute are in the graph "attributes", and all others in
    "behaviour".
    """

    def wrap(function: Callable[[ir.Table], ir.Value]) -> Indicator:
        """Make the function the value of an `Indicator`."""
        card = Card(
            name=function.__name__,
            measures=measures,
            null=null or "independent accounts share a value as often as its prevalence among all accounts",
            innocent=innocent,
            evaded_by=evaded_by,
            source=source,
            reads=reads,
        )
        usual: GraphName = "attributes" if card.table == ACCOUNTS.name else "behaviour"
        return Indicator(
            card=card,
            value=function,
            graphs=graphs or (usual,),
            is_content=is_content,
            proposes_only=proposes_only,
        )

    return wrap


@cache
def all_indicators() -> tuple[Indicator, ...]:
    """All indicators, of this package and of installed ones, sorted by name."""
    return units(indicators, Indicator, INDICATORS)


@cache
def kinds_by_graph() -> Mapping[GraphName, tuple[str, ...]]:
    """Graph → names of the indicators whose links it has, in the order of `GRAPHS`."""
    return {
        graph: tuple(unit.card.name for unit in all_indicators() if graph in unit.graphs) for graph in GRAPHS
    }


@cache
def all_group_tests() -> tuple[GroupTest, ...]:
    """All group tests, of this package and of installed ones, sorted by name."""
    return units(group_tests, GroupTest, GROUP_TESTS)


@cache
def all_explanations() -> tuple[Explanation, ...]:
    """All innocent explanations, of this package and of installed ones, sorted by name."""
    return units(explanations, Explanation, EXPLANATIONS)
