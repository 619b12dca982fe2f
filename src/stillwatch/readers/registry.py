"""What does a log format say about itself, and how is it found?

A format is one module in `readers/formats` that defines one `Format` of the module's own name. It turns records (JSON
objects, rows of a table) into rows of the contract, as dictionaries with contract names; a value that is not there is
left out. What a record lacks or has wrongly makes it `Malformed`, and only it is quarantined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from stillwatch.readers import formats
from stillwatch.readers.times import NO_TIME, micros
from stillwatch.units import units

Record = Mapping[str, Any]
Row = dict[str, Any]
Numbered = tuple[int, Record]


class Malformed(Exception):
    """A record that cannot be read as an exchange; `column` is the contract's."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


@dataclass(frozen=True, slots=True)
class Unjoined:
    """What a part of a log leaves open at its end.

    `rows` have their number and the name of what they wait for; `told` is, by name, what rows elsewhere may wait for;
    `join` makes a row whole.
    """

    rows: list[tuple[int, str, Row]]
    told: Mapping[str, Mapping[str, Any]]
    join: Callable[[Row, Mapping[str, Any]], Row]

    def joined(self, *others: Unjoined | None) -> Iterator[tuple[int, Row]]:
        """The rows, whole where a neighbouring part tells what they wait for, and as they are elsewhere."""
        for number, name, row in self.rows:
            told = next((other.told[name] for other in others if other and name in other.told), None)
            yield number, row if told is None else self.join(row, told)


Read = Iterator[tuple[int, Row | Malformed | Unjoined]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A vendor's shape of log.

    `recognise` tells from one record why it is of this format, '' when it is not. `read` turns numbered records into
    numbered rows, or reasons why there is none. `fields` are contract columns with the vendor's names for them;
    `known` are the top-level names that the format reads or knowingly leaves, all others are counted as set aside.
    `part` reads some of a log's records apart from the others; what it leaves open is `Unjoined`, its last item.
    """

    name: str
    title: str
    source: str
    fields: Mapping[str, str]
    notes: tuple[str, ...]
    known: frozenset[str]
    recognise: Callable[[Record], str]
    read: Callable[[Iterator[Numbered]], Iterator[tuple[int, Row | Malformed]]]
    part: Callable[[Iterator[Numbered]], Read]


SHAPES = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)


def another_shape(error: Exception) -> Malformed:
    """What is said of a record whose values are of other kinds than its format's."""
    return Malformed(None, f"record has another shape ({type(error).__name__})")


Reader = Callable[[Record], Iterable[Row]]


def log_format(
    *,
    title: str,
    source: str,
    fields: Mapping[str, str],
    known: Iterable[str],
    recognise: Callable[[Record], str],
    notes: tuple[str, ...] = (),
    split: Callable[[Record], Iterable[Record]] = lambda record: (record,),
) -> Callable[[Reader], Format]:
    """Declare a format whose records are read one by one; `split` gives the entries of a record that holds several.

    Each entry that cannot be read is a reason of its own, and its neighbours are read.
    """

    def wrap(function: Reader) -> Format:
        def read(records: Iterator[Numbered]) -> Iterator[tuple[int, Row | Malformed]]:
            for number, record in records:
                for entry in split(record):
                    try:
                        for row in function(entry):
                            yield number, row
                    except Malformed as why:
                        yield number, why
                    except SHAPES as error:
                        yield number, another_shape(error)

        return Format(
            name=function.__name__, title=title, source=source, fields=fields, notes=notes, known=frozenset(known),
            recognise=recognise, read=read, part=read,
        )  # fmt: skip

    return wrap


@cache
def all_formats() -> tuple[Format, ...]:
    """Every format, in the order of their names."""
    return units(formats, Format)


def moment(value: Any) -> int:  # noqa: ANN401  any JSON value
    """Microseconds since 1970 from a time as logs write it (`readers/times.py`). Raises `Malformed`."""
    found = micros(value)
    if found is None:
        raise Malformed("timestamp", NO_TIME)
    return found


def first(*values: Any) -> Any:  # noqa: ANN401  any JSON values
    """The first value that says something."""
    return next((v for v in values if v is not None and v not in ("", [], {})), None)


def at(record: Any, *path: str) -> Any:  # noqa: ANN401  any JSON value
    """The value at a path of names; None where anything on the way is missing."""
    for name in path:
        if not isinstance(record, Mapping):
            return None
        record = record.get(name)
    return record


def field(record: Record, name: str) -> Any:  # noqa: ANN401  any JSON value
    """The value that a person means by a name: of a field, or at a path such as `metadata.user`; None where there is none."""
    return record[name] if name in record else at(record, *name.split("."))


def mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401  any JSON value
    """The value where it is an object; else one without names, since senders choose what stands there."""
    return value if isinstance(value, Mapping) else {}


def total(*counts: Any) -> int | None:  # noqa: ANN401  any JSON values
    """The sum of the counts that are given; None when none is."""
    known = [
        int(c) for c in counts if isinstance(c, int | float) and not isinstance(c, bool) and abs(c) < 2**62
    ]
    return sum(known) if known else None


def milliseconds(seconds: Any) -> float | None:  # noqa: ANN401  any JSON value
    """A duration in seconds, as a number or as text, in milliseconds."""
    try:
        return float(seconds) * 1000
    except (TypeError, ValueError, OverflowError):
        return None


def address(value: Any) -> str | None:  # noqa: ANN401  any JSON value
    """The address in `host`, `host:port` or `[host]:port`."""
    if not isinstance(value, str) or not value:
        return None
    if "," in value or value[0].isspace() or value[-1].isspace():
        value = value.partition(",")[0].strip()
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.rpartition(":")[0] if value.count(":") == 1 else value


def header(headers: Any, *names: str) -> Any:  # noqa: ANN401  any JSON value
    """The value of the first of these headers, whatever its case; the first of several values."""
    if not isinstance(headers, Mapping):
        return None
    lower = {str(k).lower(): v for k, v in headers.items()}
    found = next((lower[name] for name in names if lower.get(name)), None)
    return found[0] if isinstance(found, list) and found else found


def refusal(reason: Any, category: Any) -> str | None:  # noqa: ANN401  any JSON values
    """Why an answer ended; a provider's own category of refusal stays beside it (`refusal:reasoning_extraction`)."""
    if not isinstance(reason, str) or not reason:
        return f"refusal:{category}" if isinstance(category, str) and category else None
    return f"{reason}:{category}" if isinstance(category, str) and category else reason
