"""How is an exchange read that several records tell of, in one file or in files that lie together?

Each record gives a `Fragment`, and those of one key are put together. A file's own fragments are held up to
`HELD` bytes, the oldest being settled first; those of the files of a scan that lie together are read once for
all of these, up to `BESIDE` bytes of text, beyond which only their keys are kept. An exchange is a row of the
file that has its leading fragment, so that it is counted once and lost nowhere.
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
    Record,
    Row,
    Told,
    another_shape,
    mapped,
)

HELD = 64 << 20  # bytes of fragments of a file that wait for others: chosen
BESIDE = 256 << 20  # bytes of fragments of files that lie together: chosen
KEYS = 4_000_000  # fragments of files that lie together that are known at all: chosen
FILES = 2_000  # files of a folder that are looked at: chosen
OVERHEAD = 300  # bytes that a fragment takes beside its text


@dataclass(frozen=True, slots=True)
class Fragment:
    """What one record tells of the exchange `key`; of an exchange's fragments the one of least `rank` leads.

    `named` are columns by the names that `--map` gives.
    """

    key: str
    rank: int
    told: Mapping[str, Any]
    named: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return OVERHEAD + sum(len(one) for one in self.told.values() if isinstance(one, str))


@dataclass(frozen=True, slots=True)
class Placed:
    """A fragment with where it stands: a file, and the number of its record."""

    fragment: Fragment
    file: str
    number: int

    @property
    def order(self) -> tuple[int, str, int]:
        """By which fragments of one exchange are ordered."""
        return self.fragment.rank, self.file, self.number


Taken = Fragment | Row | None
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
) -> Callable[[Callable[[Record], Taken]], Format]:
    """Declare a format of which several records tell of one exchange.

    The function gives a record's fragment, a row where the record tells of all, or None where it is no
    exchange. `assemble` makes rows of the fragments of one key, each with the fragment that leads it;
    `is_whole` says that no more will come.
    """

    def wrap(function: Callable[[Record], Taken]) -> Format:
        taken = _Taker(function, split)

        def read(records: Iterator[Numbered], beside: Beside | None = None) -> Iterator[tuple[int, Told]]:
            names = tuple(beside.names.items()) if beside else ()
            return _Reading(form, replace(taken, names=names), assemble, is_whole, beside).rows(records)

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
    """What each record is: a fragment, a row, a reason why there is none, or None for what is no exchange."""

    function: Callable[[Record], Taken]
    split: Callable[[Record], Iterable[Record]]
    names: tuple[tuple[str, str], ...] = ()

    def __call__(self, records: Iterator[Numbered]) -> Iterator[tuple[int, Taken | Malformed]]:
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


class _Reading:
    """One file as it is read."""

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

    def rows(self, records: Iterator[Numbered]) -> Iterator[tuple[int, Told]]:
        """The file's rows, and what is passed over or cannot be read."""
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

    def _settled(self, mine: list[Placed]) -> Iterator[tuple[int, Told]]:
        """What becomes of the file's fragments of one key."""
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
        if self._others is None:
            self._others = _together(self._beside, self._form, self._taken) if self._beside else {}
        return (one for one in self._others.get(key, ()) if one.file != self._file)


def _named(several: Iterable[Placed]) -> Row:
    """The columns that `--map` names, each from the first of the fragments that has it."""
    row: Row = {}
    for one in several:
        row |= {name: value for name, value in one.fragment.named.items() if row.get(name) is None}
    return row


@dataclass(slots=True)
class _Held:
    """Fragments of a file that wait for others of their key, in the order in which their keys came."""

    several: OrderedDict[str, list[Placed]] = field(default_factory=OrderedDict)
    size: int = 0

    def add(self, one: Placed) -> list[Placed]:
        """Hold a fragment; returns all of its key."""
        self.size += one.fragment.size
        several = self.several.setdefault(one.fragment.key, [])
        several.append(one)
        return several

    def take(self, key: str) -> list[Placed]:
        """Those of a key, which are held no more."""
        several = self.several.pop(key)
        self.size -= sum(one.fragment.size for one in several)
        return several

    def oldest(self) -> list[Placed]:
        """Those of the key that came first, which are held no more."""
        return self.take(next(iter(self.several)))


_LOCK = threading.Lock()


def _together(beside: Beside, form: Format, taken: _Taker) -> Mapping[str, Sequence[Placed]]:
    """The fragments of the files that lie together with a log and are of its format, by key."""
    files = beside.together()[:FILES]
    if len(files) < 2:
        return {}
    with _LOCK:  # files of one folder are read by several threads, and one reading serves all
        return _indexed(files, form, taken, beside.limits)


@lru_cache(2)
def _indexed(
    files: tuple[tuple[LogPath, int, int], ...], form: Format, taken: _Taker, limits: Limits
) -> Mapping[str, Sequence[Placed]]:
    """As `_together`, of these files as they are now."""
    found: dict[str, list[Placed]] = {}
    size = number_of = 0
    for path, _size, _changed in files:
        with suppress(*FAULTS):
            for number, one in taken(records_of(path, form, limits)):
                if not isinstance(one, Fragment):
                    continue
                size, number_of = size + one.size, number_of + 1
                told = one if size <= BESIDE else Fragment(one.key, one.rank, {})
                found.setdefault(one.key, []).append(Placed(told, str(path), number))
                if number_of >= KEYS:
                    return found
    return found
