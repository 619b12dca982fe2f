"""What do shippers put around a record, and how is it taken out?

An envelope is one module in `readers/envelopes` that defines one `Envelope` of the module's own name. `Opener` takes records out of all
of them, in any order and to `DEEPEST` levels, before a file's format is recognised and again when it is read.

* A record that the file's format knows is never opened: what a sender wrote in it stays where it is.
* What an envelope holds is an object, or text. Text is JSON, or a line of a log: `{"line": text, "modified": seconds since 1970}`.
* A text that was cut into several envelopes is put together, up to the limit of a line.
* Text that is no record is passed over and counted; text that begins as a record and is none is quarantined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.readers import envelopes
from stillwatch.readers.limits import Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.records import Span, records
from stillwatch.readers.registry import Format, Numbered, Record
from stillwatch.readers.times import MICROSECONDS, micros
from stillwatch.readers.tolerant import is_broken, objects
from stillwatch.units import units

DEEPEST = 8  # envelopes in envelopes that are opened: chosen, twice what shippers make
LINE = "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text in an envelope.

    `time` is when it was logged, in any form. `of` names the stream that it is a piece of; `ends` says whether it is the last piece of its
    line, None where only a whole record can tell.
    """

    text: str
    time: Any = None
    of: str = ""
    ends: bool | None = True


Inner = Record | Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One shape of what shippers put around records.

    `keys` are names of which a record has at least one to be looked at; `open` gives what is in it, None where it is no such envelope.
    A `loose` shape could be a record of its own: it is opened only where something known is in it.
    """

    name: str
    title: str
    source: str
    keys: frozenset[str]
    open: Callable[[Record, Limits], Iterable[Inner] | None]
    loose: bool = False


Open = Callable[[Record, Limits], Iterable[Inner] | None]


def envelope(
    *, title: str, source: str, keys: Iterable[str], loose: bool = False
) -> Callable[[Open], Envelope]:
    """Declare an envelope by the function that opens it."""

    def wrap(function: Open) -> Envelope:
        return Envelope(
            name=function.__name__,
            title=title,
            source=source,
            keys=frozenset(keys),
            open=function,
            loose=loose,
        )

    return wrap


@cache
def all_envelopes() -> tuple[Envelope, ...]:
    """Every envelope: exact shapes before loose ones, in the order of their names."""
    return tuple(sorted(units(envelopes, Envelope), key=lambda one: (one.loose, one.name)))


@cache
def by_key() -> Mapping[str, tuple[Envelope, ...]]:
    """The envelopes to look for where a record has a key."""
    keys = {key for one in all_envelopes() for key in one.keys}
    return {key: tuple(one for one in all_envelopes() if key in one.keys) for key in keys}


class Opener:
    """Takes the records of one file out of their envelopes.

    `known` says whether a record is of the file's format, `lines` whether that format reads lines of text. `modified` is the time of lines
    whose envelope tells none.
    """

    def __init__(
        self,
        known: Callable[[Record], bool],
        losses: Losses,
        limits: Limits,
        *,
        lines: bool = True,
        modified: float = 0.0,
    ) -> None:
        self._known, self._losses, self._limits = known, losses, limits
        self._lines, self._modified = lines, modified
        self._keys = by_key().keys() | {LINE}
        self._pieces: dict[str, list[str]] = {}
        self._number = 0

    def __call__(self, numbered: Iterator[Numbered]) -> Iterator[Numbered]:
        """The records, opened; one in an envelope has the envelope's number."""
        for number, record in numbered:
            if self._keys.isdisjoint(record):
                yield number, record
                continue
            self._number = number
            found, names = self._opened(record, DEEPEST)
            self._losses.envelopes.update(names)
            for one in found:
                if self._lines or not is_line(one):
                    yield number, one
                else:
                    self._passed_over(one)
        for key in list(self._pieces):
            self._give_up(key, "record is cut short")

    def _passed_over(self, line: Record) -> None:
        text = line[LINE]
        if is_broken(text):
            self._losses.row(self._number, "line is not JSON", text.encode("utf-8", "replace"))
        else:
            self._losses.passed_over += 1

    def _opened(self, record: Record, deep: int) -> tuple[list[Record], Counter[str]]:
        """The records in a record, and how often each envelope was opened."""
        if not deep or self._known(record):
            return [record], Counter()
        for one in self._candidates(record):
            inner = one.open(record, self._limits)
            if inner is None:
                continue
            found: list[Record] = []
            names = Counter((one.name,))
            for each in inner:
                records = self._read(each) if isinstance(each, Text) else [each]
                for made in records:
                    more, others = self._opened(made, deep - 1)
                    found += more
                    names += others
            if not one.loose or any(map(self._known, found)):
                return found, names
        return [record], Counter()

    def _candidates(self, record: Record) -> list[Envelope]:
        some = {one.name: one for key in record if key in self._keys for one in by_key().get(key, ())}
        return sorted(some.values(), key=lambda one: (one.loose, one.name))

    def _read(self, piece: Text) -> list[Record]:
        """The records that a text holds, itself as a line where it holds none, nothing where it goes on in another envelope."""
        text = piece.text
        waiting = self._pieces.get(piece.of) if piece.of else None
        if piece.ends is None:
            return self._guessed(piece, waiting)
        if waiting is not None:
            del self._pieces[piece.of]
            text = "".join([*waiting, text])
        if not piece.ends:
            self._wait(piece.of, text)
            return []
        return self._whole(text, piece.time)

    def _guessed(self, piece: Text, waiting: list[str] | None) -> list[Record]:
        """As `_read`, of a piece that does not say whether it is the last one."""
        alone = objects(piece.text)
        if waiting is None:
            if alone is None and is_broken(piece.text):
                self._wait(piece.of, piece.text)
                return []
            return self._whole(piece.text, piece.time) if alone is None else alone
        if alone is not None:
            self._give_up(piece.of, "record is cut short")
            return alone
        joined = "".join([*waiting, piece.text])
        del self._pieces[piece.of]
        found = objects(joined) if piece.text.rstrip().endswith("}") else None
        if found is None:
            self._wait(piece.of, joined)
        return found or []

    def _wait(self, of: str, text: str) -> None:
        if len(text) > self._limits.line:
            raw = text.encode("utf-8", "replace")
            self._losses.row(self._number, self._limits.told("line", "line exceeds"), raw)
        else:
            self._pieces[of] = [text]

    def _give_up(self, of: str, why: str) -> None:
        text = "".join(self._pieces.pop(of))
        self._losses.row(self._number, why, text.encode("utf-8", "replace"))

    def _whole(self, text: str, time: Any) -> list[Record]:  # noqa: ANN401  any JSON value
        found = objects(text)
        if found is not None:
            return found
        at = micros(time)
        seconds = self._modified if at is None else at / MICROSECONDS
        return [
            {LINE: one, "modified": seconds, "timed": at is not None}
            for one in text.splitlines()
            if one.strip()
        ]


def unwrapped(
    path: Path,
    form: Format,
    names: Mapping[str, str],
    losses: Losses,
    limits: Limits,
    span: Span | None = None,
) -> Iterator[Numbered]:
    """Records of a file of this format, out of their envelopes; `names` and `span` as in `vendor_batches` and `records`."""
    required = {names.get(column, column) for column in EXCHANGES.required}
    opener = Opener(
        lambda record: bool(form.recognise(record)) or required <= record.keys(),
        losses,
        limits,
        lines=LINE in form.known,
        modified=path.stat().st_mtime,
    )
    return opener(records(path, losses, limits, span))


def is_line(record: Record) -> bool:
    """Whether a record stands for a line of text."""
    return LINE in record and "modified" in record and isinstance(record[LINE], str)
