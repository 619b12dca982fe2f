"""Joins several records of one exchange, in one file or in files that belong together.

Each record gives a `Fragment`; fragments with the same key are joined. Of the file that is read, up to `HELD`
bytes of fragments are kept, and the oldest are completed first. The other files of the scan are read once and
indexed, up to `BESIDE` bytes of text; beyond that only keys are kept. An exchange becomes a row of the file
with its leading fragment, so that it is counted exactly once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from stillwatch.readers.beside import Beside, records_of
from stillwatch.readers.limits import Limits
from stillwatch.readers.open import FAULTS
from stillwatch.readers.places import LogPath
from stillwatch.readers.registry import (
    SHAPES,
    Format,
    Malformed,
    Numbered,
    PassedOver,
    ReaderResult,
    Record,
    Row,
    another_shape,
    mapped,
)

HELD = 64 << 20  # most bytes of waiting fragments of one file: chosen
BESIDE = 256 << 20  # most bytes of indexed fragments of other files: chosen
KEYS = 4_000_000  # most indexed fragments of other files: chosen
FILES = 2_000  # most files that are indexed: chosen
OVERHEAD = 300  # bytes of memory of a fragment without its text


@dataclass(frozen=True, slots=True)
class Fragment:
    """The content of one record on the exchange `key`. The fragment with the smallest `rank` leads its
    exchange.

    `content` holds columns or fields; `named` are columns that `--map` names.
    """

    key: str
    rank: int
    content: Mapping[str, Any]
    named: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Approximate size in bytes."""
        return OVERHEAD + sum(len(one) for one in self.content.values() if isinstance(one, str))


@dataclass(frozen=True, slots=True)
class Placed:
    """A fragment with its file and the number of its record."""

    fragment: Fragment
    file: str
    number: int

    @property
    def order(self) -> tuple[int, str, int]:
        """Sort key of the fragments of one exchange."""
        return self.fragment.rank, self.file, self.number


JoinedPart = Fragment | Row | None
Recognise = Callable[[Record], str]
Assembled = Iterable[tuple[Placed, Row | Malformed]]


def joined_format(
    *,
    title: str,
    source: str,
    fields: Mapping[str, str],
    known: Iterable[str],
    recognise: Recognise,
    assemble: Callable[[Sequence[Placed], Beside | None], Assembled],
    is_whole: Callable[[Sequence[Placed]], bool],
    notes: tuple[str, ...] = (),
    split: Callable[[Record], Iterable[Record]] = lambda record: (record,),
) -> Callable[[Callable[[Record], JoinedPart]], Format]:
    """Decorator that declares a format in which several records describe one exchange.

    The decorated function returns a record's fragment, a row where the record describes the whole exchange,
    or None where it is no exchange. `assemble` makes rows from the fragments of one key, each with its
    leading fragment; `is_whole` is whether no further fragments are expected. The other arguments are fields
    of `Format`.
    """

    def wrap(function: Callable[[Record], JoinedPart]) -> Format:
        """Make the function a `Format`."""
        taken = _Taker(function, split)

        def read(
            records: Iterator[Numbered], beside: Beside | None = None
        ) -> Iterator[tuple[int, ReaderResult]]:
            """Yield the rows of a file, each once its exchange is complete."""
            names = tuple(beside.names.items()) if beside else ()
            return _FileReader(form, replace(taken, names=names), assemble, is_whole, beside).rows(records)

        form = Format(
            name=function.__name__,
            title=title,
            source=source,
            fields=fields,
            notes=notes,
            known=frozenset(known),
            recognise=recognise,
            read=read,
            part=read,
            in_parts=lambda _beside: False,
            parts=split,
        )
        return form

    return wrap


@dataclass(frozen=True, slots=True)
class _Taker:
    """Converts each record to a fragment, a row, a `Malformed`, or None where it is no exchange."""

    function: Callable[[Record], JoinedPart]
    split: Callable[[Record], Iterable[Record]]
    names: tuple[tuple[str, str], ...] = ()

    def __call__(self, records: Iterator[Numbered]) -> Iterator[tuple[int, JoinedPart | Malformed]]:
        names = dict(self.names)
        for number, record in records:
            for entry in self.split(record):
                try:
                    taken = self.function(entry)
                    if names and taken is not None:
                        named = mapped(names, entry, record)
                        taken = replace(taken, named=named) if isinstance(taken, Fragment) else taken | named
                    yield number, taken
                except PassedOver:
                    yield number, None
                except Malformed as why:
                    yield number, why
                except SHAPES as error:
                    yield number, another_shape(error)


class _FileReader:
    """Reads one file."""

    def __init__(
        self,
        form: Format,
        taken: _Taker,
        assemble: Callable[[Sequence[Placed], Beside | None], Assembled],
        is_whole: Callable[[Sequence[Placed]], bool],
        beside: Beside | None,
    ) -> None:
        self._form, self._taken, self._assemble, self._is_whole = form, taken, assemble, is_whole
        self._beside, self._file = beside, str(beside.path) if beside else ""
        self._held = _Held()
        self._others: Mapping[str, Sequence[Placed]] | None = None

    def rows(self, records: Iterator[Numbered]) -> Iterator[tuple[int, ReaderResult]]:
        """Yield the file's rows, and the records that are passed over or malformed."""
        for number, one in self._taken(records):
            if one is None:
                yield number, PassedOver()
            elif not isinstance(one, Fragment):
                yield number, one
            else:
                several = self._held.add(Placed(one, self._file, number))
                if self._is_whole(several):
                    yield from self._settled(self._held.take(one.key))
                while self._held.size > HELD:
                    yield from self._settled(self._held.oldest())
        while self._held.several:
            yield from self._settled(self._held.oldest())

    def _settled(self, mine: list[Placed]) -> Iterator[tuple[int, ReaderResult]]:
        """The rows of the exchange to which the file's fragments of one key belong."""
        several = mine if self._is_whole(mine) else [*mine, *self._elsewhere(mine[0].fragment.key)]
        led = False
        try:
            for leader, row in self._assemble(several, self._beside):
                if leader.file == self._file:
                    led = True
                    if self._taken.names and not isinstance(row, Malformed):
                        row = row | _named([leader, *several])  # noqa: PLW2901
                    yield leader.number, row
        except SHAPES as error:
            led = True
            yield mine[0].number, another_shape(error)
        if not led:  # another file has the row
            yield from ((one.number, PassedOver()) for one in mine)

    def _elsewhere(self, key: str) -> Iterator[Placed]:
        """Fragments of a key in the other files."""
        if self._others is None:
            self._others = _together(self._beside, self._form, self._taken) if self._beside else {}
        return (one for one in self._others.get(key, ()) if one.file != self._file)


def _named(several: Iterable[Placed]) -> Row:
    """The columns that `--map` names, each from the first fragment with a value."""
    row: Row = {}
    for one in several:
        row |= {name: value for name, value in one.fragment.named.items() if row.get(name) is None}
    return row


@dataclass(slots=True)
class _Held:
    """Waiting fragments of a file, by key in the order of arrival; `size` is in bytes."""

    several: OrderedDict[str, list[Placed]] = field(default_factory=OrderedDict)
    size: int = 0

    def add(self, one: Placed) -> list[Placed]:
        """Keep a fragment; returns all fragments of its key."""
        self.size += one.fragment.size
        several = self.several.setdefault(one.fragment.key, [])
        several.append(one)
        return several

    def take(self, key: str) -> list[Placed]:
        """Remove and return the fragments of a key."""
        several = self.several.pop(key)
        self.size -= sum(one.fragment.size for one in several)
        return several

    def oldest(self) -> list[Placed]:
        """Remove and return the fragments of the oldest key."""
        return self.take(next(iter(self.several)))


_LOCK = threading.Lock()  # held while the companions of files are read, so that they are read once


def _together(beside: Beside, form: Format, taken: _Taker) -> Mapping[str, Sequence[Placed]]:
    """Fragments by key of all files that belong with a log and have its format."""
    files = beside.together()[:FILES]
    if len(files) < 2:
        return {}
    with _LOCK:  # files of one folder are read by several threads, and one reading serves all
        return _indexed(files, form, taken, beside.limits)


@lru_cache(2)
def _indexed(
    files: tuple[tuple[LogPath, int, int], ...], form: Format, taken: _Taker, limits: Limits
) -> Mapping[str, Sequence[Placed]]:
    """As `_together`, for these files in their present versions."""
    found: dict[str, list[Placed]] = {}
    size = number_of = 0
    for path, _size, _changed in files:
        with suppress(*FAULTS):
            for number, one in taken(records_of(path, form, limits)):
                if not isinstance(one, Fragment):
                    continue
                size, number_of = size + one.size, number_of + 1
                held = one if size <= BESIDE else Fragment(one.key, one.rank, {})
                found.setdefault(one.key, []).append(Placed(held, str(path), number))
                if number_of >= KEYS:
                    return found
    return found
