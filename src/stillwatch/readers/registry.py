"""Declaration and discovery of log formats, and functions that formats use.

A format is one module in `readers/formats` that defines one `Format` of the module's name, or an object named
by an entry point of an installed package (`READERS`). It converts records (JSON objects, rows of a table) to
rows of the contract: dictionaries with contract names, in which missing values are left out. An invalid
record raises `Malformed` and is quarantined; others are not affected. A record that is no exchange (a health
check, an audit record, a step of a trace) is `PassedOver`: counted, and not quarantined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Any, Literal, overload

from stillwatch.plugins import units
from stillwatch.readers import formats
from stillwatch.readers.addresses import address_in
from stillwatch.readers.times import NO_TIME, micros

if TYPE_CHECKING:
    from stillwatch.readers.beside import Beside

READERS = "stillwatch.readers"
"""Entry point group for formats of other packages."""

Record = Mapping[str, Any]
Row = dict[str, Any]
Numbered = tuple[int, Record]


class Malformed(Exception):
    """A record that cannot be read as an exchange. `column` is the contract's column at fault, or None."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


class PassedOver(Exception):
    """A record that its format recognises and that is no exchange."""


@dataclass(frozen=True, slots=True)
class Unjoined:
    """The incomplete rows of a part of a log, and what the part contains for rows of other parts.

    `rows` are incomplete rows with their number and the key under which they expect more. `content` is that
    for other rows by key. `join` completes a row, or returns None where another row represents the same
    exchange.
    """

    rows: list[tuple[int, str, Row]]
    content: Mapping[str, Mapping[str, Any]]
    join: Callable[[Row, Mapping[str, Any]], Row | None]

    def joined(self, *others: Unjoined | None) -> Iterator[tuple[int, Row]]:
        """Yield the rows with their numbers, completed with the content of neighbouring parts, and without
        those that a neighbour represents.
        """
        for number, name, row in self.rows:
            whole: Row | None = row
            for other in others:
                if other is not None and name in other.content and whole is not None:
                    whole = self.join(whole, other.content[name])
            if whole is not None:
                yield number, whole


ReaderResult = Row | Malformed | PassedOver
"""The result for one record."""
Read = Iterator[tuple[int, ReaderResult | Unjoined]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Format:
    """A vendor's log format.

    Attributes:
        fields: columns of the contract with the vendor's names for them.
        known: top-level names that the format reads or deliberately ignores; others are counted as unknown.
        recognise: returns why a record is of this format, empty where it is not.
        read: converts numbered records to numbered rows, or to the reason why there is none.
        part: as `read`, for a part of a log; what is incomplete at its end is `Unjoined`, the last item.
        in_parts: False where records belong together over the whole file, or over several files.
        loose: the format is tried after all others.
        origin: text and name of the mapping file from which the format was made; otherwise None.
        parts: the parts of a record (entries, attributes of spans) in which mapped fields are searched.
    """

    name: str
    title: str
    source: str
    fields: Mapping[str, str]
    notes: tuple[str, ...]
    known: frozenset[str]
    recognise: Callable[[Record], str]
    read: Callable[[Iterator[Numbered], Beside | None], Iterator[tuple[int, ReaderResult]]]
    part: Callable[[Iterator[Numbered], Beside | None], Read]
    in_parts: Callable[[Beside], bool] = lambda _beside: True
    loose: bool = False
    origin: tuple[str, str] | None = None
    parts: Callable[[Record], Iterable[Record]] = lambda record: (record,)

    def __reduce__(self) -> tuple[Callable[..., Format], tuple[Any, ...]]:
        """Pickle a format by its name, or by the text of its mapping file."""
        return _again, (self.name, self.origin)


def _again(name: str, origin: tuple[str, str] | None) -> Format:
    """The format of this name, or of this mapping file; used to unpickle a format."""
    if origin is not None:
        from stillwatch.readers.mapping import mapped_format

        return mapped_format(*origin)
    return next(form for form in all_formats() if form.name == name)


class Unreadable:
    """Marks a value in a row that is present and unreadable: it becomes null and is counted."""


UNREADABLE: Any = Unreadable()  # value of a column whose content is there and cannot be read
UNATTRIBUTED = "unattributed"  # account of rows whose log does not name one
MAX_PATH_NAMES = 16  # most names of a path in a record's name: chosen
LONGEST_NUMBER = 64  # most characters of a number: chosen
LONGEST_SECONDS = 1e12  # longest duration in seconds: chosen, longer than any real one

SHAPES = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)
"""Exceptions that a record of an unexpected form raises."""


def another_shape(error: Exception) -> Malformed:
    """The `Malformed` of a record with values of unexpected types."""
    return Malformed(None, f"record has another shape ({type(error).__name__})")


Reader = Callable[[Record], Iterable[Row]]
WiderReader = Callable[[Record, "Beside | None"], Iterable[Row]]


@overload
def log_format(
    *,
    title: str,
    source: str,
    fields: Mapping[str, str],
    known: Iterable[str],
    recognise: Callable[[Record], str],
    notes: tuple[str, ...] = ...,
    split: Callable[[Record], Iterable[Record]] = ...,
    loose: bool = ...,
    beside: Literal[False] = ...,
) -> Callable[[Reader], Format]: ...


@overload
def log_format(
    *,
    title: str,
    source: str,
    fields: Mapping[str, str],
    known: Iterable[str],
    recognise: Callable[[Record], str],
    notes: tuple[str, ...] = ...,
    split: Callable[[Record], Iterable[Record]] = ...,
    loose: bool = ...,
    beside: Literal[True],
) -> Callable[[WiderReader], Format]: ...


def log_format(
    *,
    title: str,
    source: str,
    fields: Mapping[str, str],
    known: Iterable[str],
    recognise: Callable[[Record], str],
    notes: tuple[str, ...] = (),
    split: Callable[[Record], Iterable[Record]] = lambda record: (record,),
    loose: bool = False,
    beside: bool = False,
) -> Callable[[Any], Format]:
    """Decorator that declares a format whose records are read one by one.

    The decorated function yields the rows of an entry; `split` returns the entries of a record. With
    `beside`, the function also receives the log's surroundings (`Beside` or None). An unreadable entry does
    not affect others; an entry without rows is passed over. The other arguments are fields of `Format`.
    """

    def wrap(function: Callable[..., Iterable[Row]]) -> Format:
        """Make the function a `Format`."""

        def read(
            records: Iterator[Numbered], around: Beside | None = None
        ) -> Iterator[tuple[int, ReaderResult]]:
            """Yield each record's rows, with the record's number."""
            more = (around,) if beside else ()
            names = around.names if around else {}
            for number, record in records:
                for entry in split(record):
                    none = True
                    try:
                        for row in function(entry, *more):
                            none = False
                            yield number, row | mapped(names, entry, record) if names else row
                        if none:
                            yield number, PassedOver()
                    except (Malformed, PassedOver) as why:
                        yield number, why
                    except SHAPES as error:
                        yield number, another_shape(error)

        return Format(
            name=function.__name__,
            title=title,
            source=source,
            fields=fields,
            notes=notes,
            known=frozenset(known),
            recognise=recognise,
            read=read,
            part=read,
            loose=loose,
            parts=split,
        )

    return wrap


@cache
def all_formats() -> tuple[Format, ...]:
    """All formats, loose ones last, each sorted by name."""
    return tuple(sorted(units(formats, Format, READERS), key=lambda form: (form.loose, form.name)))


def moment(value: Any) -> int:  # noqa: ANN401  any JSON value
    """Microseconds since 1970 of a time in any form (`readers/times.py`). Raises `Malformed` for anything
    else.
    """
    found = micros(value)
    if found is None:
        raise Malformed("timestamp", NO_TIME)
    return found


def first(*values: Any) -> Any:  # noqa: ANN401  any JSON values
    """The first value that is not empty; None where there is none. None, NaN, and empty text, lists and
    objects are empty.
    """
    return next((v for v in values if v is not None and v not in ("", [], {}) and v == v), None)


def at(record: Any, *path: str) -> Any:  # noqa: ANN401  any JSON value
    """The value at a path of names; None where a part of the path is missing."""
    for name in path:
        if not isinstance(record, Mapping):
            return None
        record = record.get(name)
    return record


def field(record: Any, name: str) -> Any:  # noqa: ANN401  any JSON value
    """The value of a field, or at a path such as `metadata.user`, in which field names may contain dots; None
    where there is none.
    """
    if not isinstance(record, Mapping):
        return None
    if name in record:
        return record[name]
    at = len(name)
    while (at := name.rfind(".", 0, at)) > 0:
        if name[:at] in record:
            return field(record[name[:at]], name[at + 1 :])
    return None


def nested(record: Record) -> Record:
    """The record with names that contain dots as paths (`input.tokens` is `tokens` in `input`), as tables of
    log stores flatten it; unchanged where no name does.
    """
    if not any("." in name for name in record):
        return record
    whole: dict[str, Any] = {name: value for name, value in record.items() if "." not in name}
    for path, value in record.items():
        *parents, last = path.split(".")
        if not parents or len(parents) > MAX_PATH_NAMES:
            continue
        place = whole
        for name in parents:
            inner = place.get(name)
            place[name] = place = dict(inner) if isinstance(inner, dict) else {}
        place[last] = value
    return whole


def mapped(names: Mapping[str, str], *records: Any) -> Row:  # noqa: ANN401  any JSON values
    """The columns of `names` with the values of their fields, each from the first record that has it; None
    where no record does.
    """
    row: Row = {}
    for column, theirs in names.items():
        value = next((found for one in records if (found := field(one, theirs)) is not None), None)
        row[column] = micros(value) if column == "timestamp" else value
    return row


def mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401  any JSON value
    """The value if it is an object, otherwise an empty object, since senders may put anything in its
    place.
    """
    return value if isinstance(value, Mapping) else {}


def number(value: Any) -> int | float | None:  # noqa: ANN401  any JSON value
    """A finite number, given as a number or as text; None for anything else."""
    if isinstance(value, str) and len(value) <= LONGEST_NUMBER:
        try:
            value = int(value) if value.strip().lstrip("+-").isdecimal() else float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < inf:
        return None
    return value


def total(*counts: Any) -> int | None:  # noqa: ANN401  any JSON values
    """The sum of the counts that are numbers; None where none is."""
    known = [int(c) for c in map(number, counts) if c is not None and abs(c) < 2**62]
    return sum(known) if known else None


def milliseconds(seconds: Any) -> float | None:  # noqa: ANN401  any JSON value
    """A duration in seconds, given as a number or as text, in milliseconds; None for anything else."""
    known = number(seconds)
    return None if known is None or abs(known) > LONGEST_SECONDS else known * 1000


def elapsed_ms(begin: Any, end: Any) -> float | None:  # noqa: ANN401  any JSON values
    """Milliseconds between two times in any form; None where one is missing or invalid."""
    try:
        return (moment(end) - moment(begin)) / 1000
    except Malformed:
        return None


def address(value: Any) -> str | None:  # noqa: ANN401  any JSON value
    """The address in `host`, `host:port` or `[host]:port`, or in the first of several; None where there is
    none.
    """
    if isinstance(value, list) and value:
        value = value[0]
    return address_in(value) if isinstance(value, str) and value else None


def header(headers: Any, *names: str) -> Any:  # noqa: ANN401  any JSON value
    """The value of the first of these headers (names in lower case) that is present; the first one of several
    values. None where there is none.
    """
    if not isinstance(headers, Mapping):
        return None
    lower = {str(k).lower(): v for k, v in headers.items()}
    found = next((lower[name] for name in names if lower.get(name)), None)
    return found[0] if isinstance(found, list) and found else found


def refusal(reason: Any, category: Any) -> str | None:  # noqa: ANN401  any JSON values
    """The finish reason, with the provider's category of refusal appended (`refusal:reasoning_extraction`).
    None where both are missing.
    """
    if not isinstance(reason, str) or not reason:
        return f"refusal:{category}" if isinstance(category, str) and category else None
    return f"{reason}:{category}" if isinstance(category, str) and category else reason
