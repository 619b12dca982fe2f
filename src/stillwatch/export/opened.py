"""Opens a results folder for export: a results folder, or the tables of a verified open package."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.contract.table import TableSchema
from stillwatch.errors import Problem, StateError
from stillwatch.package.alone import MANIFEST as PACKAGE
from stillwatch.package.alone import STATEMENT, TABLES
from stillwatch.package.check import Trust, check
from stillwatch.package.levels import COMMITTED
from stillwatch.results.folder import check_results, write_json, write_table

OVERVIEW = "overview.json"  # file of the results folder with the overview


@contextmanager
def results_of(path: Path) -> Iterator[Path]:
    """Context manager: the results folder at `path`, or a temporary one made from the open package at `path`.

    Raises `StateError` where `path` is neither, where the package fails verification, and where its level is
    not `open`.
    """
    if not (zipfile.is_zipfile(path) if path.is_file() else (path / STATEMENT).is_file()):
        check_results(path)
        yield path
        return
    verdict = check(path, Trust())
    if not verdict.is_whole:
        raise StateError(
            *(
                Problem(
                    fact="the package is not as it was made",
                    where=f"{path}, {fault.file}",
                    found=fault.what,
                    fix=f"stillwatch verify {path}",
                )
                for fault in verdict.faults[:10]
            )
        )
    if verdict.level != "open":
        raise StateError(
            Problem(
                fact="a package of this level shows no values",
                where=str(path),
                found=str(verdict.level),
                expected="open",
                fix="stillwatch package RESULTS --level open --key KEY.pem --out PATH",
            )
        )
    files = _files(path)
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as name:
        folder = Path(name)
        for schema in COMMITTED:
            lines = files.get(f"{TABLES}{schema.name}.jsonl", b"").splitlines()
            rows = [_row(json.loads(line)["row"], schema) for line in lines]
            write_table(folder, schema, pa.Table.from_pylist(rows, schema.arrow))
        write_json(folder, OVERVIEW, json.loads(files[PACKAGE])["overview"] or {})
        yield folder


def _files(path: Path) -> Mapping[str, bytes]:
    """Content of the package's files by name, from a ZIP archive or a folder."""
    if path.is_file():
        with zipfile.ZipFile(path) as archive:
            return {one: archive.read(one) for one in archive.namelist()}
    return {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}


def _row(row: Mapping[str, Any], schema: TableSchema) -> dict[str, Any]:
    """A row with the table's types: `package.levels.rows_of` wrote times, and numbers that JSON lacks, as
    strings.
    """
    return {one.name: _cell(row.get(one.name), one.type) for one in schema.columns}


def _cell(value: Any, kind: pa.DataType) -> Any:  # noqa: ANN401  a cell of any type of the contract
    """A value of JSON in the column's type."""
    if isinstance(value, str) and pa.types.is_timestamp(kind):
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    if isinstance(value, str) and pa.types.is_floating(kind):
        return float(value)
    if isinstance(value, str) and pa.types.is_integer(kind):
        return int(value)
    return value
