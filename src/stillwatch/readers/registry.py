"""What does a log format say about itself, and how is it found?

A format is one module in `readers/formats` that defines one `Format` of the module's own name, or one that an
entry point of an installed package names (`READERS`). It turns records (JSON
objects, rows of a table) into rows of the contract, as dictionaries with contract names; a value that is not
there is left out. What a record lacks or has wrongly makes it `Malformed`, and only it is quarantined. A
record of a log that is no exchange (a health check, an audit record, a step of a trace) is `PassedOver`:
counted, and not quarantined.
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
"""Group of entry points by which formats of other packages are found."""

Record = Mapping[str, Any]
Row = dict[str, Any]
Numbered = tuple[int, Record]


class Malformed(Exception):
    """A record that cannot be read as an exchange; `column` is the contract's."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


class PassedOver(Exception):
    """A record that its format knows and that is no exchange."""


@dataclass(frozen=True, slots=True)
class Unjoined:
    """What a part of a log leaves open at its end.

    `rows` have their number and the name of what they wait for; `told` is, by name, what rows elsewhere may
    wait for; `join` makes a row whole, or gives None where another row is of the same exchange.
    """

    rows: list[tuple[int, str, Row]]
    told: Mapping[str, Mapping[str, Any]]
    join: Callable[[Row, Mapping[str, Any]], Row | None]

    def joined(self, *others: Unjoined | None) -> Iterator[tuple[int, Row]]:
        """The rows, whole where neighbouring parts tell what they wait for, and as they are elsewhere;
        without those that a neighbour has.
        """
        for number, name, row in self.rows:
            whole: Row | None = row
            for other in others:
                if other is not None and name in other.told and whole is not None:
                    whole = self.join(whole, other.told[name])
            if whole is not None:
                yield number, whole


Told = Row | Malformed | PassedOver
Read = Iterator[tuple[int, Told | Unjoined]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Format:
    """A vendor's shape of log.

    `recognise` tells from one record why it is of this format, '' when it is not. `read` turns numbered
    records into numbered rows, or reasons why there is none. `fields` are contract columns with the vendor's
    names for them; `known` are the top-level names that the format reads or knowingly leaves, all others are
    counted as set aside. `part` reads some of a log's records apart from the others; what it leaves open is
    `Unjoined`, its last item. Where a format's records belong together over the whole file, or with those of
    files that lie together, `in_parts` is false. A `loose` shape is looked for where no other one fits.
    `origin` is the text of a mapping file and its name, where the format was made of one. `parts` gives what
    of a record is looked through for the names that a person gives for columns (`mapped`): entries, or the
    attributes of spans.
    """

    name: str
    title: str
    source: str
    fields: Mapping[str, str]
    notes: tuple[str, ...]
    known: frozenset[str]
    recognise: Callable[[Record], str]
    read: Callable[[Iterator[Numbered], Beside | None], Iterator[tuple[int, Told]]]
    part: Callable[[Iterator[Numbered], Beside | None], Read]
    in_parts: Callable[[Beside], bool] = lambda _beside: True
    loose: bool = False
    origin: tuple[str, str] | None = None
    parts: Callable[[Record], Iterable[Record]] = lambda record: (record,)

    def __reduce__(self) -> tuple[Callable[..., Format], tuple[Any, ...]]:
        """A format goes to another process by its name, or by the text of the mapping file that it was
        made of.
        """
        return _again, (self.name, self.origin)


def _again(name: str, origin: tuple[str, str] | None) -> Format:
    if origin is not None:
        from stillwatch.readers.mapping import mapped_format

        return mapped_format(*origin)
    return next(form for form in all_formats() if form.name == name)


class Unreadable:
    """Stands in a row for a value that is there and cannot be read: its cell is null and counted."""


UNREADABLE: Any = Unreadable()
UNATTRIBUTED = "unattributed"  # the account of rows whose log names none
LONGEST_NUMBER = 64  # letters of a number: chosen
LONGEST_SECONDS = 1e12  # chosen: beyond all that is a duration

SHAPES = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)


def another_shape(error: Exception) -> Malformed:
    """What is said of a record whose values are of other kinds than its format's."""
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
    """Declare a format whose records are read one by one; `split` gives the entries of a record that holds
    several. With `beside` the function is given what lies beside the log as well.

    Each entry that cannot be read is a reason of its own, and its neighbours are read. An entry that gives no
    row is passed over.
    """

    def wrap(function: Callable[..., Iterable[Row]]) -> Format:
        def read(records: Iterator[Numbered], around: Beside | None = None) -> Iterator[tuple[int, Told]]:
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
    """Every format, those of a loose shape last, in the order of their names."""
    return tuple(sorted(units(formats, Format, READERS), key=lambda form: (form.loose, form.name)))


def moment(value: Any) -> int:  # noqa: ANN401  any JSON value
    """Microseconds since 1970 from a time as logs write it (`readers/times.py`). Raises `Malformed`."""
    found = micros(value)
    if found is None:
        raise Malformed("timestamp", NO_TIME)
    return found


def first(*values: Any) -> Any:  # noqa: ANN401  any JSON values
    """The first value that says something; NaN, which tables have in place of nothing, does not."""
    return next((v for v in values if v is not None and v not in ("", [], {}) and v == v), None)


def at(record: Any, *path: str) -> Any:  # noqa: ANN401  any JSON value
    """The value at a path of names; None where anything on the way is missing."""
    for name in path:
        if not isinstance(record, Mapping):
            return None
        record = record.get(name)
    return record


def field(record: Any, name: str) -> Any:  # noqa: ANN401  any JSON value
    """The value that a person means by a name: of a field, or at a path such as `metadata.user`, in which the
    name of a field may have dots itself; None where there is none.
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


def mapped(names: Mapping[str, str], *records: Any) -> Row:  # noqa: ANN401  any JSON values
    """The columns of `names` with the values of the fields of these names, in the first of the records
    that has one; None for others.
    """
    row: Row = {}
    for column, theirs in names.items():
        value = next((found for one in records if (found := field(one, theirs)) is not None), None)
        row[column] = micros(value) if column == "timestamp" else value
    return row


def mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401  any JSON value
    """The value where it is an object; else one without names, since senders choose what stands there."""
    return value if isinstance(value, Mapping) else {}


def number(value: Any) -> int | float | None:  # noqa: ANN401  any JSON value
    """A finite number, given as one or as text."""
    if isinstance(value, str) and len(value) <= LONGEST_NUMBER:
        try:
            value = int(value) if value.strip().lstrip("+-").isdecimal() else float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < inf:
        return None
    return value


def total(*counts: Any) -> int | None:  # noqa: ANN401  any JSON values
    """The sum of the counts that are given; None when none is."""
    known = [int(c) for c in map(number, counts) if c is not None and abs(c) < 2**62]
    return sum(known) if known else None


def milliseconds(seconds: Any) -> float | None:  # noqa: ANN401  any JSON value
    """A duration in seconds, as a number or as text, in milliseconds."""
    known = number(seconds)
    return None if known is None or abs(known) > LONGEST_SECONDS else known * 1000


def elapsed_ms(begin: Any, end: Any) -> float | None:  # noqa: ANN401  any JSON values
    """Milliseconds between two times in any form; None where one of them is none."""
    try:
        return (moment(end) - moment(begin)) / 1000
    except Malformed:
        return None


def address(value: Any) -> str | None:  # noqa: ANN401  any JSON value
    """The address in `host`, `host:port` or `[host]:port`, the first of several; None where there is none."""
    if isinstance(value, list) and value:
        value = value[0]
    return address_in(value) if isinstance(value, str) and value else None


def header(headers: Any, *names: str) -> Any:  # noqa: ANN401  any JSON value
    """The value of the first of these headers, whatever its case; the first of several values."""
    if not isinstance(headers, Mapping):
        return None
    lower = {str(k).lower(): v for k, v in headers.items()}
    found = next((lower[name] for name in names if lower.get(name)), None)
    return found[0] if isinstance(found, list) and found else found


def refusal(reason: Any, category: Any) -> str | None:  # noqa: ANN401  any JSON values
    """Why an answer ended; a provider's own category of refusal stays beside it
    (`refusal:reasoning_extraction`).
    """
    if not isinstance(reason, str) or not reason:
        return f"refusal:{category}" if isinstance(category, str) and category else None
    return f"{reason}:{category}" if isinstance(category, str) and category else reason
