"""Checks log files and reads them as rows of the contract."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.table import TableSchema
from stillwatch.errors import InputError, Problem
from stillwatch.foreign import described, named
from stillwatch.readers.cast import MADE, cast_rows, conform
from stillwatch.readers.container import kind_of, unrotated
from stillwatch.readers.discover import Sources, unreadable
from stillwatch.readers.envelope import NEEDED, holds, unwrapped
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.losses import Excerpt, Losses
from stillwatch.readers.open import (
    FAULTS,
    LINES,
    Raw,
    blocks,
    csv_batches,
    csv_header,
    jsonl_batches,
    open_stream,
    parquet_batches,
    partitions,
)
from stillwatch.readers.places import LogPath, seekable
from stillwatch.readers.recognise import first_records, keys_of, known_names, seen
from stillwatch.readers.registry import Format, Malformed
from stillwatch.readers.tolerant import objects
from stillwatch.readers.vendor import vendor_batches
from stillwatch.stats.arrays import Bools

SAMPLE = 1000  # first rows or records that are checked
MAX_SUGGESTED_LENGTH = 40  # most characters of a column name that a message suggests for `--map`


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one file that follow the contract (`rows`), and rows of the quarantine (`quarantine`).

    The counts are given once per file, with the last batch: `aside` (unknown fields of a vendor's records, by
    name), `nulled` (values set to null, by column and reason), `envelopes` (records by envelope),
    `passed_over` (records that are no exchanges) and `records` (all records found).
    """

    file: LogPath
    rows: pa.Table
    quarantine: pa.Table
    aside: Mapping[str, int] = field(default_factory=dict)
    nulled: Mapping[tuple[str, str], int] = field(default_factory=dict)
    envelopes: Mapping[str, int] = field(default_factory=dict)
    passed_over: int = 0
    records: int = 0


def check(sources: Sources, names: Mapping[str, str], limits: Limits = LIMITS) -> Sources:
    """Check the files before reading; returns the sources with unusable files moved to `unread`.

    A file is unusable if it cannot be read, lacks a required column, or has a required column of a wrong type
    or with no valid value in its first rows. `names` maps a contract column to the file's name for it. Raises
    `InputError` with all problems where `names` has an unknown column, where no file can be used, or where no
    file has a field that `names` gives.
    """
    problems = [
        Problem(
            fact=f"`--map` names `{column}`, which the contract does not have",
            expected=", ".join(get_close_matches(column, EXCHANGES.names, 3) or EXCHANGES.names),
        )
        for column in names
        if column not in EXCHANGES.names
    ]
    if problems:
        raise InputError(*problems)
    found: dict[LogPath, list[Problem]] = {}
    for file in sources.exchanges:
        recognised = sources.formats[file]
        try:
            if recognised.sketch:
                found[file] = []
            elif recognised.format:
                found[file] = _check_vendor(file, recognised.format, names, limits)
            else:
                found[file] = _check_file(file, EXCHANGES, names, limits)
        except FAULTS as error:
            found[file] = [unreadable(file, error)]
    unread = {file: tuple(several) for file, several in found.items() if several}
    unread = dict(sources.unread) | unread
    good = tuple(file for file in sources.exchanges if file not in unread)
    if unread and not good:
        raise InputError(*(problem for several in unread.values() for problem in several))
    missing = [
        _unmapped(column, theirs, good, limits)
        for column, theirs in names.items()
        if good and not any(_has_field(file, sources.formats[file].format, theirs, limits) for file in good)
    ]
    if missing:
        raise InputError(*missing)
    return replace(sources, exchanges=good, unread=unread)


def _has_field(file: LogPath, form: Format | None, theirs: str, limits: Limits) -> bool:
    """Whether a field of this name is in a file's first records or their parts, its columns, or its folder
    names.
    """
    return (
        theirs in partitions(file)
        or theirs in _fields_of_table(file, limits)
        or any(
            holds(one, [theirs])
            for record in first_records(file, limits)
            for one in (record, *(form.parts(record) if form else ()))
            if isinstance(one, dict)
        )
    )


def _fields_of_table(file: LogPath, limits: Limits) -> Collection[str]:
    """Column names of a Parquet or CSV file; empty for other kinds."""
    return _fields(file, limits) if kind_of(file) in ("parquet", "csv") else ()


def _unmapped(column: str, theirs: str, files: Sequence[LogPath], limits: Limits) -> Problem:
    """The problem of a field named by `--map` that no file has."""
    keys = keys_of(files[0], limits)
    near = get_close_matches(theirs, known_names(keys, kind_of(files[0]) != "csv") & set(keys), 1)
    return Problem(
        fact=f"no record has a field `{theirs}`, which `--map` names for `{column}`",
        where=str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more",
        found=seen(files[0], keys),
        expected=f"a field that holds `{column}`, or a path to it such as `metadata.user`",
        fix=f"stillwatch scan ... --map {column}={near[0] if near else 'THEIR_NAME'}",
    )


def _check_vendor(file: LogPath, form: Format, names: Mapping[str, str], limits: Limits) -> list[Problem]:
    """A problem where none of a file's first records is an exchange of its format."""
    lost = Losses(file)
    seen = list(islice(form.read(islice(unwrapped(file, form, names, lost, limits), SAMPLE), None), SAMPLE))
    reasons = {result.reason for _number, result in seen if isinstance(result, Malformed)}
    reasons |= set(lost.listed().column("reason").to_pylist())
    if any(not isinstance(result, Malformed) for _number, result in seen) or not reasons:
        return []
    return [
        Problem(
            fact=f"none of the first records of `{file.name}` is an exchange",
            where=str(file),
            found="; ".join(sorted(reasons)[:3]),
            expected=f"{form.title}: "
            + ", ".join(f"`{theirs}`" for theirs in list(form.fields.values())[:3]),
            fix="stillwatch scan ... --format NAME (see stillwatch formats)",
        )
    ]


def _check_file(
    file: LogPath, schema: TableSchema, names: Mapping[str, str], limits: Limits
) -> list[Problem]:
    """Problems of a file with columns of the contract."""
    fields = _fields(file, limits)
    needed = NEEDED if schema is EXCHANGES else schema.required
    if not fields and file.stat().st_size == 0:
        return []
    problems = []
    for column in schema.columns:
        theirs = names.get(column.name, column.name)
        if theirs not in fields:
            if column.name in needed or column.name in names:
                near = [
                    name
                    for name in get_close_matches(theirs, list(fields), 1)
                    if name.isidentifier() and len(name) <= MAX_SUGGESTED_LENGTH
                ]
                problems.append(
                    Problem(
                        fact=f"column `{theirs}`, named by `--map`, is missing"
                        if column.name in names
                        else f"required column `{theirs}` is missing",
                        where=f"{file}, column `{theirs}`",
                        found=named(fields, known_names(fields, kind_of(file) != "csv")) or "no column",
                        expected=f"`{column.name}` ({column.type}): {column.meaning}",
                        fix=f"stillwatch scan ... --map {column.name}={near[0] if near else 'THEIR_NAME'}",
                    )
                )
            continue
        kind = fields[theirs]
        if not column.nullable and kind is not None and not _castable(kind, column.type):
            problems.append(
                Problem(
                    fact=f"column `{theirs}` has the wrong type",
                    where=f"{file}, column `{theirs}`",
                    found=str(kind),
                    expected=f"{column.type}: {column.meaning}",
                )
            )
    return problems or _check_values(file, schema, names, limits)


def _check_values(
    file: LogPath, schema: TableSchema, names: Mapping[str, str], limits: Limits
) -> list[Problem]:
    """Problems of required columns without a valid value in the first rows."""
    if kind_of(file) == "parquet":
        plain = pq.read_schema(seekable(file))
        odd = [
            column
            for column in schema.columns
            if not column.nullable
            and (theirs := names.get(column.name, column.name)) in plain.names
            and not (
                plain.field(theirs).type == column.type or pa.types.is_timestamp(plain.field(theirs).type)
            )
        ]
        if not odd:
            return []
        schema = TableSchema(name=schema.name, columns=tuple(odd))
    problems = []
    for table, _numbers in islice(raw_batches(file, schema, names, Losses(file), limits), 1):
        for column in schema.columns:
            if column.nullable or column.name in MADE or column.name not in table.column_names:
                continue
            values = pa.concat_arrays(
                table.column(column.name).slice(0, SAMPLE).chunks or [pa.array([], pa.string())]
            )
            present = len(values) - values.null_count
            if present == 0 and len(values):
                problems.append(
                    Problem(
                        fact=f"required column `{names.get(column.name, column.name)}` holds no value",
                        where=f"{file}, column `{names.get(column.name, column.name)}`",
                        found=f"{len(values)} rows without it",
                        expected=column.meaning,
                        fix=f"stillwatch scan ... --map {column.name}=THEIR_NAME",
                    )
                )
                continue
            _cast, bad = cast_rows(values, column.type, column.name)
            if present and bad.sum() >= present:
                problems.append(
                    Problem(
                        fact=f"column `{names.get(column.name, column.name)}` has the wrong type",
                        where=f"{file}, column `{names.get(column.name, column.name)}`",
                        found=described(values.drop_null()[0].as_py()),
                        expected=f"{column.type}: {column.meaning}"
                        + (", such as 2026-05-01T14:02:00Z" if column.name == "timestamp" else ""),
                    )
                )
    return problems


def _fields(file: LogPath, limits: Limits) -> dict[str, pa.DataType | None]:
    """Column names with their types; None where the values decide the type."""
    kind = kind_of(file)
    if kind == "parquet":
        schema = pq.read_schema(seekable(file))
        return dict.fromkeys(partitions(file)) | {field.name: field.type for field in schema}
    names: dict[str, pa.DataType | None] = dict.fromkeys(partitions(file))
    if kind == "csv":
        return names | dict.fromkeys(csv_header(file, limits))
    seen = 0
    with open_stream(file, limits) as stream:
        for text, _first in blocks(stream, Losses(file), limits, LINES):
            lines = [line for line in text.split(b"\n") if line.strip()]
            for line in lines[: SAMPLE - seen]:
                seen += 1
                for value in objects(line) or ():
                    names |= dict.fromkeys(value)
                if len(names) > 40 or (seen > 50 and set(EXCHANGES.required) <= set(names)):
                    return names
            if seen >= SAMPLE:
                break
        if stream.fault and not names:
            raise OSError(stream.fault)
    if seen and not names:
        raise ValueError("no line is a JSON object")
    return names


def _castable(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column of type `found` may hold values of type `wanted`."""
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_nested(found):
        return bool(pa.types.is_list(wanted))
    return not (pa.types.is_timestamp(wanted) and pa.types.is_boolean(found))


def raw_batches(
    file: LogPath,
    schema: TableSchema,
    names: Mapping[str, str],
    losses: Losses,
    limits: Limits,
    groups: range | None = None,
) -> Iterator[Raw]:
    """Batches under contract names with the file's own types, and the numbers of their rows. Two columns may
    be read from one field.

    A column that the file lacks, or that is entirely null, is taken from the folder names (`model=m-1/`).
    `groups` selects row groups of a Parquet file.
    """
    named_by_folders = partitions(file)
    sources = {column: names.get(column, column) for column in schema.names}
    kind = kind_of(file)
    if kind == "parquet":
        wanted = set(sources.values())
        present = [name for name in dict.fromkeys(pq.read_schema(seekable(file)).names) if name in wanted]
        stream = parquet_batches(file, present, groups, losses, limits)
    elif kind == "csv":
        stream = csv_batches(file, losses, limits)
    else:
        stream = jsonl_batches(file, schema, sources, losses, limits)
    for table, numbers in stream:
        places = {name: place for place, name in reversed(list(enumerate(table.column_names)))}
        held = {ours: table.column(places[theirs]) for ours, theirs in sources.items() if theirs in places}
        for ours, theirs in sources.items():
            if (
                held
                and theirs in named_by_folders
                and (ours not in held or held[ours].null_count == len(held[ours]))
            ):
                same = pa.array([named_by_folders[theirs]] * table.num_rows, pa.string())
                held[ours] = pa.chunked_array([same])
        yield pa.table(held) if held else pa.table({}), numbers


def read(sources: Sources, names: Mapping[str, str], limits: Limits = LIMITS) -> Iterator[Batch]:
    """Yield the contract rows of every file in order. Call `check` first."""
    for file in sources.exchanges:
        yield from read_file(
            file, sources.formats[file].format, names, limits=limits, among=sources.exchanges
        )


def read_file(
    file: LogPath,
    form: Format | None,
    names: Mapping[str, str],
    groups: range | None = None,
    *,
    limits: Limits = LIMITS,
    apart: bool = False,
    among: Sequence[LogPath] = (),
    excerpt: Excerpt | None = None,
) -> Iterator[Batch]:
    """Yield the contract rows of one file.

    A damaged file gives the rows before the damage; the quarantine records where reading stopped.

    Args:
        file: the log file.
        form: its format; None for columns of the contract.
        names: contract column to field, as `--map` gives them.
        groups: row groups of a Parquet file with columns of the contract; None for all.
        limits: limits on what is read.
        apart: read a vendor's log with several processes.
        among: the files of the same scan.
        excerpt: where the file's lines stand in their log; None: they are all of it.
    """
    if file.stat().st_size == 0:
        return
    losses = (
        Losses(file, excerpt.name, excerpt.first_line)
        if excerpt is not None
        else Losses(file, unrotated(file.name))
    )
    for rows in guarded(lambda: _rows(file, form, names, groups, losses, limits, apart, among), losses):
        yield Batch(file=file, rows=rows, quarantine=losses.listed())
    quarantine = pa.concat_tables([losses.listed(), losses.counted()])
    yield Batch(
        file=file,
        rows=EXCHANGES.empty(),
        quarantine=quarantine,
        aside=dict(losses.fields),
        nulled=dict(losses.nulled),
        envelopes=dict(losses.envelopes),
        passed_over=losses.passed_over,
        records=losses.records,
    )


def guarded(tables: Callable[[], Iterator[pa.Table]], losses: Losses) -> Iterator[pa.Table]:
    """Yield the tables until the file proves to be damaged, which is recorded in `losses`."""
    try:
        yield from tables()
    except FAULTS as error:
        losses.row(0, f"file cannot be read further: {type(error).__name__}")


def _rows(
    file: LogPath,
    form: Format | None,
    names: Mapping[str, str],
    groups: range | None,
    losses: Losses,
    limits: Limits,
    apart: bool,
    among: Sequence[LogPath],
) -> Iterator[pa.Table]:
    """Yield the contract rows of one file."""
    if form is not None:
        yield from vendor_batches(file, form, names, losses, limits, apart=apart, among=among)
        return
    for table, numbers in raw_batches(file, EXCHANGES, names, losses, limits, groups):
        losses.records += len(numbers)
        has_value = _of_exchanges(table)
        if has_value is None:
            yield conform(table, losses, numbers, most=limits.line)
            continue
        losses.passed_over += len(numbers) - int(has_value.sum())
        if has_value.any():
            kept = np.asarray(numbers)[has_value]
            yield conform(table.filter(pa.array(has_value)), losses, kept, most=limits.line)


def _of_exchanges(table: pa.Table) -> Bools | None:
    """A mask of the rows that tell of an exchange: with a value in another column than that of the time.
    None where all do.
    """
    if "account_id" in table.column_names and table.column("account_id").null_count == 0:
        return None
    has_value = np.zeros(table.num_rows, bool)
    for name in table.column_names:
        if name != "timestamp":
            has_value |= np.asarray(pc.is_valid(table.column(name)))
    return has_value


def read_small(file: LogPath, schema: TableSchema, limits: Limits = LIMITS) -> tuple[pa.Table, pa.Table]:
    """An account-sized table of the contract as a whole, and the quarantine rows of what could not be read.

    Raises `InputError` as `check` does.
    """
    try:
        problems = _check_file(file, schema, {}, limits)
    except FAULTS as error:
        problems = [unreadable(file, error)]
    if problems:
        raise InputError(*problems)
    losses = Losses(file)

    def rows() -> Iterator[pa.Table]:
        """Yield the file's batches with the contract's columns."""
        for table, numbers in raw_batches(file, schema, {}, losses, limits):
            if table.num_columns:
                yield conform(table, losses, numbers, schema)

    parts = list(guarded(rows, losses))
    return pa.concat_tables([schema.empty(), *parts]), pa.concat_tables([losses.listed(), losses.counted()])
