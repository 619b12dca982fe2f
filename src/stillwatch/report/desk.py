"""The analyst's part of a campaign's card: shared values, accounts grouped by them, and frequent texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from stillwatch.contract.table import TableRow
from stillwatch.report import patterns, texts
from stillwatch.report.reading import ResultTables
from stillwatch.report.texts import Sent
from stillwatch.report.values import Shared, labels, shared_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Shared values, the strongest first, with their drawing, and frequent texts and shapes of texts.

    `drawing`, `texts` and `shapes` are None where their file was not written.
    """

    shared: Sequence[Shared]
    has_links: bool
    drawing: patterns.Drawing | None
    texts: Sequence[Sent] | None
    shapes: Sequence[Sent] | None
    names: Mapping[tuple[str, str], str]

    def called(self, piece: TableRow) -> str:
        """The page's label for the value of a piece of evidence; the value itself without one."""
        return self.names.get((piece["kind"], piece["value"]), str(piece["value"]))


def desk(results: ResultTables, row: TableRow, *, is_full: bool) -> Desk:
    """The desk of a campaign; without a drawing where `is_full` is false."""
    name = row["campaign_id"]
    profiles = results.of("profiles", name)
    every = 0 if profiles is None else int(pc.sum(profiles["exchanges"]).as_py() or 0)
    shared = shared_values(results, name, every)
    said = texts.sent(results, name, row["exchanges"])
    return Desk(
        shared=shared,
        has_links="links" in results.tables,
        drawing=patterns.draw(results, name, shared, row["accounts"]) if is_full else None,
        texts=None if said is None else said[0],
        shapes=None if said is None else said[1],
        names=labels(shared),
    )
