"""Records what of a file is not used: rows that cannot be read, values set to null, and unknown fields."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.contract.results import QUARANTINE
from stillwatch.readers.places import LogPath
from stillwatch.stats.arrays import Ints

DETAILED = 10_000  # most quarantined rows of a file that are listed individually: chosen
FIELDS = 1_000  # most unknown fields of a file that are counted by name: chosen
MOST_ROWS = 1 << 53  # largest number of rows that is recorded; a damaged file may claim any number
OTHERS = "other fields"  # name under which unknown fields beyond the first `FIELDS` are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Where lines that are read apart from the rest of their log stand in it: the log's `name`, of which
    identifiers are made, and the number of the first line.
    """

    name: str
    first_line: int


class Losses:
    """The losses of one file, in memory that does not grow with their number.

    * The first `DETAILED` quarantined rows are listed individually; the others are counted by column and
      reason.
    * `nulled` counts values set to null by column and reason; `fields` counts unknown fields by name, and
      under `OTHERS` beyond the first `FIELDS`.
    * `envelopes` counts records by the envelope they were in; a record in two envelopes counts in both.
    * `lines` is the number of lines read, `records` the number of records found, `passed_over` the number of
      records and lines of text that are no exchanges.
    * `name` is what identifiers of rows without one are made of; `first_line` is the number of the first
      line.
    """

    def __init__(self, file: LogPath | str, name: str | None = None, first_line: int = 1) -> None:
        """`name` is None: the file's name."""
        self.file = str(file)
        self.name = Path(self.file).name if name is None else name
        self.first_line = first_line
        self.nulled: Counter[tuple[str, str]] = Counter()
        self.fields: Counter[str] = Counter()
        self.envelopes: Counter[str] = Counter()
        self.records = 0
        self.lines = 0
        self.passed_over = 0
        self._left = DETAILED
        self._listed: list[dict[str, Any]] = []
        self._more: dict[tuple[str | None, str], list[int]] = {}

    def row(self, number: int, reason: str, raw: bytes | memoryview = b"", column: str | None = None) -> None:
        """Quarantine one row. Of its bytes `raw`, only the SHA-256 is kept."""
        if self._left > 0:
            self._left -= 1
            self._listed.append(
                quarantined(self.file, number, reason, hashlib.sha256(raw).hexdigest(), column)
            )
        else:
            self._count(column, reason, 1, number)

    def rows(
        self, numbers: Ints, column: str | None, reason: str, digests: Callable[[Ints], list[str]]
    ) -> None:
        """Quarantine several rows for one reason. `digests` returns the SHA-256 of rows by their positions in
        `numbers`; it is called only for those that are listed.
        """
        some = numbers[: self._left]
        if len(some):
            self._left -= len(some)
            for number, digest in zip(some.tolist(), digests(np.arange(len(some))), strict=True):
                self._listed.append(quarantined(self.file, number, reason, digest, column))
        if len(numbers) > len(some):
            self._count(column, reason, len(numbers) - len(some), int(numbers[len(some)]))

    def span(self, first: int, number: int, reason: str) -> None:
        """Quarantine `number` consecutive rows from `first` on, whose content is unknown."""
        some = max(min(number, self._left), 0)
        for place in range(first, first + some):
            self.row(place, reason)
        if number > some:
            self._count(None, reason, min(number - some, MOST_ROWS), first + some)

    def cells(self, column: str, reason: str, number: int) -> None:
        """Count `number` values of a column that were set to null, or filled, for this reason."""
        if number:
            self.nulled[column, reason] += number

    def unknown(self, names: Iterable[str]) -> None:
        """Count the fields of a record that its format does not know."""
        for name in names:
            self.fields[name if name in self.fields or len(self.fields) < FIELDS else OTHERS] += 1

    def absorb(self, part: Losses, line: int) -> None:
        """Add the losses of a part of the file whose first line is line `line` + 1."""
        self.nulled.update(part.nulled)
        self.envelopes.update(part.envelopes)
        self.passed_over += part.passed_over
        self.records += part.records
        for name, number in part.fields.items():
            self.fields[name if name in self.fields or len(self.fields) < FIELDS else OTHERS] += number
        for one in pa.concat_tables([part.listed(), part.counted()]).to_pylist():
            number = one["row"] + line
            if one["rows"] == 1 and self._left > 0:
                self._left -= 1
                self._listed.append(one | {"row": number})
            else:
                self._count(one["column"], one["reason"], one["rows"], number)

    def listed(self) -> pa.Table:
        """The quarantined rows listed since the last call, as a table."""
        table = pa.Table.from_pylist(self._listed, QUARANTINE.arrow)
        self._listed = []
        return table

    def counted(self) -> pa.Table:
        """The quarantined rows that were not listed, counted by column and reason, as a table; resets the
        counts.
        """
        rows = [
            quarantined(self.file, first, reason, None, column) | {"rows": number}
            for (column, reason), (number, first) in self._more.items()
        ]
        self._more = {}
        return pa.Table.from_pylist(rows, QUARANTINE.arrow)

    def _count(self, column: str | None, reason: str, number: int, first: int) -> None:
        """Count rows that are not listed, by column and reason."""
        known = self._more.setdefault((column, reason), [0, first])
        known[0] += number


def quarantined(
    file: str, number: int, reason: str, digest: str | None, column: str | None = None
) -> dict[str, Any]:
    """A row of the quarantine table for one row of a file."""
    return {"file": file, "row": number, "column": column, "reason": reason, "raw_sha256": digest, "rows": 1}
