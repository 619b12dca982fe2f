"""Takes records out of the envelopes that log shippers put around them.

An envelope is one module in `readers/envelopes` that defines one `Envelope` of the module's name.
`Opener` opens envelopes in any order, nested to `MAX_NESTED_ENVELOPES` levels, both before a file's
format is recognised and when the file is read.

* A record that the file's format recognises is never opened, so that content of a sender stays in place.
* An envelope holds objects or text. Text is JSON, or a line of a log: `{"line": text, "modified": seconds
  since 1970}`.
* Text that was split over several envelopes is joined, up to the limit of a line.
* Text that is no record is skipped and counted; text that starts like a record but is none is quarantined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Literal

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
"""Required columns of the contract that cannot be filled where they are missing."""
MAX_NESTED_ENVELOPES = 8  # most nested envelopes that are opened: chosen, twice what shippers produce
BEGINNINGS = 4  # most pieces that are tried as the first of a record: chosen
SAMPLE = 200  # records by which a file's format is recognised: chosen
MOST_SEARCHED = 20_000  # most records and lines of text among which the sample is searched: chosen
LINE = "line"
"""Key of the text in a record that stands for a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text in an envelope.

    `time` is the time of logging in any form, or None. `of` names the stream of which the text is a piece
    (empty: it is whole). `ends` is whether it is the last piece of its line; None where only parsing the
    joined pieces shows it.
    """

    text: str
    time: Any = None
    of: str = ""
    ends: bool | None = True


Inner = Record | Text
Opened = tuple[list[Record], Counter[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One form of envelope.

    `keys`: a record with at least one of these keys may be this envelope. `open` returns the content of a
    record, None where the record is not this envelope. A `loose` envelope could also be a record itself: it
    is opened only where its content is recognised, or where other records of the file were in it, since a
    sender can make his own record unrecognisable. With `either`, each item of the content is an alternative;
    otherwise all items belong to it.
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
    """Decorator that declares an envelope by the function that opens it; the arguments are fields of
    `Envelope`.
    """

    def wrap(function: Open) -> Envelope:
        """Make the function the `open` of an `Envelope`."""
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
    """All envelopes: exact ones before loose ones, each sorted by name."""
    return tuple(sorted(units(envelopes, Envelope), key=lambda one: (one.loose, one.name)))


@cache
def by_key() -> Mapping[str, tuple[Envelope, ...]]:
    """The envelopes that a record with a key may be, by key."""
    keys = {key for one in all_envelopes() for key in one.keys}
    return {key: tuple(one for one in all_envelopes() if key in one.keys) for key in keys}


class Opener:
    """Opens the envelopes of one file's records.

    `known` is whether a record is of the file's format, `lines` whether that format reads lines of text.
    `modified` (seconds since 1970) is the time of lines whose envelope has none. `usual` returns an opener
    that has read the file's first records, or None.
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
        ] = {}  # by stream; lists, since one line may consist of thousands of pieces
        self._sizes: Counter[str] = Counter()  # characters of the pieces, by stream
        self.ending: set[str] = set()  # streams in which last pieces are marked
        self._number = 0
        self._waits = False  # whether the current record is a piece that was kept

    def __call__(self, numbered: Iterator[Numbered]) -> Iterator[Numbered]:
        """Yield the records without envelopes, each with the number of its outermost envelope."""
        for number, record in numbered:
            if self._keys.isdisjoint(record):
                yield number, record
                continue
            self._number, self._waits = number, False
            found, names = self._opened(record, MAX_NESTED_ENVELOPES)
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
        """Count a line of text that no format reads, or quarantine it where it is a broken record."""
        text = line[LINE]
        if is_broken(text):
            self.losses.row(self._number, "line is not JSON", text.encode("utf-8", "replace"))
        else:
            self.losses.passed_over += 1

    def _opened(self, record: Record, deep: int) -> Opened:
        """The records in a record, and the number of opened envelopes by name."""
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
        """The records in an envelope's content, and the number of opened envelopes by name."""
        found: list[Record] = []
        names: Counter[str] = Counter()
        for one in inner:
            for made in self._read(one, f"{deep} {one.of}") if isinstance(one, Text) else [one]:
                more, others = self._opened(made, deep - 1)
                found += more
                names += others
        return found, names

    def _readings(self, record: Record) -> Iterator[tuple[Envelope, list[Inner]]]:
        """Possible contents of a record, each with the envelope in whose form it is read."""
        some = {one.name: one for key in record if key in self._keys for one in by_key().get(key, ())}
        for one in sorted(some.values(), key=lambda one: (one.loose, one.name)):
            inner = one.open(record, self._limits)
            if inner is not None:
                yield from ((one, [each]) for each in inner) if one.either else [(one, list(inner))]

    def _read(self, piece: Text, of: str) -> list[Record]:
        """The records in a text, or the text as a line where it holds none; empty where more pieces are
        needed.
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
            self._give_up(pieces, self._limits.message("line", "line exceeds"))
        else:
            self._pieces[of], self._sizes[of] = pieces, size
        self._waits = True
        return []

    def _is_usual(self, name: str) -> bool:
        """Whether the file's first records are in this envelope."""
        first = self._usual()
        return first is not None and name in first.losses.envelopes

    def _is_ending(self, of: str) -> bool:
        """Whether last pieces are marked in this stream."""
        if of not in self.ending and (first := self._usual()) is not None and of in first.ending:
            self.ending.add(of)
        return of in self.ending

    def _joined(self, pieces: list[str]) -> list[Record] | None:
        """The records in these pieces, or in the last of them where the end of an earlier record is missing;
        None where there are none yet.
        """
        begins = [place for place, piece in enumerate(pieces) if place == 0 or is_begun(piece)]
        for begin in (*begins[:1], *begins[1:][-BEGINNINGS:]):
            found = objects("".join(pieces[begin:]))
            if found is not None:
                self._give_up(pieces[:begin])
                return found
        return None

    def _give_up(self, pieces: list[str], why: str = "record is cut short") -> None:
        """Quarantine pieces that give no record."""
        if pieces:
            self.losses.row(self._number, why, "".join(pieces).encode("utf-8", "replace"))

    def _whole(self, text: str, time: Any) -> list[Record]:  # noqa: ANN401  any JSON value
        """The records of a whole text, or the text as a line where it holds none."""
        found = objects(text)
        if found is not None:
            return found
        if text.startswith('"'):
            text = unquoted(text)
        at = micros(time)
        seconds = self._modified if at is None else at / MICROSECONDS
        line = text.strip("\r\n")
        return [{LINE: line, "modified": seconds, "timed": at is not None}] if line.strip() else []


def piece_of(line: str, limits: Limits) -> Literal["no", "piece", "beginning", "perhaps"]:
    """Whether a line of a file holds a piece of a record that later lines complete: it says so, or its text
    begins like a record and is none, or is any text without an end.
    """
    found = objects(line)
    record = found[0] if found else {LINE: line}
    for one in {one.name: one for key in record for one in by_key().get(key, ())}.values():
        for inner in one.open(record, limits) or ():
            if not isinstance(inner, Text) or not inner.of:
                continue
            if inner.ends is False:
                return "piece"
            if inner.ends is None and objects(inner.text) is None:
                return "beginning" if is_begun(inner.text) else "perhaps"
            return "no"
    return "no"


def least_columns(names: Mapping[str, str]) -> set[str]:
    """The fields that a record needs to become a row of the contract, by `names` (contract column to
    field).
    """
    return {names.get(column, column) for column in NEEDED}


def holds(record: Record, names: Iterable[str]) -> bool:
    """Whether a record has all of these fields; a name such as `user.id` may be a path."""
    return all(name in record or ("." in name and field(record, name) is not None) for name in names)


def unwrapped(
    path: LogPath,
    form: Format,
    names: Mapping[str, str],
    losses: Losses,
    limits: Limits,
    span: Span | None = None,
) -> Iterator[Numbered]:
    """Yield the records of a file in this format without their envelopes, each with its number.

    `names` maps contract columns to fields; `span` is as in `records`.
    """
    least = least_columns(names)

    def known(record: Record) -> bool:
        """Whether a record needs no further opening: the format recognises it, or it is one of the
        contract.
        """
        return bool(form.recognise(record)) or holds(record, least)

    def usual() -> Opener:
        """An opener that has learned the file's usual envelopes from its first records."""
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
    """Yield the first `SAMPLE` records that are recognised or are no lines of text, among the first
    `MOST_SEARCHED`.
    """
    seen = 0
    for _number, record in islice(numbered, MOST_SEARCHED):
        if seen < SAMPLE and (not is_line(record) or known(record)):
            seen += 1
            yield record
        if seen == SAMPLE:
            return


def unfollowed(line: str) -> str:
    """A line without blanks and Monolog's empty contexts at its end."""
    line = line.rstrip()
    while line.endswith(" []"):
        line = line[:-3].rstrip()
    return line


def is_line(record: Record) -> bool:
    """Whether a record stands for a line of text."""
    return LINE in record and "modified" in record and isinstance(record[LINE], str)
