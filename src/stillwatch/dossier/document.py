"""A document as a list of blocks in JSON, rendered to HTML and PDF without added words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stillwatch.claims.numbers import Number, TextPart
from stillwatch.contract.results import Basis
from stillwatch.foreign import visible

DocumentBlock = dict[str, Any]
TextRun = dict[str, str]


class Numbers:
    """The numbers of a document with their ids, in the order of first use."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._ids: dict[str, str] = {}

    def id_of(self, one: Number) -> str:
        """The id of a number; numbers with the same query share one."""
        key = repr(sorted((name, repr(value)) for name, value in one.how.items()))
        if key not in self._ids:
            self._ids[key] = f"N{len(self.rows) + 1}"
            self.rows.append(
                {"id": self._ids[key], "value": one.value, "shown": one.shown, "how": dict(one.how)}
            )
        return self._ids[key]


class Document:
    """Blocks in order; strings pass `foreign.visible`, which makes invisible characters visible."""

    def __init__(self, title: str, subtitle: str, numbers: Numbers) -> None:
        self.title, self.subtitle, self.numbers = title, subtitle, numbers
        self.blocks: list[DocumentBlock] = []

    def runs(self, parts: Iterable[TextPart]) -> list[TextRun]:
        """Runs of text; the run of a number carries its id."""
        made: list[TextRun] = []
        for one in parts:
            if isinstance(one, Number):
                made.append({"text": one.shown, "id": self.numbers.id_of(one)})
            elif one:
                made.append({"text": visible(one, 1200)})
        return made

    def heading(self, text: str, *, is_new_page: bool = False) -> None:
        """Add a heading; `is_new_page` puts it on a new page."""
        self.blocks.append({"kind": "heading", "text": text, "new_page": is_new_page})

    def text(self, *parts: TextPart, basis: Basis | None = None, is_small: bool = False) -> None:
        """Add a paragraph, preceded by its basis where given."""
        self.blocks.append({"kind": "text", "runs": self.runs(parts), "basis": basis, "small": is_small})

    def bullets(self, items: Iterable[Sequence[TextPart]]) -> None:
        """Add a list; nothing for no items."""
        made = [self.runs(one) for one in items]
        if made:
            self.blocks.append({"kind": "bullets", "items": made})

    def box(self, title: str, items: Iterable[Sequence[TextPart]], *, side: str, otherwise: str) -> None:
        """Add a box of sentences, or of `otherwise` without any; `side` is `for`, `against` or `note`."""
        made = [self.runs(one) for one in items]
        self.blocks.append(
            {"kind": "box", "title": title, "items": made or [self.runs((otherwise,))], "side": side}
        )

    def table(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[Sequence[TextPart]]],
        *,
        widths: Sequence[int],
        right: Sequence[int] = (),
        is_dense: bool = False,
    ) -> None:
        """Add a table; nothing for no rows.

        `widths` are relative, `right` the columns aligned right; `is_dense` makes the text small.
        """
        made = [[self.runs(cell) for cell in row] for row in rows]
        if made:
            self.blocks.append(
                {
                    "kind": "table",
                    "head": list(head),
                    "rows": made,
                    "widths": list(widths),
                    "right": list(right),
                    "dense": is_dense,
                }
            )

    def claims(self, rows: Iterable[tuple[int, str, Basis, Sequence[TextPart]]]) -> None:
        """Add the five claims: number, title, basis and sentence."""
        self.blocks.append(
            {
                "kind": "claims",
                "rows": [
                    {"number": n, "title": title, "basis": basis, "runs": self.runs(parts)}
                    for n, title, basis, parts in rows
                ],
            }
        )

    def lines(self, lines: Iterable[str]) -> None:
        """Add lines that are not reflowed, such as a letter's head."""
        self.blocks.append({"kind": "lines", "lines": [visible(one, 200) for one in lines]})

    def as_json(self, footer: str) -> dict[str, Any]:
        """The document as a JSON value."""
        return {"title": self.title, "subtitle": self.subtitle, "footer": footer, "blocks": self.blocks}
