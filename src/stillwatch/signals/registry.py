"""What does a signal say about itself, and how is it found?

A signal is one module that defines one object of the module's own name, or one that an entry point of an
installed package names (`INDICATORS`, `GROUP_TESTS`, `EXPLANATIONS`). An *indicator* is a kind and a value
that accounts can share; a *group test* is evidence against a stated null about a group of accounts. A signal
says what it sees, never how much it counts: weights and thresholds live in `detect`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ibis.common.exceptions import IbisError

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.observations import OBSERVATIONS
from stillwatch.contract.releases import RELEASES
from stillwatch.contract.summaries import Summaries
from stillwatch.plugins import units
from stillwatch.signals import explanations, group_tests, indicators
from stillwatch.signals.traits import Traits
from stillwatch.simulate.crowds import Crowd, Setting
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
CONTROL: tuple[Family, ...] = ("ownership", "handoff", "coercion", "division", "fungible", "turns", "load")
LIKENESS: tuple[Family, ...] = ("place", "habit", "timing", "purpose")
FAMILIES: tuple[Family, ...] = CONTROL + LIKENESS
TABLES = {table.name: table for table in (OBSERVATIONS, ACCOUNTS, RELEASES)}
"""The tables that a signal may read."""
FORBIDDEN = ("prompt", "response", "system_prompt")
INDICATORS, GROUP_TESTS, EXPLANATIONS = (
    f"stillwatch.{name}" for name in ("indicators", "group_tests", "explanations")
)
"""Groups of entry points by which signals and explanations of other packages are found."""
Columns = Mapping[str, npt.NDArray[np.generic]]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a signal states of itself; its page, its line in the report and its tests are made from this.

    `reads` are `table.column` names of the contract, all of one table. Raises `TypeError` for any other name.
    """

    name: str
    measures: str
    null: str
    innocent: tuple[str, ...]
    evaded_by: str
    source: str
    reads: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check what is read against the contract, so that no scan meets a column that does not exist."""
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
        """The one table that the signal reads."""
        return self.reads[0].split(".", 1)[0]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that must be there for the signal to speak."""
        return tuple(name.split(".", 1)[1] for name in self.reads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A kind of value that accounts can share.

    `value` maps its table to a column of strings, or of lists of 64-bit digests, null where there is nothing.
    Raises `TypeError` for a value of another type, and for one that is made of columns that the card does not
    name.
    """

    card: Card
    value: Callable[[ir.Table], ir.Value]

    def __post_init__(self) -> None:
        """Make the expression once, over a table of the declared columns alone."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of a group test: a natural-log e-value against its null, and the numbers in one sentence."""

    log_e: float
    value: str
    accounts: int
    exchanges: int
    statement: str


@dataclass(frozen=True, slots=True)
class NoFinding:
    """The result of a group test that has no evidence for or against its null about a group: what is missing
    for it.

    `reason` is a clause without a full stop. Its numbers are the limits of the test, never measures of the
    group, so that equal reasons of different groups are equal texts and can be counted. Example: "fewer than
    8 members have a known card".
    """

    reason: str


Outcome = Finding | NoFinding
Statistic = Callable[[Columns, Mask], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTest:
    """Evidence against a stated null about a group.

    `rows` asks the engine for one table about all accounts, with `account_id`, or makes one of
    `summaries.phrases`; `statistic` gets its columns and a mask of the rows that belong to members, and
    returns a finding, or the reason why there is none. Rows of other accounts are those of a random sample of
    them where there are very many, and in no order, unless `everyone` says that the statistic needs the rows
    as they are; there are none where `alone` says that it reads members' rows only. `sample_null` draws such
    columns and mask under the null, so that the stated error can be checked by simulation.
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
    """Declare a group test; `family` groups tests that one innocent cause may bend together.

    Families of `CONTROL` can count towards a report, each beyond the explanations that bend it. Those of
    `LIKENESS` (one place, one habit, joint timing, one purpose) are what every group with a common interest
    shows; they describe a candidate and never count.
    """

    def wrap(function: Statistic) -> GroupTest:
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
    """The text of an innocent explanation, for its page and for reports.

    `what` is the group, `carries` the mark by which an account is known to belong to it, `produces` and
    `cannot` the evidence that the explanation can and cannot produce, `settled_by` what would decide whether
    it holds.
    """

    name: str
    what: str
    carries: str
    produces: str
    cannot: str
    settled_by: str
    source: str


Draw = Callable[[np.random.Generator, int, Setting], Crowd]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """An honest cause that groups of accounts can have in common.

    `mark(traits, members)` gives one label a member: -1 where the account does not carry the explanation's
    mark, else a number of 0 or more. In the families `bends`, members of one label count as one account,
    since the explanation can make them alike; unmarked members, and all members in other families, count in
    full. `draw` makes an honest group of so many accounts.
    """

    card: ExplanationCard
    bends: frozenset[Family]
    mark: Callable[[Traits, Labels], Labels]
    draw: Draw


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
) -> Callable[[Callable[[Traits, Labels], Labels]], Explanation]:
    """Declare an innocent explanation; the decorated function is its mark."""

    def wrap(function: Callable[[Traits, Labels], Labels]) -> Explanation:
        card = ExplanationCard(
            name=function.__name__,
            what=what,
            carries=carries,
            produces=produces,
            cannot=cannot,
            settled_by=settled_by,
            source=source,
        )
        return Explanation(card=card, bends=frozenset(bends), mark=function, draw=draw)

    return wrap


def indicator(
    *,
    measures: str,
    innocent: tuple[str, ...],
    evaded_by: str,
    source: str,
    reads: tuple[str, ...],
    null: str = "",
) -> Callable[[Callable[[ir.Table], ir.Value]], Indicator]:
    """Declare an indicator; it may not read text, which only `sketch` may."""

    def wrap(function: Callable[[ir.Table], ir.Value]) -> Indicator:
        card = Card(
            name=function.__name__,
            measures=measures,
            null=null or "independent accounts share a value as often as its prevalence among all accounts",
            innocent=innocent,
            evaded_by=evaded_by,
            source=source,
            reads=reads,
        )
        return Indicator(card=card, value=function)

    return wrap


@cache
def all_indicators() -> tuple[Indicator, ...]:
    """Every indicator, in the order of their names."""
    return units(indicators, Indicator, INDICATORS)


@cache
def all_group_tests() -> tuple[GroupTest, ...]:
    """Every group test, in the order of their names."""
    return units(group_tests, GroupTest, GROUP_TESTS)


@cache
def all_explanations() -> tuple[Explanation, ...]:
    """Every innocent explanation, in the order of their names."""
    return units(explanations, Explanation, EXPLANATIONS)
