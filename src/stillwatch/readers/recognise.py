"""Which format is a file of, and how does one know?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.errors import Problem, UsageError
from stillwatch.readers.envelope import Opener, least_columns, sample
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.open import FAULTS, csv_header, partitions
from stillwatch.readers.records import records
from stillwatch.readers.registry import Format, Record, all_formats

CONTRACT, SKETCHES = "contract", "sketch"
# In the metadata of a sketch's Parquet.
SKETCH, KEY_ID, RELEASE = b"stillwatch.sketch", b"stillwatch.key_id", b"stillwatch.release"
TABLES = (".parquet", ".csv")
COLUMNS = "columns of the contract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A file's format, None for the contract's own tables and for sketches, and why it was taken for that.

    `envelopes` are those that its first records are in, and `plain` is False where these or lines of text stand between its records.
    """

    format: Format | None
    why: str
    sketch: bool = False
    plain: bool = True
    envelopes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The format's name."""
        return SKETCHES if self.sketch else self.format.name if self.format else CONTRACT


def named(name: str) -> Recognised | None:
    """The format of this name, as `--format` asks for it; None for `auto`. Raises `UsageError` for another name."""
    if name == "auto":
        return None
    if name == CONTRACT:
        return Recognised(format=None, why="asked for")
    for one in all_formats():
        if one.name == name:
            return Recognised(format=one, why="asked for")
    known = ", ".join(["auto", CONTRACT, *(one.name for one in all_formats())])
    raise UsageError(Problem(fact=f"no format is called `{name}`", expected=known, fix="stillwatch formats"))


def recognise(path: Path, names: Mapping[str, str], limits: Limits = LIMITS) -> Recognised | None:
    """The format of a file by its first records, taken out of their envelopes; None where it is none that is known.

    Columns of the contract, or those that `--map` names, come before a vendor's shape, and a vendor's shape before rows of the contract
    without what can be made. Lines of text and records of no format before the first that is known do not matter.
    """
    required = {names.get(column, column) for column in EXCHANGES.required}
    least = least_columns(names)
    if _is_sketch(path):
        return Recognised(format=None, why="metadata of `stillwatch sketch`", sketch=True)
    folders = partitions(path).keys()
    if path.name.lower().endswith(TABLES) or ".csv" in path.name.lower():
        columns = folders | set(_columns(path, limits))
        if required <= columns:
            return Recognised(format=None, why=COLUMNS)
    lost = Losses(path)

    def known(record: Record) -> bool:
        return least <= record.keys() or best(record) is not None

    opener = Opener(known, lost, limits, modified=path.stat().st_mtime)
    try:
        some = list(sample(opener(records(path, lost, limits)), known))
    except FAULTS:
        return None
    plain = not lost.envelopes and not lost.passed_over
    if any(required <= record.keys() | folders for record in some):
        return Recognised(format=None, why=COLUMNS, plain=plain, envelopes=tuple(lost.envelopes))
    found = [told for record in some if (told := best(record)) is not None]
    votes = Counter(told.name for told in found)
    if found:
        first = max(found, key=lambda told: votes[told.name])
        return replace(first, plain=plain, envelopes=tuple(lost.envelopes))
    if any(least <= record.keys() | folders for record in some):
        return Recognised(format=None, why=COLUMNS, plain=plain, envelopes=tuple(lost.envelopes))
    return None


def best(record: Record) -> Recognised | None:
    """The first format that recognises a record."""
    for one in all_formats():
        why = one.recognise(record)
        if why:
            return Recognised(format=one, why=why)
    return None


def _is_sketch(path: Path) -> bool:
    if not path.name.lower().endswith(".parquet"):
        return False
    try:
        return SKETCH in (pq.read_schema(path).metadata or {})
    except FAULTS:
        return False


def _columns(path: Path, limits: Limits) -> list[str]:
    try:
        return (
            pq.read_schema(path).names if path.name.lower().endswith(".parquet") else csv_header(path, limits)
        )
    except FAULTS:
        return []
