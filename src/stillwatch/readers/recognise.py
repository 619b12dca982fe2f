"""Recognises the format of a log file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.errors import unknown
from stillwatch.foreign import named as shown
from stillwatch.readers.container import kind_of
from stillwatch.readers.envelope import Opener, holds, least_columns, sample
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.mapping import ENDING, read_mapping
from stillwatch.readers.open import FAULTS, csv_header, partitions
from stillwatch.readers.places import LogPath, seekable
from stillwatch.readers.records import records
from stillwatch.readers.registry import Format, Record, all_formats

CONTRACT, SKETCHES = "contract", "sketch"
"""Names of the contract's own format and of sketches."""
# Keys in the Parquet metadata of a sketch.
SKETCH, KEY_ID, RELEASE = b"stillwatch.sketch", b"stillwatch.key_id", b"stillwatch.release"
SHOWN = 60  # most keys that a message shows: chosen
TABLES = ("parquet", "csv")  # kinds of files that have columns
COLUMNS = "columns of the contract"  # why a file is read as rows of the contract
PLAIN = re.compile(r"@?[A-Za-z_][\w.:/-]{0,39}", re.ASCII)  # a field name in the form that programs use


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A file's format and the reason (`why`). `format` is None for the contract's own tables and for
    sketches.

    `envelopes` are those around the file's first records. `plain` is False where there are envelopes, or
    lines of text between the records.
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
    """The format given by `--format`: a name, or the path of a mapping file; None for `auto`.

    Raises `UsageError` for an unknown name and for an invalid mapping file.
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
    names = ["auto", CONTRACT, *(one.name for one in all_formats()), f"a mapping file (NAME{ENDING})"]
    raise unknown("format", name, names, "stillwatch formats")


def recognise(path: LogPath, names: Mapping[str, str], limits: Limits = LIMITS) -> Recognised | None:
    """The format of a file by its first records without envelopes; None where it is unknown.

    The contract's columns (or those that `names` maps) have priority over a vendor's format, which has
    priority over rows of the contract without an identifier. Lines of text and unknown records are skipped.
    """
    required = {names.get(column, column) for column in EXCHANGES.required}
    least = least_columns(names)
    if _is_sketch(path):
        return Recognised(format=None, why="metadata of `stillwatch sketch`", sketch=True)
    folders = partitions(path).keys()
    if kind_of(path) in TABLES and required <= folders | set(_columns(path, limits)):
        return Recognised(format=None, why=COLUMNS)
    lost = Losses(path)
    try:
        some = list(_sample(path, names, lost, limits))
    except FAULTS:
        return None
    recognised = (
        _of_contract(required, some, folders) or _by_votes(some) or _of_contract(least, some, folders)
    )
    if recognised is None:
        return None
    plain = not lost.envelopes and not lost.passed_over
    return replace(recognised, plain=plain, envelopes=tuple(lost.envelopes))


def _sample(path: LogPath, names: Mapping[str, str], losses: Losses, limits: Limits) -> Iterator[Record]:
    """The first records of a file without envelopes."""
    least = least_columns(names)

    def known(record: Record) -> bool:
        """Whether a record needs no further opening: it is one of the contract, or a format recognises it."""
        return holds(record, least) or best(record) is not None

    opener = Opener(known, losses, limits, modified=path.stat().st_mtime)
    return sample(opener(records(path, losses, limits)), known)


def _of_contract(
    wanted: Collection[str], some: Iterable[Record], folders: Collection[str]
) -> Recognised | None:
    """The contract's own format, if a record or the folder names have all wanted columns; otherwise None."""
    missing = [name for name in wanted if name not in folders]
    return Recognised(format=None, why=COLUMNS) if any(holds(record, missing) for record in some) else None


def _by_votes(some: Iterable[Record]) -> Recognised | None:
    """The format that recognises the most records; None where no record is recognised."""
    found = [recognised for record in some if (recognised := best(record)) is not None]
    votes = Counter(recognised.name for recognised in found)
    return max(found, key=lambda recognised: votes[recognised.name], default=None)


def first_records(path: LogPath, limits: Limits = LIMITS) -> list[Record]:
    """The first records of a file without envelopes; empty where it cannot be read."""
    try:
        return list(_sample(path, {}, Losses(path), limits))
    except FAULTS:
        return []


def is_empty(path: LogPath, limits: Limits) -> bool:
    """Whether a file has no records, no faults and no header."""
    losses = Losses(path)
    try:
        found = next(iter(records(path, losses, limits)), None)
    except FAULTS:
        return False
    header = _columns(path, limits) if kind_of(path) in TABLES else []
    return found is None and not losses.listed().num_rows and not header


def is_nested(path: LogPath, names: Mapping[str, str], limits: Limits) -> bool:
    """Whether one of the mapped names is a path into the first records, such as `user.id`, rather than a
    field.
    """
    some = first_records(path, limits)
    paths = [theirs for theirs in names.values() if "." in theirs]
    return any(theirs not in record and holds(record, [theirs]) for theirs in paths for record in some)


def best(record: Record) -> Recognised | None:
    """The first format that recognises a record; None where none does."""
    for one in all_formats():
        why = one.recognise(record)
        if why:
            return Recognised(format=one, why=why)
    return None


def _is_sketch(path: LogPath) -> bool:
    """Whether a file is a sketch."""
    if kind_of(path) != "parquet":
        return False
    try:
        return SKETCH in (pq.read_schema(seekable(path)).metadata or {})
    except FAULTS:
        return False


def _columns(path: LogPath, limits: Limits) -> list[str]:
    """Column names of a Parquet or CSV file; empty where it cannot be read."""
    try:
        return (
            pq.read_schema(seekable(path)).names if kind_of(path) == "parquet" else csv_header(path, limits)
        )
    except FAULTS:
        return []


def keys_of(path: LogPath, limits: Limits = LIMITS) -> list[str]:
    """The keys of a file's first records, or the header of a table without rows."""
    keys: dict[str, None] = {}
    for record in first_records(path, limits):
        keys |= dict.fromkeys(map(str, record))
    if not keys and kind_of(path) in TABLES:
        return _columns(path, limits)
    return list(keys)


def seen(path: LogPath, keys: Collection[str]) -> str:
    """A description of a file's keys for a message."""
    if not keys:
        return "no line that is JSON or of a known form" if kind_of(path) == "log" else "no record"
    return f"keys {shown(keys, known_names(keys, kind_of(path) != 'csv'), SHOWN)}"


def known_names(fields: Collection[str], keyed: bool) -> frozenset[str]:
    """Field names that messages may show, since they are no customers' text: those of the contract and of
    formats, and names in the form that programs use.

    In a CSV file (`keyed` False), which may lack a header, that form counts only if all names have it.
    """
    plain = {name for name in fields if PLAIN.fullmatch(name)}
    known = frozenset(EXCHANGES.names).union(*(form.known for form in all_formats()))
    return known | plain if keyed or len(plain) == len(set(fields)) else known
