"""How is a results folder written as a whole or not at all, and read back with its promises checked?"""

from __future__ import annotations

import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import __version__
from stillwatch.contract import results as contract
from stillwatch.contract.table import TableSchema
from stillwatch.engine.files import sha256
from stillwatch.errors import Problem, StateError

TABLES: tuple[TableSchema, ...] = (
    contract.CAMPAIGNS,
    contract.MEMBERS,
    contract.ATTRIBUTED,
    contract.EVIDENCE,
    contract.TIMELINE,
    contract.LINKS,
    contract.HYPOTHESES,
    contract.CLAIMS,
    contract.SOUGHT,
    contract.LEADS,
    contract.LEAD_MEMBERS,
    contract.EXPLANATIONS,
    contract.GLANCE,
)
MANIFEST = "manifest.json"


@contextmanager
def whole_or_nothing(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place when the block ends without an error.

    Raises `StateError` when `out` holds something that is not a results folder; nothing of it is touched.
    """
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST).exists())):
        raise StateError(
            Problem(
                fact=f"`{out}` exists and is not a results folder",
                where=str(out),
                expected="a folder that is new, empty, or was written by an earlier scan",
                fix="choose another --out, or remove it",
            )
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    _clear_up(out)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}.{os.getpid()}.", dir=out.parent))
    work.chmod(0o755)
    try:
        yield work
        old = None
        if out.exists():
            old = (
                Path(tempfile.mkdtemp(prefix=f".{out.name}.{os.getpid()}.old.", dir=out.parent)) / "previous"
            )
            out.rename(old)
        work.rename(out)
        if old is not None:
            shutil.rmtree(old.parent, ignore_errors=True)
    finally:
        if work.exists():
            shutil.rmtree(work, ignore_errors=True)


def _clear_up(out: Path) -> None:
    """Remove the unfinished work of runs that were killed."""
    for left in out.parent.glob(f".{glob.escape(out.name)}.*.*"):
        owner = left.name.removeprefix(f".{out.name}.").split(".")[0]
        if owner.isdigit() and not _runs(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_table(folder: Path, schema: TableSchema, table: pa.Table) -> None:
    """One table of the results, in the contract's columns and order."""
    pq.write_table(schema.conform(table), folder / f"{schema.name}.parquet", compression="zstd")


def write_json(folder: Path, name: str, value: dict[str, Any]) -> None:
    """A JSON file of the results, with keys in a fixed order."""
    (folder / name).write_text(json.dumps(value, indent=2, sort_keys=True, default=str) + "\n")


def write_manifest(folder: Path, inputs: list[Path], parameters: dict[str, Any], seed: int) -> None:
    """SHA-256 of every input and every output file, with version, parameters and seed."""
    outputs = {
        str(path.relative_to(folder)): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    write_json(
        folder,
        MANIFEST,
        {
            "version": __version__,
            "parameters": parameters,
            "seed": seed,
            "inputs": {str(path): sha256(path) for path in inputs},
            "outputs": outputs,
        },
    )


def read_table(folder: Path, schema: TableSchema) -> pa.Table:
    """One table of a results folder; raises `StateError` when it is absent or has other columns."""
    path = folder / f"{schema.name}.parquet"
    try:
        return schema.conform(pq.read_table(path))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise StateError(
            Problem(
                fact=f"`{schema.name}.parquet` of the results cannot be read",
                where=str(path),
                found=f"{type(error).__name__}: {str(error)[:120]}",
                expected=", ".join(schema.names),
                fix="stillwatch scan LOGS --out RESULTS",
            )
        ) from error
