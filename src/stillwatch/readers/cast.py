"""Which values of a column can be read as the contract's type, and which rows cannot?"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.results import QUARANTINE
from stillwatch.contract.table import TableSchema

Mask = npt.NDArray[np.bool_]

EARLIEST, LATEST = (
    np.datetime64("2015-01-01", "us").astype(np.int64),
    np.datetime64("2100-01-01", "us").astype(np.int64),
)


def cast_rows(array: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Mask]:
    """The array in the wanted type and a mask of the rows that could not be cast (null in the result)."""
    bad = np.zeros(len(array), bool)
    if array.type == kind:
        return array, bad
    if pa.types.is_floating(array.type) and pa.types.is_integer(kind):
        array = array.cast(pa.float64())
    return _halve(array, kind, bad, 0), bad


def _halve(array: pa.Array, kind: pa.DataType, bad: Mask, start: int) -> pa.Array:
    try:
        if pa.types.is_string(array.type) and pa.types.is_timestamp(kind):
            return array.cast(pa.timestamp("ns", tz="UTC"), safe=True).cast(kind, safe=False)
        return array.cast(kind, safe=not pa.types.is_timestamp(array.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        if len(array) == 1:
            bad[start] = True
            return pa.nulls(1, kind)
        middle = len(array) // 2
        left = _halve(array.slice(0, middle), kind, bad, start)
        right = _halve(array.slice(middle), kind, bad, start + middle)
        return pa.concat_arrays([left, right])


def valid_text(array: pa.Array) -> Mask:
    """Rows whose bytes are valid UTF-8."""
    try:
        array.validate(full=True)
        return np.ones(len(array), bool)
    except pa.ArrowInvalid:
        good = np.zeros(len(array), bool)
        for row in range(len(array)):
            try:
                array.slice(row, 1).validate(full=True)
                good[row] = True
            except pa.ArrowInvalid:
                pass
        return good


def conform(  # noqa: C901  one pass over the columns of a batch
    batch: pa.Table, file: str, first_row: int, schema: TableSchema = EXCHANGES
) -> tuple[pa.Table, pa.Table]:
    """The readable rows of a batch as contract rows, and the others as quarantine rows.

    `batch` carries contract names with whatever types the file had; `first_row` is the number of its first row.
    """
    n = batch.num_rows
    reason = np.full(n, "", dtype=object)
    culprit = np.full(n, None, dtype=object)

    def blame(rows: Mask, column: str, why: str) -> None:
        fresh = rows & (reason == "")
        reason[fresh], culprit[fresh] = why, column

    columns: dict[str, pa.Array] = {}
    for column in schema.columns:
        if column.name not in batch.column_names:
            columns[column.name] = pa.nulls(n, column.type)
            continue
        raw = batch.column(column.name).combine_chunks()
        if isinstance(raw, pa.ChunkedArray):
            raw = raw.chunk(0) if raw.num_chunks else pa.nulls(0, column.type)
        if pa.types.is_dictionary(raw.type):
            raw = raw.dictionary_decode()
        if pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type):
            good = valid_text(raw)
            if not good.all():
                blame(~good, column.name, "bytes are not UTF-8")
                raw = pc.if_else(pa.array(good), raw, pa.nulls(n, raw.type))
        array, bad = cast_rows(raw, column.type)
        if bad.any():
            blame(bad, column.name, f"value is not {_kind(column.type)}")
        if not column.nullable:
            missing = np.asarray(pc.is_null(array)) & ~bad
            if pa.types.is_string(column.type):
                missing |= np.asarray(pc.fill_null(pc.equal(array, ""), False))
            blame(missing, column.name, "required value is missing")
        columns[column.name] = array
    if "timestamp" in columns:
        moment = columns["timestamp"].cast(pa.int64()).fill_null(int(EARLIEST)).to_numpy(zero_copy_only=False)
        blame((moment < EARLIEST) | (moment >= LATEST), "timestamp", "time is outside 2015 to 2100")
    table = pa.table([columns[c.name] for c in schema.columns], names=list(schema.names))
    fault = reason != ""
    if not fault.any():
        return table.cast(schema.arrow), QUARANTINE.empty()
    rows = np.flatnonzero(fault)
    faulty = batch.take(pa.array(rows))
    quarantine = pa.table(
        {
            "file": pa.array([file] * len(rows)),
            "row": pa.array(rows + first_row, pa.int64()),
            "column": pa.array(list(culprit[rows]), pa.string()),
            "reason": pa.array(list(reason[rows]), pa.string()),
            "raw_sha256": pa.array([row_digest(faulty.slice(i, 1)) for i in range(len(rows))], pa.string()),
        },
        schema=QUARANTINE.arrow,
    )
    return table.filter(pa.array(~fault)).cast(schema.arrow), quarantine


def row_digest(row: pa.Table) -> str:
    """SHA-256 over the raw bytes of one row's values, so that it can be found again without a copy of it."""
    state = hashlib.sha256()
    for name, chunked in zip(row.column_names, row.columns, strict=True):
        state.update(name.encode())
        for part in chunked.combine_chunks().take([0]).buffers() if chunked.length() else ():
            if part is not None:
                state.update(part)
    return state.hexdigest()


def quarantined_line(file: str, line: int, reason: str, raw: bytes | memoryview) -> dict[str, object]:
    """A quarantine row for a line that could not even be split into values."""
    return {
        "file": file,
        "row": line,
        "column": None,
        "reason": reason,
        "raw_sha256": hashlib.sha256(raw).hexdigest(),
    }


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
