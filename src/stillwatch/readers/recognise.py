"""Which format is a file of, and how does one know?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.errors import Problem, UsageError
from stillwatch.foreign import named as shown
from stillwatch.readers.container import kind_of
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.open import FAULTS, csv_header
from stillwatch.readers.places import partition, seekable
from stillwatch.readers.records import records
from stillwatch.readers.registry import Format, Record, all_formats

CONTRACT, SKETCHES = "contract", "sketch"
# In the metadata of a sketch's Parquet.
SKETCH, KEY_ID, RELEASE = b"stillwatch.sketch", b"stillwatch.key_id", b"stillwatch.release"
SAMPLE = 200
TABLES = ("parquet", "csv")
NEEDED = tuple(name for name in EXCHANGES.required if name != "exchange_id")  # that is made where a log has none
PLAIN = re.compile(r"@?[A-Za-z_][\w.:/-]{0,39}", re.ASCII)  # a name that a program gives to a field


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
    """The format of a file by its first records; None where it is none that is known.

    Columns of the contract, or those that `--map` names, come before a vendor's shape; a few of them come after it.
    """
    if _is_sketch(path):
        return Recognised(format=None, why="metadata of `stillwatch sketch`", sketch=True)
    every = frozenset(partition(path))
    if kind_of(path) in TABLES:
        told = _of_contract([every.union(_columns(path, limits))], names, EXCHANGES.required)
        if told:
            return told
    some = first_records(path, limits)
    fields = [every.union(record) for record in some]
    return (
        _of_contract(fields, names, EXCHANGES.required)
        or best(some)
        or _of_contract(fields, names, NEEDED)
    )


def first_records(path: Path, limits: Limits, number: int = SAMPLE) -> list[Record]:
    """The first records of a file, none where it cannot be read."""
    try:
        return [record for _number, record in islice(records(path, Losses(path), limits), number)]
    except FAULTS:
        return []


def is_empty(path: Path, limits: Limits) -> bool:
    """Whether a file has neither records nor anything that could not be read as one."""
    losses = Losses(path)
    try:
        found = next(iter(records(path, losses, limits)), None)
    except FAULTS:
        return False
    return found is None and not losses.listed().num_rows and not (kind_of(path) in TABLES and _columns(path, limits))


def is_nested(path: Path, names: Mapping[str, str], limits: Limits) -> bool:
    """Whether one of these names is no field of the file's first records but a path into them, such as `user.id`."""
    fields = frozenset(_columns(path, limits)) if kind_of(path) in TABLES else frozenset()
    fields = fields.union(*first_records(path, limits))
    return any(theirs not in fields and _has(fields, theirs) for theirs in names.values())


def _of_contract(
    fields: Iterable[frozenset[str]],
    names: Mapping[str, str],
    needed: Iterable[str],
) -> Recognised | None:
    """The contract where a record has all of these columns under these names."""
    wanted = {names.get(column, column) for column in needed}
    if any(all(_has(some, name) for name in wanted) for some in fields):
        return Recognised(format=None, why="columns of the contract")
    return None


def _has(fields: frozenset[str], name: str) -> bool:
    """Whether a record has a field of this name, or the object in which a path such as `metadata.user` begins."""
    return name in fields or name.partition(".")[0] in fields


def best(some: Iterable[Record]) -> Recognised | None:
    """The first format that recognises any of these records."""
    for record in some:
        for one in all_formats():
            why = one.recognise(record)
            if why:
                return Recognised(format=one, why=why)
    return None


def _is_sketch(path: Path) -> bool:
    if kind_of(path) != "parquet":
        return False
    try:
        return SKETCH in (pq.read_schema(seekable(path)).metadata or {})
    except FAULTS:
        return False


def _columns(path: Path, limits: Limits) -> list[str]:
    try:
        return pq.read_schema(seekable(path)).names if kind_of(path) == "parquet" else csv_header(path, limits)
    except FAULTS:
        return []


def keys_of(path: Path, limits: Limits = LIMITS) -> list[str]:
    """The keys of a file's first records, or the header of a table without rows."""
    keys: dict[str, None] = {}
    for record in first_records(path, limits):
        keys |= dict.fromkeys(map(str, record))
    if not keys and kind_of(path) in TABLES:
        return _columns(path, limits)
    return list(keys)


def seen(path: Path, keys: Collection[str]) -> str:
    """These keys of a file as a message may show them."""
    if not keys:
        return "no record"
    if set(keys) <= {"line", "modified"}:
        return "lines of text that are not JSON"
    return f"keys {shown(keys, known_names(keys, kind_of(path) != 'csv'))}"


def known_names(fields: Collection[str], keyed: bool) -> Collection[str]:
    """Names of fields that are no customer's text: the contract's, the vendors', and those that look like a program's.

    Of a CSV file, which may have no header, all must look so: `keyed` is False.
    """
    plain = {name for name in fields if PLAIN.fullmatch(name)}
    known = frozenset(EXCHANGES.names).union(*(form.known for form in all_formats()))
    return known | plain if keyed or len(plain) == len(set(fields)) else known
