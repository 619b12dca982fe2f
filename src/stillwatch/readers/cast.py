"""Converts columns of any type to columns of the contract, with all values in bounds.

Rules:
    Only an invalid required value removes a row. An optional value that is unreadable or out of bounds
    becomes null and is counted. A missing `exchange_id` is made (`MadeIdentifiers`), and a missing `model`
    becomes `unknown`, since senders choose both. Whole columns are converted at once; single cells are
    converted only where that fails.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.table import Column, TableSchema
from stillwatch.foreign import whole
from stillwatch.readers.addresses import addresses
from stillwatch.readers.losses import Losses
from stillwatch.readers.registry import Unreadable
from stillwatch.readers.times import many, micros
from stillwatch.readers.tolerant import loads
from stillwatch.stats.arrays import Bools, Ints

UNKNOWN = "unknown"  # name of the model of rows that name none
LONGEST_LIST = 1_000  # most items of a list that are kept: chosen
WRONG = (pa.ArrowException, OverflowError, TypeError, ValueError, AttributeError)
"""Exceptions that a failed conversion raises."""
MADE = ("exchange_id", "model")  # required columns that are filled where they are missing
MISSING = "required value is missing"  # why a row or value is not read
# Column with addresses, and why a value in it is not read.
ADDRESS, NO_ADDRESS = "client_ip", "value is no address"
# Why a value is not read, or not read whole.
OUT, CUT = "value is out of bounds", "value is too long and was cut"
# Texts that mean null (or no limit) in columns that are not text, in lower case.
NOTHING = frozenset(
    [
        "",
        *"- null none nil nan nat na n/a <na> undefined \\n inf +inf -inf infinity +infinity "
        "-infinity".split(),
    ]
)
# Truth value of a word in lower case.
BOOLEANS = {"true": True, "1": True, "1.0": True, "t": True, "yes": True, "y": True, "on": True} | {
    "false": False, "0": False, "0.0": False, "f": False, "no": False, "n": False, "off": False,
}  # fmt: skip
LONGEST_NUMBER = 64  # most characters of a number in a text: chosen
THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")  # a number with commas between thousands
# A number with a unit of time.
DURATION = re.compile(
    r"\s*([-+.,\deE]{1,32}?)\s*(ns|us|µs|μs|ms|msec|millis(?:econds?)?|s|secs?|seconds?)\s*", re.IGNORECASE
)
MILLISECONDS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "msec": 1.0} | dict.fromkeys(
    ("millis", "millisecond", "milliseconds"), 1.0
) | dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1e3)  # fmt: skip
"""Milliseconds in each unit of a duration."""
SYSTEM = re.compile(r"\s*AS\s?(\d{1,10})\b", re.IGNORECASE)
"""Number of an autonomous system with its prefix, such as `AS15169`."""
NAMES = re.compile(
    r"\{[^\"{}]*\}|[\w.:/-]+(?:\s*[,;|]\s*[\w.:/-]+)+"
)  # names of tools: PostgreSQL's array, or several
QUOTED = re.compile(r"'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\"")  # a quoted string within the text of a list


@dataclass(frozen=True, slots=True)
class MadeIdentifiers:
    """The rows of a batch whose identifiers are made.

    An identifier is made of the log's name, a digest of the row's account and time, and the number of its
    record. It stays the same while the log grows, is rotated or compressed, and differs between logs of one
    name. `places` numbers several such rows of one record from 1; the second and later ones append it.
    """

    rows: list[int]
    marks: list[str]
    numbers: list[int]
    places: list[int]

    @classmethod
    def of(cls, table: pa.Table, numbers: Ints) -> MadeIdentifiers | None:
        """The rows of `table`, in which records have these numbers, that have no identifier; None where all
        have one.
        """
        without = np.flatnonzero(np.asarray(pc.is_null(table.column("exchange_id"))))
        if not len(without):
            return None
        some = table.select(["account_id", "timestamp"]).take(without)
        moments = some.column("timestamp").cast(pa.int64()).to_pylist()
        seen: Counter[int] = Counter()
        places, found = [], numbers[without].tolist()
        for number in found:
            seen[number] += 1
            places.append(seen[number])
        marks = [
            hashlib.blake2b(f"{moment} {account}".encode(), digest_size=4).hexdigest()
            for account, moment in zip(some.column("account_id").to_pylist(), moments, strict=True)
        ]
        return cls(without.tolist(), marks, found, places)

    def ids(self, name: str, line: int) -> list[str]:
        """The identifiers in the log of this name, where the rows' part of it starts after line `line`."""
        return [
            f"{name}~{mark}:{line + number}" + (f".{place}" if place > 1 else "")
            for mark, number, place in zip(self.marks, self.numbers, self.places, strict=True)
        ]

    def named(self, table: pa.Table, name: str, line: int = 0) -> pa.Table:
        """The table with these identifiers in their rows."""
        place = table.column_names.index("exchange_id")
        ids = table.column(place).to_pylist()
        for row, made in zip(self.rows, self.ids(name, line), strict=True):
            ids[row] = made
        return table.set_column(place, table.schema.field(place), pa.array(ids, pa.string()))


def conform(
    batch: pa.Table,
    losses: Losses,
    numbers: Ints,
    schema: TableSchema = EXCHANGES,
    *,
    most: int | None = None,
) -> pa.Table:
    """The valid rows of a batch as rows of the contract; faults are added to `losses`.

    Args:
        batch: columns under contract names, of any types.
        losses: receives quarantined rows and counts of values set to null.
        numbers: number of each row in the file.
        schema: the contract's table.
        most: largest length in bytes of text without a bound of its own; longer text becomes null.
    """
    return conformed(batch, losses, numbers, schema, most=most)[0]


def conformed(
    batch: pa.Table,
    losses: Losses,
    numbers: Ints,
    schema: TableSchema = EXCHANGES,
    *,
    most: int | None = None,
) -> tuple[pa.Table, Bools, MadeIdentifiers | None]:
    """As `conform`; also a mask of the batch's rows that were kept, and those of them whose identifiers were
    made.
    """
    n = batch.num_rows
    found: list[tuple[str, str]] = []  # column and reason of each fault, by its place from 1
    fault = np.zeros(n, np.int16)
    columns: dict[str, pa.Array] = {}
    for column in schema.columns:
        if column.name in batch.column_names:
            array, faults = _column(_one(batch.column(column.name)), column, most)
        else:
            array, faults = pa.nulls(n, column.type), {}
        if column.name == ADDRESS:
            array, none = addresses(array)
            faults |= {NO_ADDRESS: none} if none.any() else {}
        if not column.nullable and pa.types.is_string(column.type):
            array = pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)
        columns[column.name] = array
        if column.nullable or (schema is EXCHANGES and column.name in MADE):
            for why, rows in faults.items():
                losses.cells(column.name, why, int(rows.sum()))
            continue
        losses.cells(column.name, CUT, int(faults.pop(CUT, np.zeros(0, bool)).sum()))
        gone = np.asarray(pc.is_null(array))
        for why, rows in (*faults.items(), (MISSING, gone)):
            found.append((column.name, why))
            fault[rows & gone & (fault == 0)] = len(found)
    table = pa.table([columns[c.name] for c in schema.columns], names=list(schema.names))
    kept = fault == 0
    if not kept.all():
        for place, (name, why) in enumerate(found, 1):
            places = np.flatnonzero(fault == place)
            if len(places):
                losses.rows(numbers[places], name, why, _digester(batch, places))
        table = table.filter(pa.array(kept))
    made = None
    if schema is EXCHANGES:
        table, made = _filled(table, losses, numbers[kept])
    return table.cast(schema.arrow), kept, made


def _filled(table: pa.Table, losses: Losses, numbers: Ints) -> tuple[pa.Table, MadeIdentifiers | None]:
    """The rows with `exchange_id` and `model` filled, and those of them whose identifiers were made."""
    for name in MADE:
        losses.cells(name, f"{MISSING} and was made", table.column(name).null_count)
    place = table.column_names.index("model")
    table = table.set_column(place, "model", table.column(place).fill_null(UNKNOWN))
    made = MadeIdentifiers.of(table, numbers)
    return table if made is None else made.named(table, losses.name), made


def _one(column: pa.ChunkedArray) -> pa.Array:
    """The column as a single array."""
    whole_column = column.combine_chunks()
    if isinstance(whole_column, pa.ChunkedArray):
        whole_column = (
            whole_column.chunk(0) if whole_column.num_chunks == 1 else pa.concat_arrays(whole_column.chunks)
        )
    return whole_column


def _column(raw: pa.Array, column: Column, most: int | None) -> tuple[pa.Array, dict[str, Bools]]:
    """The column converted to the contract's type and bounds, and for each kind of fault a mask of
    its rows.
    """
    array, bad = cast_rows(raw, column.type, column.name)
    faults = {f"value is not {_kind(column.type)}": bad} if bad.any() else {}
    array, more = _bounded(array, column, most)
    return array, faults | more


def _bounded(array: pa.Array, column: Column, most: int | None) -> tuple[pa.Array, dict[str, Bools]]:
    """The array with out-of-bounds values set to null and names that are too long shortened, and for each
    kind of fault a mask of its rows.
    """
    if column.least is not None and column.most is not None:
        moment = pa.types.is_timestamp(column.type)
        number = np.asarray(
            (array.cast(pa.int64()) if moment else array).fill_null(int(max(column.least, 0)))
        )
        out = ~((number >= column.least) & (number <= column.most))
        why = f"time is outside {_year(column.least)} to {_year(column.most + 1)}" if moment else OUT
        return (
            (pc.if_else(pa.array(out), pa.scalar(None, array.type), array), {why: out})
            if out.any()
            else (array, {})
        )
    if pa.types.is_string(column.type):
        limit = column.longest or most
        if limit is None or not len(array) or (pc.max(pc.binary_length(array)).as_py() or 0) <= limit:
            return array, {}
        long = np.asarray(pc.fill_null(pc.greater(pc.binary_length(array), limit), False))
        some = array.filter(pa.array(long)).to_pylist() if column.longest else [None] * int(long.sum())
        kept = [None if value is None else shortened(value, limit) for value in some]
        return pc.replace_with_mask(array, pa.array(long), pa.array(kept, pa.string())), {
            CUT if column.longest else OUT: long
        }
    if pa.types.is_list(column.type) and len(array):
        lengths = pc.fill_null(pc.list_value_length(array), 0)
        inner = pc.list_flatten(array)
        if pc.max(lengths).as_py() <= LONGEST_LIST and (
            not len(inner) or (pc.max(pc.binary_length(inner)).as_py() or 0) <= (column.longest or 0)
        ):
            return array, {}
        values = array.to_pylist()
        kept_lists = [None if value is None else _short_list(value, column.longest or 0) for value in values]
        cut = np.array([a != b for a, b in zip(values, kept_lists, strict=True)], bool)
        return pa.array(kept_lists, column.type), {CUT: cut}
    return array, {}


def _year(micros: float) -> int:
    """The year of a time in microseconds since 1970."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).year


def shortened(value: str, longest: int) -> str:
    """The name, or, if it exceeds `longest` bytes, its beginning with a digest of the whole, so that
    different names stay different.
    """
    if len(value) <= longest and len(value.encode()) <= longest:
        return value
    digest = hashlib.blake2b(value.encode(), digest_size=8).hexdigest()
    return f"{value.encode()[: longest - 20].decode('utf-8', 'ignore')}…{digest}"


def _short_list(values: Sequence[str | None], longest: int) -> list[str | None]:
    """At most `LONGEST_LIST` items, each shortened to `longest` bytes."""
    return [None if one is None else shortened(one, longest) for one in values[:LONGEST_LIST]]


def cast_rows(array: pa.Array, kind: pa.DataType, name: str = "") -> tuple[pa.Array, Bools]:
    """The array converted to type `kind`, and a mask of the rows that could not be converted (null in the
    result).

    `name` is the column's name: durations may have a unit, and numbers of autonomous systems the prefix `AS`.
    Texts that mean null become null and are not in the mask.
    """
    bad = np.zeros(len(array), bool)
    array = _plain(array)
    if array.type == kind:
        return array, bad
    if pa.types.is_decimal(array.type) and pa.types.is_floating(kind):
        array = array.cast(pa.float64())
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("ms"))
    try:
        if pa.types.is_timestamp(kind):
            return _times(array, kind)
        if pa.types.is_string(kind) and not _is_text(array.type) and not pa.types.is_integer(array.type):
            return cells(array.to_pylist(), kind, name)
        cast = array.cast(kind)
        return (_finite(cast) if pa.types.is_floating(kind) else cast), bad
    except WRONG:
        return cells(array.to_pylist(), kind, name)


def _plain(array: pa.Array) -> pa.Array:
    """The array without dictionary encoding, with bytes as UTF-8 text and non-finite numbers as null."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        array = array.cast(pa.large_binary()).view(pa.large_string())
    if _is_text(array.type):
        return valid_text(array)
    return _finite(array) if pa.types.is_floating(array.type) else array


def _finite(array: pa.Array) -> pa.Array:
    """The numbers as float64, with null for NaN (pandas' missing value) and for infinity (no limit)."""
    array = array.cast(pa.float64())
    finite = pc.is_finite(array)
    if pc.all(finite).as_py() is not False:
        return array
    return pc.if_else(finite, array, pa.scalar(None, pa.float64()))


def _times(array: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Bools]:
    """As `cast_rows` for times, converted at once. Raises `ValueError` or an Arrow exception where that is
    not possible, such as for texts of several forms.
    """
    bad = np.zeros(len(array), bool)
    if pa.types.is_timestamp(array.type):
        return array.cast(kind, safe=False), bad
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        known = np.asarray(pc.is_valid(array))
        found = np.full(len(array), -1, np.int64)
        found[known] = many(np.asarray(array.filter(pa.array(known))))
        if (found[known] < 0).any():
            raise ValueError("numbers that are no times of now")
        return pa.array(found, pa.int64(), mask=~known).cast(kind), bad
    try:
        return array.cast(pa.timestamp("ns", tz="UTC")).cast(kind, safe=False), bad
    except pa.ArrowInvalid:
        return array.cast(pa.timestamp("ns")).cast(pa.timestamp("us"), safe=False).cast(kind), bad


def column_of(values: list[Any], kind: pa.DataType, name: str) -> tuple[pa.Array, Bools]:
    """As `cells`, but converted at once where all values have the wanted type. Times are microseconds since
    1970.
    """
    try:
        if pa.types.is_list(kind) and any(
            isinstance(one, str) for one in values
        ):  # which Arrow takes for lists of letters
            raise TypeError("a text among lists")
        array = pa.array(values, pa.int64() if pa.types.is_timestamp(kind) else kind).cast(kind)
    except WRONG:
        return cells(values, kind, name)
    return array, np.zeros(len(values), bool)


def cells(values: Sequence[Any], kind: pa.DataType, name: str = "") -> tuple[pa.Array, Bools]:
    """As `cast_rows` for a list of any JSON values, converted one by one. A list of one value counts as that
    value.
    """
    read: Callable[[Any], Any] = _OF_COLUMN.get(name) or _READERS.get(kind.id, _as_list)
    scalar = not pa.types.is_list(kind)
    text = pa.types.is_string(kind)
    made: list[Any] = [None] * len(values)
    bad = np.zeros(len(values), bool)
    for place, value in enumerate(values):
        if scalar and isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list | dict):
            value = value[0]  # noqa: PLW2901  as headers are logged
        if value is None or (not text and _is_nothing(value)):
            continue
        with suppress(*WRONG):
            made[place] = read(value)
        bad[place] = made[place] is None
    array = pa.array(made, pa.int64() if pa.types.is_timestamp(kind) else kind)
    return array.cast(kind), bad


def _is_nothing(value: Any) -> bool:  # noqa: ANN401  any JSON value
    """Whether a value means null in a column that is not text: NaN, infinity, or a text of `NOTHING`."""
    if isinstance(value, str):
        return value.strip().lower() in NOTHING
    return isinstance(value, float) and not math.isfinite(value)


def text_cell(value: Any) -> str | None:  # noqa: ANN401  any JSON value
    """A value as text: numbers in decimal (1001.0 as 1001, since pandas converts integers to floats),
    structures as JSON, lone surrogates replaced. None for a non-finite number and an unreadable value.
    """
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, float | Decimal) and value == int(value) and abs(int(value)) < 2**63:
        return str(int(value))
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Unreadable):
        return None
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode("utf-8", "replace")


def _as_text(value: Any) -> str | None:  # noqa: ANN401  any JSON value
    """As `text_cell`, also for structures that contain lone surrogates."""
    try:
        return text_cell(value)
    except WRONG:  # a structure with a lone surrogate inside
        return whole(str(value))


def _number(value: Any) -> float:  # noqa: ANN401  any JSON value
    """A number, also as text with thousands separators or a decimal comma. Raises `ValueError` or `TypeError`
    for anything else.
    """
    if not isinstance(value, str):
        return value if isinstance(value, int) else float(value)
    text = value.strip()
    if len(text) > LONGEST_NUMBER:
        raise ValueError("text is no number")
    if "," in text:
        text = text.replace(",", "") if THOUSANDS.fullmatch(text) else text.replace(",", ".", 1)
    return int(text) if text.isdigit() else float(text)


def _as_int(value: Any) -> int | None:  # noqa: ANN401  any JSON value
    """The value as an integer; None where it has decimals or is too large."""
    number = _number(value)
    return int(number) if number == int(number) and abs(number) < 2**62 else None


def _as_real(value: Any) -> float | None:  # noqa: ANN401  any JSON value
    """The value as a finite float; None where it is not finite."""
    number = float(_number(value))
    return number if np.isfinite(number) else None


def _as_bool(value: Any) -> bool | None:  # noqa: ANN401  any JSON value
    """The value as a boolean; None where it is none of `BOOLEANS`."""
    return BOOLEANS.get(str(value).strip().lower())


def _as_system(value: Any) -> int | None:  # noqa: ANN401  any JSON value
    """The number of an autonomous system, with or without `AS`."""
    found = SYSTEM.match(value) if isinstance(value, str) else None
    return _as_int(found[1] if found else value)


def _as_duration_ms(value: Any) -> float | None:  # noqa: ANN401  any JSON value
    """A duration in milliseconds; a number without a unit is in milliseconds."""
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    return _as_real(found[1]) * MILLISECONDS[found[2].lower()] if found else _as_real(value)  # type: ignore[operator]  # a match is a number


def _as_list(value: Any) -> list[str | None] | None:  # noqa: ANN401  any JSON value
    """The texts of a list, given as a list or as text: JSON, a Python or PostgreSQL list, or names with
    separators.
    """
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("[", '{"')):
            value = _written_list(text)
        elif NAMES.fullmatch(text):
            value = [one.strip() for one in re.split(r"[,;|]", text.strip("{}")) if one.strip()]
    if isinstance(value, Unreadable):
        return None
    several = value if isinstance(value, list | tuple) else [value]
    return [None if one is None else _as_text(_name_of(one)) for one in several]


def _name_of(tool: Any) -> Any:  # noqa: ANN401  any JSON value
    """The name of a tool definition in a provider's form; any other value unchanged."""
    if isinstance(tool, dict):
        inner = tool.get("function")
        name = tool.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
        return name if isinstance(name, str) else tool
    return tool


def _written_list(text: str) -> Any:  # noqa: ANN401  any list
    """The items of a list in text: JSON, Python or NumPy."""
    try:
        return loads(text)
    except orjson.JSONDecodeError:
        quoted = QUOTED.findall(text)  # of Python, with or without commas (NumPy)
        if quoted:
            return [one[1:-1] for one in quoted]
        return [one.strip() for one in text.strip("[]").split(",") if one.strip()]


# Function that converts one cell, by Arrow type.
_READERS: dict[int, Callable[[Any], Any]] = {
    pa.string().id: _as_text,
    pa.int64().id: _as_int,
    pa.float64().id: _as_real,
    pa.bool_().id: _as_bool,
    pa.timestamp("us").id: micros,
}
# Function that converts one cell, for columns with forms of their own.
_OF_COLUMN: dict[str, Callable[[Any], Any]] = {"asn": _as_system, "latency_ms": _as_duration_ms}


def valid_text(array: pa.Array) -> pa.Array:
    """The strings with bytes that are not valid UTF-8 replaced by U+FFFD."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        binary = array.view(pa.binary() if pa.types.is_string(array.type) else pa.large_binary())
        made = [None if one is None else one.decode("utf-8", "replace") for one in binary.to_pylist()]
        return pa.array(made, pa.large_string())
    return array


def _digester(batch: pa.Table, places: Ints) -> Callable[[Ints], list[str]]:
    """A function from positions to SHA-256 digests of the rows' values, by which a quarantined row can be
    found again in the file.
    """

    def digests(some: Ints) -> list[str]:
        """SHA-256 of all values of each row, as hexadecimal text."""
        rows = batch.take(pa.array(places[some]))
        states = [hashlib.sha256() for _ in range(rows.num_rows)]
        for name in rows.column_names:
            for state, value in zip(states, _bytes(rows.column(name)), strict=True):
                state.update(name.encode() + b"=" + value + b"\n")
        return [state.hexdigest() for state in states]

    return digests


def _bytes(column: pa.ChunkedArray) -> list[bytes]:
    """The values as bytes, for a digest."""
    if _is_text(column.type):
        binary = column.cast(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary())
        return [b"" if one is None else one for one in binary.to_pylist()]
    if pa.types.is_temporal(column.type):  # a time that Python cannot hold is still a number
        column = column.cast(pa.int64() if column.type.bit_width == 64 else pa.int32())
    return [repr(one).encode("utf-8", "replace") for one in column.to_pylist()]


def _is_text(kind: pa.DataType) -> bool:
    """Whether a type is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _kind(kind: pa.DataType) -> str:
    """The name of a type for messages."""
    if pa.types.is_timestamp(kind):
        return "a time"
    if pa.types.is_integer(kind):
        return "a whole number"
    if pa.types.is_floating(kind):
        return "a number"
    if pa.types.is_boolean(kind):
        return "true or false"
    if pa.types.is_list(kind):
        return "a list of texts"
    return "text"
