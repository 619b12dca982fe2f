"""What of a file is not taken as it stands: rows that cannot be read, cells that are null instead, fields
nobody knows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.contract.results import QUARANTINE
from stillwatch.readers.places import LogPath

DETAILED = 10_000  # quarantined rows of a file that are listed one by one: chosen
FIELDS = 1_000  # names of unknown fields that are counted apart: chosen
MOST = 1 << 53  # rows that a damaged file may claim
OTHERS = "other fields"

Numbers = npt.NDArray[np.int64]


class Losses:
    """Of one file, so that its memory does not grow with what is lost.

    * The first `DETAILED` quarantined rows are listed one by one; of the rest each (column, reason) has one
      row that says how many.
    * `nulled` counts cells by column and reason; `fields` counts names of unknown fields, `OTHERS` beyond the
      first `FIELDS`.
    * `envelopes` counts records by the envelope that they were taken out of; a record in two envelopes counts
      in both.
    * `lines` is the number of lines that were seen, `records` that of records that were found, `passed_over`
      that of records and lines of text that are no exchanges.
    """

    def __init__(self, file: LogPath | str) -> None:
        self.file = str(file)
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
        """One row cannot be read."""
        if self._left > 0:
            self._left -= 1
            self._listed.append(
                quarantined(self.file, number, reason, hashlib.sha256(raw).hexdigest(), column)
            )
        else:
            self._count(column, reason, 1, number)

    def rows(
        self, numbers: Numbers, column: str | None, reason: str, digests: Callable[[Numbers], list[str]]
    ) -> None:
        """Several rows cannot be read for one reason; `digests` are asked for the places of those that
        are listed.
        """
        some = numbers[: self._left]
        if len(some):
            self._left -= len(some)
            for number, digest in zip(some.tolist(), digests(np.arange(len(some))), strict=True):
                self._listed.append(quarantined(self.file, number, reason, digest, column))
        if len(numbers) > len(some):
            self._count(column, reason, len(numbers) - len(some), int(numbers[len(some)]))

    def span(self, first: int, number: int, reason: str) -> None:
        """Rows one after the other cannot be read, of which nothing is known but how many there should be."""
        some = max(min(number, self._left), 0)
        for place in range(first, first + some):
            self.row(place, reason)
        if number > some:
            self._count(None, reason, min(number - some, MOST), first + some)

    def cells(self, column: str, reason: str, number: int) -> None:
        """Cells of an optional column are null, because they cannot be read."""
        if number:
            self.nulled[column, reason] += number

    def unknown(self, names: Iterable[str]) -> None:
        """A record has fields that its format does not know."""
        for name in names:
            self.fields[name if name in self.fields or len(self.fields) < FIELDS else OTHERS] += 1

    def absorb(self, part: Losses, line: int) -> None:
        """Take what a part of the file lost, whose first line is the file's `line` + 1."""
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
        """The quarantined rows that were listed since this was last asked."""
        table = pa.Table.from_pylist(self._listed, QUARANTINE.arrow)
        self._listed = []
        return table

    def counted(self) -> pa.Table:
        """The quarantined rows that were not listed, by column and reason."""
        rows = [
            quarantined(self.file, first, reason, None, column) | {"rows": number}
            for (column, reason), (number, first) in self._more.items()
        ]
        self._more = {}
        return pa.Table.from_pylist(rows, QUARANTINE.arrow)

    def _count(self, column: str | None, reason: str, number: int, first: int) -> None:
        known = self._more.setdefault((column, reason), [0, first])
        known[0] += number


def quarantined(
    file: str, number: int, reason: str, digest: str | None, column: str | None = None
) -> dict[str, Any]:
    """A row of the quarantine that stands for one row of a file."""
    return {"file": file, "row": number, "column": column, "reason": reason, "raw_sha256": digest, "rows": 1}
