"""What the page shows of campaigns and of leads alike: first facts, and the trial of innocent
explanations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stillwatch.report import plots
from stillwatch.report.reading import Results, Row

# rows of a trial that are shown at once; chosen: with their text they fill half a screen
MAX_OPEN_EXPLANATIONS = 6
FULL_BAR_LOG10 = 20.0  # evidence at which a bar is full, as a power of ten; longer bars are drawn cut; chosen
NOTHING_LOG10 = 0.05  # evidence below it would be printed as 10 to the power 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """Facts that a reader can check by counting, by what they are worth for the question of one control."""

    for_one: Sequence[Row]
    against: Sequence[Row]
    neither: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """One innocent explanation: who carries its mark, and the evidence that it cannot produce."""

    name: str
    marked: int
    accounts: int
    log10_e: float
    remains: bool
    bar: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The explanations that were tried on one group, the nearest first; `more` are those that the page
    folds away.
    """

    nearest: Sequence[TrialRow]
    more: Sequence[TrialRow]

    def named(self, name: str) -> TrialRow | None:
        """The explanation of this name, None where it was not tried."""
        return next((line for line in (*self.nearest, *self.more) if line.name == name), None)


def glance(results: Results, group_id: str) -> Glance | None:
    """A group's first facts, or None where the folder has no such table."""
    rows = results.rows("glance", group_id)
    if rows is None:
        return None
    return Glance(
        for_one=[row for row in rows if row["speaks"] == "for"],
        against=[row for row in rows if row["speaks"] == "against"],
        neither=[row for row in rows if row["speaks"] not in ("for", "against")],
    )


def trial(results: Results, group_id: str, accounts: int) -> Trial | None:
    """A group's trial by the evidence that remains, least first, or None where the folder has no such
    table.
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
    return Trial(nearest=every[:MAX_OPEN_EXPLANATIONS], more=every[MAX_OPEN_EXPLANATIONS:])


def _bar(log10_e: float) -> str:
    if log10_e < NOTHING_LOG10:
        return ""
    return plots.bar(log10_e / FULL_BAR_LOG10, cut=log10_e > FULL_BAR_LOG10)


def explanations_tried(results: Results) -> int | None:
    """The number of different explanations tried in this scan, or None where the folder does not say."""
    table = results.tables.get("explanations")
    return None if table is None or not len(table) else len(table["explanation"].unique())
