"""How do columns of any type become columns of the contract, with every value in its bounds?

Rules:
    Only a required value may cost a row. An optional cell that cannot be read, or is out of bounds, is null and counted.
    A missing `exchange_id` is made of file and row, and a missing `model` is `unknown`: senders choose both.
    Work is done by column; single cells are touched only where a column as a whole cannot be cast.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.table import Column, TableSchema
from stillwatch.foreign import whole
from stillwatch.readers.addresses import addresses
from stillwatch.readers.losses import Losses, Numbers
from stillwatch.readers.tolerant import loads

Mask = npt.NDArray[np.bool_]

UNKNOWN = "unknown"
LONGEST_LIST = 1_000  # items of a list of names that are kept: chosen
WRONG = (pa.ArrowException, OverflowError, TypeError, ValueError, AttributeError)
MADE = ("exchange_id", "model")  # required, chosen by senders, and made where they are missing
MISSING = "required value is missing"
ADDRESS, NO_ADDRESS = "client_ip", "value is no address"
OUT, CUT = "value is out of bounds", "value is too long and was cut"


def conform(
    batch: pa.Table,
    losses: Losses,
    numbers: Numbers,
    schema: TableSchema = EXCHANGES,
    *,
    most: int | None = None,
) -> pa.Table:
    """The readable rows of a batch as rows of the contract; what cannot be read goes to `losses`.

    `batch` carries contract names with whatever types the file had; `numbers` are its rows' numbers in the file. Text longer than `most`
    bytes is null.
    """
    return conformed(batch, losses, numbers, schema, most=most)[0]


def conformed(
    batch: pa.Table,
    losses: Losses,
    numbers: Numbers,
    schema: TableSchema = EXCHANGES,
    *,
    most: int | None = None,
) -> tuple[pa.Table, Mask]:
    """As `conform`, with the mask of the rows of the batch that it returns."""
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
    if schema is EXCHANGES:
        table = _made(table, losses, numbers[kept])
    return table.cast(schema.arrow), kept


def _made(table: pa.Table, losses: Losses, numbers: Numbers) -> pa.Table:
    """The rows with ids and models where they have none."""
    for name in MADE:
        array = table.column(name)
        if array.null_count == 0:
            continue
        losses.cells(name, f"{MISSING} and was made", array.null_count)
        if name == "model":
            array = array.fill_null(UNKNOWN)
        else:
            gone = pc.is_null(array).to_pylist()
            file = Path(losses.file).name
            ids = [
                f"{file}:{row}" if is_gone else None
                for row, is_gone in zip(numbers.tolist(), gone, strict=True)
            ]
            array = pc.coalesce(array, pa.array(ids, pa.string()))
        table = table.set_column(table.column_names.index(name), name, array)
    return table


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole_column = column.combine_chunks()
    if isinstance(whole_column, pa.ChunkedArray):
        whole_column = (
            whole_column.chunk(0) if whole_column.num_chunks == 1 else pa.concat_arrays(whole_column.chunks)
        )
    return whole_column


def _column(raw: pa.Array, column: Column, most: int | None) -> tuple[pa.Array, dict[str, Mask]]:
    """A column of the contract's type within its bounds, and by reason where it is not what stood there."""
    if pa.types.is_dictionary(raw.type):
        raw = raw.dictionary_decode()
    if _is_text(raw.type):
        raw = valid_text(raw)
    array, bad = cast_rows(raw, column.type)
    faults = {f"value is not {_kind(column.type)}": bad} if bad.any() else {}
    array, more = _bounded(array, column, most)
    return array, faults | more


def _bounded(array: pa.Array, column: Column, most: int | None) -> tuple[pa.Array, dict[str, Mask]]:
    """The array with null for what is out of the column's bounds, and the beginning of a name that is too long."""
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
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).year


def shortened(value: str, longest: int) -> str:
    """The name, or the beginning of one that is too long with a digest of all of it, so that different names stay different."""
    if len(value) <= longest and len(value.encode()) <= longest:
        return value
    digest = hashlib.blake2b(value.encode(), digest_size=8).hexdigest()
    return f"{value.encode()[: longest - 20].decode('utf-8', 'ignore')}…{digest}"


def _short_list(values: Sequence[str | None], longest: int) -> list[str | None]:
    return [None if one is None else shortened(one, longest) for one in values[:LONGEST_LIST]]


def cast_rows(array: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Mask]:
    """The array in the wanted type and a mask of the rows that could not be cast (null in the result)."""
    bad = np.zeros(len(array), bool)
    if array.type == kind:
        return array, bad
    if pa.types.is_floating(array.type) and pa.types.is_integer(kind):
        array = array.cast(pa.float64())
        array = pc.if_else(pc.is_finite(array), array, pa.scalar(None, pa.float64()))
    try:
        if _is_text(array.type) and pa.types.is_timestamp(kind):
            return array.cast(pa.timestamp("ns", tz="UTC"), safe=True).cast(kind, safe=False), bad
        return array.cast(kind, safe=not pa.types.is_timestamp(array.type)), bad
    except WRONG:
        return cells(array.to_pylist(), kind, zoned=True)


def cells(values: Sequence[Any], kind: pa.DataType, *, zoned: bool = False) -> tuple[pa.Array, Mask]:
    """Any values as the wanted type, one by one, and a mask of those that could not be read (null in the result).

    A time is text, or microseconds since 1970; a time without a zone is UTC unless `zoned` ones are asked for.
    """
    read: Callable[..., Any] = _READERS.get(kind.id, _as_list)
    made: list[Any] = [None] * len(values)
    bad = np.zeros(len(values), bool)
    for place, value in enumerate(values):
        if value is None:
            continue
        with suppress(*WRONG):
            made[place] = read(value) if read is not _as_time else _as_time(value, zoned)
        bad[place] = made[place] is None
    array = pa.array(made, pa.int64() if pa.types.is_timestamp(kind) else kind)
    return array.cast(kind), bad


def text_cell(value: Any) -> str | None:  # noqa: ANN401  any JSON value
    """A value as text: lone surrogates mended, numbers written out, and structures as JSON."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode("utf-8", "replace")


def _as_text(value: Any) -> str | None:  # noqa: ANN401  any JSON value
    try:
        return text_cell(value)
    except WRONG:  # a structure with a lone surrogate inside
        return whole(str(value))


def _as_int(value: Any) -> int | None:  # noqa: ANN401  any JSON value
    number = value if isinstance(value, int) else float(value)
    return int(number) if number == int(number) and abs(number) < 2**62 else None


def _as_real(value: Any) -> float | None:  # noqa: ANN401  any JSON value
    number = float(value)
    return number if np.isfinite(number) else None


def _as_bool(value: Any) -> bool | None:  # noqa: ANN401  any JSON value
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())


def _as_time(value: Any, zoned: bool) -> int | None:  # noqa: ANN401  any JSON value
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 2**62 else None
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    if at.tzinfo is None:
        if zoned:
            return None
        at = at.replace(tzinfo=UTC)
    return int(at.replace(microsecond=0).timestamp()) * 1_000_000 + at.microsecond


def _as_list(value: Any) -> list[str | None]:  # noqa: ANN401  any JSON value
    if isinstance(value, str) and value.startswith("["):
        value = loads(value)
    several = value if isinstance(value, list | tuple) else [value]
    return [None if one is None else _as_text(one) for one in several]


_READERS: dict[int, Callable[..., Any]] = {
    pa.string().id: _as_text,
    pa.int64().id: _as_int,
    pa.float64().id: _as_real,
    pa.bool_().id: _as_bool,
    pa.timestamp("us").id: _as_time,
}


def valid_text(array: pa.Array) -> pa.Array:
    """The strings with U+FFFD for bytes that are not UTF-8."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        binary = array.view(pa.binary() if pa.types.is_string(array.type) else pa.large_binary())
        made = [None if one is None else one.decode("utf-8", "replace") for one in binary.to_pylist()]
        return pa.array(made, pa.large_string())
    return array


def _digester(batch: pa.Table, places: Numbers) -> Callable[[Numbers], list[str]]:
    """SHA-256 over the values of rows, so that they can be found again without a copy of them."""

    def digests(some: Numbers) -> list[str]:
        rows = batch.take(pa.array(places[some]))
        states = [hashlib.sha256() for _ in range(rows.num_rows)]
        for name in rows.column_names:
            for state, value in zip(states, _bytes(rows.column(name)), strict=True):
                state.update(name.encode() + b"=" + value + b"\n")
        return [state.hexdigest() for state in states]

    return digests


def _bytes(column: pa.ChunkedArray) -> list[bytes]:
    if _is_text(column.type):
        binary = column.cast(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary())
        return [b"" if one is None else one for one in binary.to_pylist()]
    return [repr(one).encode("utf-8", "replace") for one in column.to_pylist()]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "a time with its zone"
    if pa.types.is_integer(kind):
        return "a whole number"
    if pa.types.is_floating(kind):
        return "a number"
    if pa.types.is_boolean(kind):
        return "true or false"
    if pa.types.is_list(kind):
        return "a list of texts"
    return "text"
