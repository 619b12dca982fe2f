"""How does a path become contract rows, and what is refused before any work?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.results import QUARANTINE
from stillwatch.contract.table import TableSchema
from stillwatch.errors import InputError, Problem
from stillwatch.readers.cast import cast_rows, conform
from stillwatch.readers.discover import Sources, format_of
from stillwatch.readers.open import ROWS, csv_batches, csv_header, jsonl_batches, open_stream, parquet_batches
from stillwatch.readers.records import records
from stillwatch.readers.registry import Format, Malformed
from stillwatch.readers.vendor import vendor_batches

SAMPLE = 1000
JSON_PEEK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one file that follow the contract, and those that do not, as quarantine rows.

    `aside` counts fields of a vendor's records that its format does not know, once per file, with the last batch.
    """

    file: Path
    rows: pa.Table
    quarantine: pa.Table
    aside: Mapping[str, int] = field(default_factory=dict)


def check(sources: Sources, names: Mapping[str, str]) -> None:
    """Refuse, before any work, what cannot be what it should be.

    `names` maps a contract column to the file's own name for it. Raises `InputError` with every problem found:
    an unknown column in `names`, an unreadable file, a missing required column, a type that cannot be cast,
    a required column in which not one of the first rows can be read.
    """
    problems = [
        Problem(
            fact=f"`--map` names `{column}`, which the contract does not have",
            expected=", ".join(get_close_matches(column, EXCHANGES.names, 3) or EXCHANGES.names),
        )
        for column in names
        if column not in EXCHANGES.names
    ]
    if not problems:
        for file in sources.exchanges:
            if sources.formats[file].sketch:
                continue
            form = sources.formats[file].format
            problems += _check_vendor(file, form) if form else _check_file(file, EXCHANGES, names)
    if problems:
        raise InputError(*problems)


def _check_vendor(file: Path, form: Format) -> list[Problem]:
    """A file none of whose first records is an exchange is not what it was taken for."""
    lost: list[dict[str, object]] = []
    try:
        seen = list(islice(form.read(islice(records(file, lost), SAMPLE)), SAMPLE))
    except (OSError, ValueError) as error:
        return [Problem(fact=f"`{file.name}` cannot be read", where=str(file), found=str(error)[:200])]
    reasons = {why.reason for _number, why in seen if isinstance(why, Malformed)} | {
        str(q["reason"]) for q in lost
    }
    if any(not isinstance(row, Malformed) for _number, row in seen) or not (seen or lost):
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


def _check_file(file: Path, schema: TableSchema, names: Mapping[str, str]) -> list[Problem]:
    try:
        fields = _fields(file)
    except (OSError, pa.ArrowException, ValueError, UnicodeError) as error:
        return [
            Problem(
                fact=f"`{file.name}` cannot be read",
                where=str(file),
                found=type(error).__name__ + ": " + str(error).splitlines()[0][:200],
                expected=f"a whole {format_of(file)} file",
            )
        ]
    if not fields and file.stat().st_size == 0:
        return []
    problems = []
    for column in schema.columns:
        theirs = names.get(column.name, column.name)
        if theirs not in fields:
            if not column.nullable or column.name in names:
                near = get_close_matches(theirs, list(fields), 1)
                problems.append(
                    Problem(
                        fact=f"required column `{theirs}` is missing"
                        if not column.nullable
                        else f"column `{theirs}`, named by `--map`, is missing",
                        where=f"{file}, column `{theirs}`",
                        found=", ".join(list(fields)[:20]) or "no column",
                        expected=f"`{column.name}` ({column.type}): {column.meaning}",
                        fix=f"stillwatch scan ... --map {column.name}={near[0] if near else 'THEIR_NAME'}",
                    )
                )
            continue
        kind = fields[theirs]
        if kind is not None and not _castable(kind, column.type):
            problems.append(
                Problem(
                    fact=f"column `{theirs}` has the wrong type",
                    where=f"{file}, column `{theirs}`",
                    found=str(kind),
                    expected=f"{column.type}: {column.meaning}",
                )
            )
    return problems or _check_values(file, schema, names)


def _check_values(file: Path, schema: TableSchema, names: Mapping[str, str]) -> list[Problem]:
    """A required column none of whose first values can be read means that the file is not what it claims."""
    if format_of(file) == "parquet":
        return []
    problems = []
    batches = islice(raw_batches(file, schema, names), 1)
    for table, _, _ in batches:
        for column in schema.columns:
            if column.nullable or column.name not in table.column_names:
                continue
            values = table.column(column.name).slice(0, SAMPLE).combine_chunks()
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
            try:
                _, bad = cast_rows(values, column.type)
            except pa.ArrowException:
                continue
            if present and bad.sum() >= present:
                sample = values.drop_null()[0].as_py() if column.name == "timestamp" else "text"
                problems.append(
                    Problem(
                        fact=f"column `{names.get(column.name, column.name)}` has the wrong type",
                        where=f"{file}, column `{names.get(column.name, column.name)}`",
                        found=repr(sample)[:60],
                        expected=f"{column.type}: {column.meaning}"
                        + (", such as 2026-05-01T14:02:00Z" if column.name == "timestamp" else ""),
                    )
                )
    return problems


def _fields(file: Path) -> dict[str, pa.DataType | None]:
    """Column names with their types; a type of None means that values decide."""
    kind = format_of(file)
    if kind == "parquet":
        schema = pq.read_schema(file)
        return {field.name: field.type for field in schema}
    if kind == "csv":
        return dict.fromkeys(csv_header(file))
    with open_stream(file) as stream:
        head = stream.read(JSON_PEEK)
        if stream.fault and not head:
            raise OSError(stream.fault)
    if not head.strip():
        return {}
    cut = head.rfind(b"\n")
    lines = [line for line in (head[:cut] if cut > 0 else head).split(b"\n") if line.strip()]
    names: dict[str, pa.DataType | None] = {}
    for line in lines[:SAMPLE]:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            names |= dict.fromkeys(value)
        if len(names) > 40 or (len(lines) > 50 and set(EXCHANGES.required) <= set(names)):
            break
    if not names:
        raise ValueError("no line is a JSON object")
    return names


def _castable(found: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        found = found.value_type
    if found == wanted or pa.types.is_null(found):
        return True
    text = pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found)
    if pa.types.is_timestamp(wanted):
        return pa.types.is_timestamp(found)
    if pa.types.is_string(wanted):
        return text or pa.types.is_integer(found)
    if pa.types.is_floating(wanted):
        return pa.types.is_floating(found) or pa.types.is_integer(found) or pa.types.is_decimal(found)
    if pa.types.is_integer(wanted):
        return pa.types.is_integer(found) or pa.types.is_floating(found)
    if pa.types.is_boolean(wanted):
        return pa.types.is_boolean(found)
    if pa.types.is_list(wanted):
        return (pa.types.is_list(found) or pa.types.is_large_list(found)) and (
            pa.types.is_string(found.value_type)
            or pa.types.is_large_string(found.value_type)
            or pa.types.is_null(found.value_type)
        )
    return False


def raw_batches(
    file: Path, schema: TableSchema, names: Mapping[str, str], groups: range | None = None
) -> Iterator[tuple[pa.Table, int, list[dict[str, object]]]]:
    """Batches under contract names, with the file's own types."""
    back = {theirs: ours for ours, theirs in names.items()}
    wanted = {names.get(column, column) for column in schema.names}
    kind = format_of(file)
    if kind == "parquet":
        present = [name for name in pq.read_schema(file).names if name in wanted]
        stream = parquet_batches(file, present, groups)
    elif kind == "csv":
        stream = csv_batches(file)
    else:
        stream = jsonl_batches(file, schema, dict(names))
    for table, row, lost in stream:
        keep = [name for name in table.column_names if name in wanted and (name in back or name not in names)]
        renamed = table.select(keep).rename_columns([back.get(name, name) for name in keep])
        yield renamed, row, lost


def read(sources: Sources, names: Mapping[str, str]) -> Iterator[Batch]:
    """Contract rows of every file in order; call `check` first."""
    for file in sources.exchanges:
        yield from read_file(file, sources.formats[file].format, names)


def read_file(
    file: Path,
    form: Format | None,
    names: Mapping[str, str],
    groups: range | None = None,
    *,
    apart: bool = False,
) -> Iterator[Batch]:
    """Contract rows of one file, or of some row groups of a Parquet file in the contract's columns.

    `apart` has a vendor's log read by several processes.
    """
    if file.stat().st_size == 0:
        return
    if form is not None:
        aside: Counter[str] = Counter()
        for rows, quarantine in vendor_batches(file, form, names, aside, apart=apart):
            yield Batch(file=file, rows=rows, quarantine=quarantine)
        yield Batch(file=file, rows=EXCHANGES.empty(), quarantine=QUARANTINE.empty(), aside=dict(aside))
        return
    for table, row, lost in raw_batches(file, EXCHANGES, names, groups):
        for start in range(0, max(table.num_rows, 1), ROWS):
            part = table.slice(start, ROWS)
            if part.num_columns:
                rows, quarantine = conform(part, str(file), row + start)
            else:
                rows, quarantine = EXCHANGES.empty(), QUARANTINE.empty()
            if start == 0 and lost:
                quarantine = pa.concat_tables([quarantine, pa.Table.from_pylist(lost, QUARANTINE.arrow)])
            yield Batch(file=file, rows=rows, quarantine=quarantine)


def read_small(file: Path, schema: TableSchema) -> tuple[pa.Table, pa.Table]:
    """An account-sized table of the contract, whole, and the quarantine rows of those that could not be read.

    Raises `InputError` where `check` would.
    """
    problems = _check_file(file, schema, {})
    if problems:
        raise InputError(*problems)
    parts, lost = [], []
    for table, row, bad in raw_batches(file, schema, {}):
        good, quarantine = (
            conform(table, str(file), row, schema) if table.num_columns else (schema.empty(), None)
        )
        parts.append(good)
        if quarantine is not None:
            lost.append(quarantine)
        if bad:
            lost.append(pa.Table.from_pylist(bad, QUARANTINE.arrow))
    return pa.concat_tables(parts or [schema.empty()]), pa.concat_tables(lost or [QUARANTINE.empty()])
