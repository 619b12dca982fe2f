"""Which format is a file of, and how does one know?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.errors import Problem, UsageError
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.mapping import ENDING, read_mapping
from stillwatch.readers.open import FAULTS, csv_header
from stillwatch.readers.records import records
from stillwatch.readers.registry import Format, Record, all_formats

CONTRACT, SKETCHES = "contract", "sketch"
# In the metadata of a sketch's Parquet.
SKETCH, KEY_ID, RELEASE = b"stillwatch.sketch", b"stillwatch.key_id", b"stillwatch.release"
SAMPLE = 200
TABLES = (".parquet", ".csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A file's format, None for the contract's own tables and for sketches, and why it was taken for that."""

    format: Format | None
    why: str
    sketch: bool = False

    @property
    def name(self) -> str:
        """The format's name."""
        return SKETCHES if self.sketch else self.format.name if self.format else CONTRACT


def named(name: str) -> Recognised | None:
    """The format of this name, or of the mapping file at this path, as `--format` asks for it; None for `auto`. Raises `UsageError` for another
    name, and for a mapping file that is wrong.
    """
    if name == "auto":
        return None
    if name.endswith(ENDING):
        return Recognised(format=read_mapping(Path(name)), why="asked for")
    if name == CONTRACT:
        return Recognised(format=None, why="asked for")
    for one in all_formats():
        if one.name == name:
            return Recognised(format=one, why="asked for")
    known = ", ".join(
        ["auto", CONTRACT, *(one.name for one in all_formats()), f"a mapping file (NAME{ENDING})"]
    )
    raise UsageError(Problem(fact=f"no format is called `{name}`", expected=known, fix="stillwatch formats"))


def recognise(path: Path, names: Mapping[str, str], limits: Limits = LIMITS) -> Recognised | None:
    """The format of a file by its first records; None where it is none that is known.

    Columns of the contract, or those that `--map` names, come before a vendor's shape.
    """
    required = {names.get(column, column) for column in EXCHANGES.required}
    table = path.name.lower().endswith(TABLES) or ".csv" in path.name.lower()
    if _is_sketch(path):
        return Recognised(format=None, why="metadata of `stillwatch sketch`", sketch=True)
    if table:
        columns = set(_columns(path, limits))
        if required <= columns:
            return Recognised(format=None, why="columns of the contract")
    try:
        some = [record for _number, record in islice(records(path, Losses(path), limits), SAMPLE)]
    except FAULTS:
        return None
    if any(required <= record.keys() for record in some):
        return Recognised(format=None, why="columns of the contract")
    return best(some)


def best(some: Iterable[Record]) -> Recognised | None:
    """The first format that recognises any of these records."""
    for record in some:
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
