"""Converts times in the forms that logs use to microseconds since 1970.

* A number is in seconds, milli-, micro- or nanoseconds since 1970, in ticks of 100 ns since 1601 (Windows) or
  since year 1 (.NET): the unit in which it lies between 2015 and 2100. The six ranges do not overlap.
* A text is a number, ISO 8601 (also with a decimal comma, a blank, `UTC` or the name of a zone), RFC 5322, or
  a date with the name of the month.
* A time without a zone is UTC. `05/04/2026` is rejected, since day and month cannot be distinguished.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from stillwatch.contract.table import EARLIEST_US, LATEST_US
from stillwatch.stats.arrays import Ints

NO_TIME = "value is not a time"  # why a value is not read
MICROSECONDS = 1_000_000  # microseconds of a second
SINCE_1601_S = 11_644_473_600  # seconds from 1601 to 1970
SINCE_1_S = 62_135_596_800  # seconds from year 1 to 1970
# For each unit: units per second, and seconds from its zero to 1970.
UNITS = ((1, 0), (10**3, 0), (10**6, 0), (10**9, 0), (10**7, SINCE_1601_S), (10**7, SINCE_1_S))
# Earliest and latest time that is read, in seconds since 1970.
EARLIEST_S, LATEST_S = EARLIEST_US // MICROSECONDS, LATEST_US // MICROSECONDS + 1
MAX_TIME_LENGTH = 64  # most characters of a time: chosen
# A number, which counts seconds or fractions since 1970.
NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d{1,3})?")
# A time as in ISO 8601: date, clock, fraction and zone.
ISO = re.compile(
    r"(?P<date>\d{4}(?P<sign>[-/.]?)\d\d(?P=sign)\d\d)"
    r"(?:[T ]?\s?(?P<clock>\d\d(?::?\d\d(?::?\d\d)?)?)(?:[.,](?P<parts>\d{1,12}))?"
    r"\s*(?P<zone>Z|UTC|GMT|[-+]\d\d(?::?\d\d)?(?:\s*UTC)?|[A-Za-z]+/[A-Za-z_/+-]+[0-9]*)?)?",
    re.IGNORECASE,
)
# Forms of times with the name of the month, for `strptime`.
NAMED = (
    "%d/%b/%Y:%H:%M:%S %z",  # access logs of Apache and nginx
    "%d/%b/%Y:%H:%M:%S",
    "%b %d, %Y @ %H:%M:%S.%f",  # Kibana
    "%b %d, %Y %H:%M:%S",
    "%b %d, %Y, %H:%M:%S",
    "%b %d, %Y, %I:%M:%S %p",
    "%b %d, %Y %I:%M:%S %p",
    "%a %b %d %H:%M:%S %Y",  # asctime
    "%a %b %d %H:%M:%S UTC %Y",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M:%S %z",
    "%d-%b-%Y %H:%M:%S",
)


def micros(value: Any) -> int | None:  # noqa: ANN401  any JSON value
    """Microseconds since 1970 of a time in one of these forms; None for anything else. The result may lie
    outside 2015 to 2100.
    """
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return _of_whole(value)
    if isinstance(value, float):
        return _of_real(value)
    if isinstance(value, Decimal):
        return _of_text(str(value))
    if isinstance(value, datetime):
        return _of_datetime(value)
    if isinstance(value, date):
        return _of_datetime(datetime(value.year, value.month, value.day, tzinfo=UTC))
    return None


def many(values: npt.NDArray[Any]) -> Ints:
    """As `micros`, for an array of numbers without nulls. A number that lies outside 2015 to 2100 in every
    unit gives -1.
    """
    found = np.full(len(values), -1, np.int64)
    for a_second, before in UNITS:
        least, most = (EARLIEST_S + before) * a_second, (LATEST_S + before) * a_second
        hit = (values >= least) & (values < most)
        if not hit.any():
            continue
        some = values[hit]
        if a_second > MICROSECONDS:
            made = some.astype(np.int64) // (a_second // MICROSECONDS)
        elif np.issubdtype(some.dtype, np.floating):
            made = np.rint(some * (MICROSECONDS // a_second)).astype(np.int64)
        else:
            made = some.astype(np.int64) * (MICROSECONDS // a_second)
        found[hit] = made - before * MICROSECONDS
    return found


def _of_whole(value: int) -> int | None:
    """Microseconds of an integer in any unit. Outside 2015 to 2100, its magnitude decides the unit."""
    for a_second, before in UNITS:
        if (EARLIEST_S + before) * a_second <= value < (LATEST_S + before) * a_second:
            return value * MICROSECONDS // a_second - before * MICROSECONDS
    for limit, factor in ((10**11, MICROSECONDS), (10**14, 1000), (10**17, 1)):
        if abs(value) < limit:
            return value * factor
    return value // 1000 if abs(value) < 2**72 else None


def _of_real(value: float) -> int | None:
    """As `_of_whole` for a float; None for NaN, infinity and very large values."""
    if not abs(value) < 2**72:  # neither infinite nor NaN
        return None
    if value == int(value):
        return _of_whole(int(value))
    for a_second, before in UNITS:
        if (EARLIEST_S + before) * a_second <= value < (LATEST_S + before) * a_second:
            return round(value * MICROSECONDS / a_second) - before * MICROSECONDS
    return _of_whole(int(value))


def _of_datetime(at: datetime) -> int:
    """Microseconds of a datetime; without a zone it is UTC."""
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return int(at.replace(microsecond=0).timestamp()) * MICROSECONDS + at.microsecond


def _of_text(value: str) -> int | None:
    """Microseconds of a text in any of the forms; None for other texts."""
    text = value.strip().strip("[]")
    if len(text) > MAX_TIME_LENGTH or not text.isascii():
        return None
    if NUMBER.fullmatch(text):
        if len(text) in (8, 14) and text.isdigit() and text.startswith("20"):  # 20260504, 20260504090000
            return _iso(text)
        return _of_whole(int(text)) if text.isdigit() else _of_real(float(text))
    for read in (_iso, _rfc, _with_month):
        found = read(text)
        if found is not None:
            return found
    return None


def _nothing_where_wrong(read: Callable[[str], int | None]) -> Callable[[str], int | None]:
    """Decorator: return None where the function raises because a text is no time."""

    def tried(text: str) -> int | None:
        """Microseconds since 1970; None where the text is no time."""
        try:
            return read(text)
        except (ValueError, TypeError, LookupError, OverflowError, OSError):
            return None

    return tried


@_nothing_where_wrong
def _iso(text: str) -> int | None:
    """Microseconds of a time in ISO 8601."""
    try:
        return _of_datetime(datetime.fromisoformat(text))
    except ValueError:
        pass
    found = ISO.fullmatch(text)
    if found is None:
        return None
    clock = (found["clock"] or "00").replace(":", "")
    leap = clock[4:] == "60"
    clock = clock[:4] + "59" if leap else clock
    at = datetime.fromisoformat(f"{found['date'].replace(found['sign'] or '-', '')}T{clock.ljust(6, '0')}")
    at += timedelta(seconds=leap, microseconds=int((found["parts"] or "0").ljust(6, "0")[:6]))
    return _of_datetime(_in_zone(at, (found["zone"] or "Z").upper(), found["zone"] or ""))


def _in_zone(at: datetime, zone: str, name: str) -> datetime:
    """The time with its zone, or converted to UTC from an offset."""
    if "/" in zone:
        return at.replace(tzinfo=ZoneInfo(name))
    if zone[0] not in "+-":
        return at.replace(tzinfo=UTC)
    digits = zone.removesuffix("UTC").strip().replace(":", "").ljust(5, "0")
    offset = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
    return (at - offset if zone[0] == "+" else at + offset).replace(tzinfo=UTC)


@_nothing_where_wrong
def _rfc(text: str) -> int | None:
    """Microseconds of a time in RFC 5322."""
    return _of_datetime(parsedate_to_datetime(text)) if text[:3].isalpha() and "," in text[:5] else None


def _with_month(text: str) -> int | None:
    """Microseconds of a time in one of the forms in `NAMED`; None for other texts."""
    if not any(letter.isalpha() for letter in text):
        return None
    for form in NAMED:
        try:
            return _of_datetime(datetime.strptime(text, form))  # noqa: DTZ007  UTC unless the text has a zone
        except ValueError:
            continue
    return None
