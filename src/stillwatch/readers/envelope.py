"""What do shippers put around a record, and how is it taken out?

An envelope is one module in `readers/envelopes` that defines one `Envelope` of the module's own name.
`Opener` takes records out of all of them, in any order and to `DEEPEST` levels, before a file's format is
recognised and again when it is read.

* A record that the file's format knows is never opened: what a sender wrote in it stays where it is.
* What an envelope holds is an object, or text. Text is JSON, or a line of a log: `{"line": text, "modified":
  seconds since 1970}`.
* A text that was cut into several envelopes is put together, up to the limit of a line.
* Text that is no record is passed over and counted; text that begins as a record and is none is quarantined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.plugins import units
from stillwatch.readers import envelopes
from stillwatch.readers.limits import Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.places import LogPath
from stillwatch.readers.records import Span, records
from stillwatch.readers.registry import Format, Numbered, Record, field
from stillwatch.readers.times import MICROSECONDS, micros
from stillwatch.readers.tolerant import is_begun, is_broken, objects, unquoted

NEEDED = tuple(name for name in EXCHANGES.required if name != "exchange_id")
DEEPEST = 8  # envelopes in envelopes that are opened: chosen, twice what shippers make
BEGINNINGS = 4  # pieces that may be the first of a record and are tried: chosen
SAMPLE = 200  # records by which a file is known: chosen
MOST = 20_000  # records and lines of text among which they are looked for: chosen
LINE = "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text in an envelope.

    `time` is when it was logged, in any form. `of` names the stream that it is a piece of; `ends` says
    whether it is the last piece of its line, None where only a whole record can tell.
    """

    text: str
    time: Any = None
    of: str = ""
    ends: bool | None = True


Inner = Record | Text
Opened = tuple[list[Record], Counter[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One shape of what shippers put around records.

    `keys` are names of which a record has at least one to be looked at; `open` gives what is in it, None
    where it is no such envelope. A `loose` shape could be a record of its own: it is opened where something
    known is in it, or was in others of the same file, since a sender may make his own record unknown. What is
    in it is `either` of several, or all of them.
    """

    name: str
    title: str
    source: str
    keys: frozenset[str]
    open: Callable[[Record, Limits], Iterable[Inner] | None]
    loose: bool = False
    either: bool = False


Open = Callable[[Record, Limits], Iterable[Inner] | None]


def envelope(
    *, title: str, source: str, keys: Iterable[str], loose: bool = False, either: bool = False
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
            either=either,
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

    `known` says whether a record is of the file's format, `lines` whether that format reads lines of text.
    `modified` is the time of lines whose envelope tells none. `usual` gives an opener that has opened the
    first records of the file, where it is asked.
    """

    def __init__(
        self,
        known: Callable[[Record], bool],
        losses: Losses,
        limits: Limits,
        *,
        lines: bool = True,
        modified: float = 0.0,
        usual: Callable[[], Opener | None] = lambda: None,
    ) -> None:
        self._known, self.losses, self._limits = known, losses, limits
        self._lines, self._modified, self._usual = lines, modified, cache(usual)
        self._keys = by_key().keys() | {LINE}
        self._pieces: dict[
            str, list[str]
        ] = {}  # by stream; lists are added to, since one line may be in thousands of pieces
        self._sizes: Counter[str] = Counter()  # characters of these
        self.ending: set[str] = set()  # streams of which a piece said that it is the last one
        self._number = 0
        self._waits = False  # whether the record at hand is a piece

    def __call__(self, numbered: Iterator[Numbered]) -> Iterator[Numbered]:
        """The records, opened; one in an envelope has the envelope's number."""
        for number, record in numbered:
            if self._keys.isdisjoint(record):
                yield number, record
                continue
            self._number, self._waits = number, False
            found, names = self._opened(record, DEEPEST)
            self.losses.envelopes.update(names)
            self.losses.passed_over += not found and not self._waits
            for one in found:
                if self._lines or not is_line(one):
                    yield number, one
                else:
                    self._passed_over(one)
        for pieces in self._pieces.values():
            self._give_up(pieces)

    def _passed_over(self, line: Record) -> None:
        text = line[LINE]
        if is_broken(text):
            self.losses.row(self._number, "line is not JSON", text.encode("utf-8", "replace"))
        else:
            self.losses.passed_over += 1

    def _opened(self, record: Record, deep: int) -> Opened:
        """The records in a record, and how often each envelope was opened."""
        closed: Opened = [record], Counter()
        if not deep or self._known(record):
            return closed
        usual = strict = None
        for one, inner in self._readings(record):
            found, names = self._inside(inner, deep)
            names[one.name] += 1
            if (not found and not one.loose) or any(map(self._known, found)):
                return found, names
            if usual is None and self._is_usual(one.name):
                usual = found, names
            elif strict is None and not one.loose:
                strict = found, names
        return usual or strict or closed

    def _inside(self, inner: Iterable[Inner], deep: int) -> Opened:
        found: list[Record] = []
        names: Counter[str] = Counter()
        for one in inner:
            for made in self._read(one, f"{deep} {one.of}") if isinstance(one, Text) else [one]:
                more, others = self._opened(made, deep - 1)
                found += more
                names += others
        return found, names

    def _readings(self, record: Record) -> Iterator[tuple[Envelope, list[Inner]]]:
        """What may be in a record, by each envelope that it may be."""
        some = {one.name: one for key in record if key in self._keys for one in by_key().get(key, ())}
        for one in sorted(some.values(), key=lambda one: (one.loose, one.name)):
            inner = one.open(record, self._limits)
            if inner is not None:
                yield from ((one, [each]) for each in inner) if one.either else [(one, list(inner))]

    def _read(self, piece: Text, of: str) -> list[Record]:
        """The records that a text holds, itself as a line where it holds none, nothing where it goes on
        in another envelope.
        """
        pieces = self._pieces.pop(of, []) if piece.of else []
        size = self._sizes.pop(of, 0) + len(piece.text)
        if piece.ends:
            self.ending.add(of)
        if piece.ends is None and not self._is_ending(of):
            alone = objects(piece.text)
            if alone is not None:
                self._give_up(pieces)
                return alone
            if not pieces and not is_begun(piece.text):
                return self._whole(piece.text, piece.time)
        elif not pieces and piece.ends:
            return self._whole(piece.text, piece.time)
        pieces.append(piece.text)
        if piece.ends or (
            piece.ends is None and piece.text.rstrip().endswith("}") and not self._is_ending(of)
        ):
            found = self._joined(pieces)
            if found is not None or piece.ends:
                return self._whole("".join(pieces), piece.time) if found is None else found
        if size > self._limits.line:
            self._give_up(pieces, self._limits.told("line", "line exceeds"))
        else:
            self._pieces[of], self._sizes[of] = pieces, size
        self._waits = True
        return []

    def _is_usual(self, name: str) -> bool:
        first = self._usual()
        return first is not None and name in first.losses.envelopes

    def _is_ending(self, of: str) -> bool:
        """Whether the last pieces of this stream's lines say that they are."""
        if of not in self.ending and (first := self._usual()) is not None and of in first.ending:
            self.ending.add(of)
        return of in self.ending

    def _joined(self, pieces: list[str]) -> list[Record] | None:
        """The records of these pieces, or of the last ones, where the first are of a record whose end is
        missing.
        """
        begins = [place for place, piece in enumerate(pieces) if place == 0 or is_begun(piece)]
        for begin in (*begins[:1], *begins[1:][-BEGINNINGS:]):
            found = objects("".join(pieces[begin:]))
            if found is not None:
                self._give_up(pieces[:begin])
                return found
        return None

    def _give_up(self, pieces: list[str], why: str = "record is cut short") -> None:
        if pieces:
            self.losses.row(self._number, why, "".join(pieces).encode("utf-8", "replace"))

    def _whole(self, text: str, time: Any) -> list[Record]:  # noqa: ANN401  any JSON value
        found = objects(text)
        if found is not None:
            return found
        if text.startswith('"'):
            text = unquoted(text)
        at = micros(time)
        seconds = self._modified if at is None else at / MICROSECONDS
        line = text.strip("\r\n")
        return [{LINE: line, "modified": seconds, "timed": at is not None}] if line.strip() else []


def least_columns(names: Mapping[str, str]) -> set[str]:
    """The fields without which a record is no row of the contract; ids can be made."""
    return {names.get(column, column) for column in NEEDED}


def holds(record: Record, names: Iterable[str]) -> bool:
    """Whether a record has these fields; a name such as `user.id` may be a path into it."""
    return all(name in record or ("." in name and field(record, name) is not None) for name in names)


def unwrapped(
    path: LogPath,
    form: Format,
    names: Mapping[str, str],
    losses: Losses,
    limits: Limits,
    span: Span | None = None,
) -> Iterator[Numbered]:
    """Records of a file of this format, out of their envelopes; `names` and `span` as in `vendor_batches`
    and `records`.
    """
    least = least_columns(names)

    def known(record: Record) -> bool:
        return bool(form.recognise(record)) or holds(record, least)

    def usual() -> Opener:
        lost = Losses(path)
        first = Opener(known, lost, limits)
        for _record in sample(first(records(path, lost, limits)), known):
            pass
        return first

    opener = Opener(
        known, losses, limits, lines=LINE in form.known, modified=path.stat().st_mtime, usual=usual
    )
    return opener(records(path, losses, limits, span))


def sample(numbered: Iterator[Numbered], known: Callable[[Record], bool]) -> Iterator[Record]:
    """The first `SAMPLE` records that are no text or known, of the first `MOST`."""
    seen = 0
    for _number, record in islice(numbered, MOST):
        if seen < SAMPLE and (not is_line(record) or known(record)):
            seen += 1
            yield record
        if seen == SAMPLE:
            return


def is_line(record: Record) -> bool:
    """Whether a record stands for a line of text."""
    return LINE in record and "modified" in record and isinstance(record[LINE], str)
