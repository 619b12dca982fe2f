"""The leads that the page shows: groups that an innocent explanation may account for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stillwatch.contract.table import TableRow
from stillwatch.report.reading import Overview, ResultTables
from stillwatch.report.trial import NOTHING_LOG10, Glance, TrialsView, glance, trial

MAX_LEADS = 20  # leads that the page shows; chosen: what a team can examine before the next scan
MAX_LEAD_ACCOUNTS = 20  # accounts named for one lead; chosen, as for members of a campaign


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadView:
    """The content of one lead; a part is None where its file was not written.

    `remains` says whether the nearest explanation leaves evidence.
    """

    anchor: str
    row: TableRow
    remains: bool
    glance: Glance | None
    trial: TrialsView | None
    members: Sequence[str] | None
    members_more: int


def leads(results: ResultTables) -> list[LeadView] | None:
    """The first `MAX_LEADS` leads by rank; None where the folder has no such table."""
    table = results.tables.get("leads")
    if table is None:
        return None
    first = table.sort_by([("rank", "ascending"), ("lead_id", "ascending")]).slice(0, MAX_LEADS)
    return [_lead(results, row, f"lead-{number}") for number, row in enumerate(first.to_pylist(), 1)]


def leads_found(results: ResultTables) -> int | None:
    """Number of leads; None where neither the table nor the overview has it."""
    table = results.tables.get("leads")
    return len(table) if table is not None else (results.overview or Overview()).leads


def _lead(results: ResultTables, row: TableRow, anchor: str) -> LeadView:
    """One lead for the page."""
    members = results.of("lead_members", row["lead_id"])
    names = None if members is None else sorted(members["account_id"].to_pylist())
    return LeadView(
        anchor=anchor,
        row=row,
        remains=row["log10_e"] >= NOTHING_LOG10,
        glance=glance(results, row["lead_id"]),
        trial=trial(results, row["lead_id"], row["accounts"]),
        members=None if names is None else names[:MAX_LEAD_ACCOUNTS],
        members_more=max(0, len(names or ()) - MAX_LEAD_ACCOUNTS),
    )
