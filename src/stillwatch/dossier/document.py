"""A document as a tree of blocks, from which HTML and PDF are made. It is JSON: a renderer adds form and
no word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stillwatch.claims.numbers import Number, Part
from stillwatch.contract.results import Basis
from stillwatch.foreign import visible

Block = dict[str, Any]
Run = dict[str, str]


class Numbers:
    """The numbers of a document, each with an id, in the order in which they are first used."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._ids: dict[str, str] = {}

    def id_of(self, one: Number) -> str:
        """The id of a number; numbers that are counted the same way have one."""
        key = repr(sorted((name, repr(value)) for name, value in one.how.items()))
        if key not in self._ids:
            self._ids[key] = f"N{len(self.rows) + 1}"
            self.rows.append(
                {"id": self._ids[key], "value": one.value, "shown": one.shown, "how": dict(one.how)}
            )
        return self._ids[key]


class Document:
    """Blocks in order. Every string that is not this program's own is shown by `foreign.visible`, on one
    line.
    """

    def __init__(self, title: str, subtitle: str, numbers: Numbers) -> None:
        self.title, self.subtitle, self.numbers = title, subtitle, numbers
        self.blocks: list[Block] = []

    def runs(self, parts: Iterable[Part]) -> list[Run]:
        """Runs of text; a number is followed by its id."""
        made: list[Run] = []
        for one in parts:
            if isinstance(one, Number):
                made.append({"text": one.shown, "id": self.numbers.id_of(one)})
            elif one:
                made.append({"text": visible(one, 1200)})
        return made

    def heading(self, text: str, *, is_new_page: bool = False) -> None:
        """A heading; `is_new_page` begins a page with it."""
        self.blocks.append({"kind": "heading", "text": text, "new_page": is_new_page})

    def text(self, *parts: Part, basis: Basis | None = None, is_small: bool = False) -> None:
        """A paragraph, with its basis in front where it has one."""
        self.blocks.append({"kind": "text", "runs": self.runs(parts), "basis": basis, "small": is_small})

    def bullets(self, items: Iterable[Sequence[Part]]) -> None:
        """A list."""
        made = [self.runs(one) for one in items]
        if made:
            self.blocks.append({"kind": "bullets", "items": made})

    def box(self, title: str, items: Iterable[Sequence[Part]], *, side: str, otherwise: str) -> None:
        """A box of sentences; `side` is `for`, `against` or `note`."""
        made = [self.runs(one) for one in items]
        self.blocks.append(
            {"kind": "box", "title": title, "items": made or [self.runs((otherwise,))], "side": side}
        )

    def table(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[Sequence[Part]]],
        *,
        widths: Sequence[int],
        right: Sequence[int] = (),
        is_dense: bool = False,
    ) -> None:
        """A table; `widths` are relative, `right` the columns of numbers; `is_dense` sets it small."""
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

    def claims(self, rows: Iterable[tuple[int, str, Basis, Sequence[Part]]]) -> None:
        """The five claims, each with its basis."""
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
        """Lines as they are, as of a letter's head."""
        self.blocks.append({"kind": "lines", "lines": [visible(one, 200) for one in lines]})

    def as_json(self, footer: str) -> dict[str, Any]:
        """The document as JSON."""
        return {"title": self.title, "subtitle": self.subtitle, "footer": footer, "blocks": self.blocks}
