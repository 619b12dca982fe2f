"""Parts of the page for campaigns and leads alike: first facts, and the innocent explanations tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stillwatch.contract.table import TableRow
from stillwatch.report import plots
from stillwatch.report.reading import ResultTables

# explanations that are shown unfolded; chosen: with their text they fill half a screen
MAX_OPEN_EXPLANATIONS = 6
FULL_BAR_LOG10 = 20.0  # log10 of the evidence at which a bar is full; longer bars are drawn cut; chosen
NOTHING_LOG10 = 0.05  # log10 of evidence below which none remains: it would be printed as 10 to the power 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """First facts, which a reader can check by counting, by their direction on the question of one party's
    control.
    """

    for_one: Sequence[TableRow]
    against: Sequence[TableRow]
    neither: Sequence[TableRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """One innocent explanation: the number of accounts with its mark, and the evidence that it leaves
    unexplained.
    """

    name: str
    marked: int
    accounts: int
    log10_e: float
    remains: bool
    bar: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialsView:
    """The explanations tried on one group, the nearest first; `more` are folded on the page."""

    nearest: Sequence[TrialRow]
    more: Sequence[TrialRow]

    def named(self, name: str) -> TrialRow | None:
        """The explanation of this name; None where it was not tried."""
        return next((line for line in (*self.nearest, *self.more) if line.name == name), None)


def glance(results: ResultTables, group_id: str) -> Glance | None:
    """A group's first facts; None where the folder has no such table."""
    rows = results.rows("glance", group_id)
    if rows is None:
        return None
    return Glance(
        for_one=[row for row in rows if row["speaks"] == "for"],
        against=[row for row in rows if row["speaks"] == "against"],
        neither=[row for row in rows if row["speaks"] not in ("for", "against")],
    )


def trial(results: ResultTables, group_id: str, accounts: int) -> TrialsView | None:
    """The explanations tried on a group, those that leave least evidence first; None where the folder has
    no such table.
    """
    rows = results.rows("explanations", group_id)
    if rows is None:
        return None
    every = [
        TrialRow(
            name=row["explanation"],
            marked=row["marked"],
            accounts=accounts,
            log10_e=row["log10_e"],
            remains=row["log10_e"] >= NOTHING_LOG10,
            bar=_bar(row["log10_e"]),
            statement=row["statement"],
        )
        for row in sorted(rows, key=lambda row: (row["log10_e"], row["explanation"]))
    ]
    return TrialsView(nearest=every[:MAX_OPEN_EXPLANATIONS], more=every[MAX_OPEN_EXPLANATIONS:])


def _bar(log10_e: float) -> str:
    """The bar of a log10 e-value; "" where nothing remains."""
    if log10_e < NOTHING_LOG10:
        return ""
    return plots.bar(log10_e / FULL_BAR_LOG10, cut=log10_e > FULL_BAR_LOG10)


def explanations_tried(results: ResultTables) -> int | None:
    """Number of different explanations tried in this scan; None where the folder does not say."""
    table = results.tables.get("explanations")
    return None if table is None or not len(table) else len(table["explanation"].unique())
