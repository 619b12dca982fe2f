"""Results folders: atomic writing, and reading with checks."""

from __future__ import annotations

import fcntl
import glob
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import __version__
from stillwatch.contract import results as contract
from stillwatch.contract.table import TableSchema
from stillwatch.engine.files import Openable, sha256
from stillwatch.errors import Problem, StateError

# Schemas of all tables of a results folder.
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
    contract.NAMES,
    contract.LABELLED,
    contract.PROFILES,
    contract.COMMON,
    contract.TEXTS,
)
MANIFEST = "manifest.json"  # file with the digests of what was read and written
PREVIOUS = "previous"  # name of the old results inside the temporary folder of the run that replaces them


@contextmanager
def whole_or_nothing(out: Path) -> Iterator[Path]:
    """A temporary folder that replaces `out` when the block ends without an error, and is removed otherwise.

    Files in `out` that no earlier run wrote are copied to the new folder, as `NAME.kept` where the run wrote
    a file of that name. Raises `StateError` where `out` is neither empty nor a results folder; nothing is
    changed then.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    _clear_up(out)
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST).exists())):
        raise StateError(
            Problem(
                fact=f"`{out}` exists and is not a results folder",
                where=str(out),
                expected="a folder that is new, empty, or was written by an earlier scan",
                fix="choose another --out, or remove it",
            )
        )
    if out.exists():
        _written(out)
    work = _beside(out, "")
    try:
        yield work
        old = None
        if out.exists():
            old = _beside(out, "old.") / PREVIOUS
            with _no_label_meanwhile(out) as settled:
                _carry(out, work)
                out.rename(old)
        work.rename(out)
        if old is not None:
            _carry(old, out, settled)  # files added since the first copy
            shutil.rmtree(old.parent, ignore_errors=True)
    finally:
        if work.exists():
            shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _no_label_meanwhile(out: Path) -> Iterator[frozenset[Path]]:
    """Lock the record of labels in `out` while the folder is replaced; yields the record's name (nothing
    where there is no record). A waiting writer then finds the folder replaced and writes to the new one.
    """
    path = out / contract.RECORD
    if not path.exists():
        yield frozenset()
        return
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield frozenset({Path(contract.RECORD)})


def _beside(out: Path, kind: str) -> Path:
    """A new folder beside `out` with this process's id in its name; its mode follows the umask."""
    path = out.parent / f".{out.name}.{os.getpid()}.{kind}{secrets.token_hex(6)}"
    path.mkdir()
    return path


def _written(folder: Path) -> set[Path]:
    """Relative paths of the files listed in the folder's manifest, and of the manifest; empty without one.
    Raises `StateError` where the manifest cannot be read.
    """
    path = folder / MANIFEST
    if not path.exists():
        return set()
    try:
        return {Path(MANIFEST), *map(Path, json.loads(path.read_text())["outputs"])}
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            Problem(
                fact=f"`{MANIFEST}` of the results cannot be read",
                where=str(path),
                found=type(error).__name__,
                why="it says which files of the folder may be replaced",
                fix="choose another --out, or remove the folder",
            )
        ) from error


def _carry(old: Path, new: Path, settled: frozenset[Path] = frozenset()) -> None:
    """Copy files that no run wrote from `old` to `new`, except those in `settled`. A file whose name is taken
    gets the suffix `.kept`.
    """
    mine = _written(old) | settled
    for path in sorted(old.rglob("*")):
        name = path.relative_to(old)
        if name in mine or (path.is_dir() and not path.is_symlink()):
            continue
        target = new / name
        while os.path.lexists(target) and not _same(path, target):
            target = target.with_name(target.name + ".kept")
        if not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target, follow_symlinks=False)


def _same(one: Path, other: Path) -> bool:
    """Whether two files, or two links, have the same content."""
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    return one.is_file() and other.is_file() and sha256(one) == sha256(other)


def _clear_up(out: Path) -> None:
    """Remove temporary folders of killed runs; results that such a run had moved away are restored."""
    for left in sorted(out.parent.glob(f".{glob.escape(out.name)}.*.*")):
        owner = left.name.removeprefix(f".{out.name}.").split(".")[0]
        # In a container all runs can have the same process id: a folder with this run's id is an earlier one.
        if not owner.isdigit() or (int(owner) != os.getpid() and _runs(int(owner))):
            continue
        previous = left / PREVIOUS
        if previous.exists():
            if out.exists():
                _carry(previous, out)
            else:
                previous.rename(out)
        shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    """Whether a process of this number runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_table(folder: Path, schema: TableSchema, table: pa.Table) -> None:
    """Write one table of the results as Parquet, with the contract's columns in their order."""
    pq.write_table(schema.conform(table), folder / f"{schema.name}.parquet", compression="zstd")


def write_json(folder: Path, name: str, value: dict[str, Any]) -> None:
    """Write a JSON file of the results, with sorted keys."""
    (folder / name).write_text(json.dumps(value, indent=2, sort_keys=True, default=str) + "\n")


def write_manifest(
    folder: Path,
    inputs: Sequence[Openable],
    parameters: dict[str, Any],
    seed: int,
    profile: dict[str, Any] | None = None,
) -> None:
    """Write `manifest.json`: SHA-256 of every input and output file, version, parameters, seed, and the
    profile where one was measured.
    """
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
        }
        | ({} if profile is None else {"profile": profile}),
    )


def check_results(folder: Path) -> None:
    """Raise `StateError` where `folder` does not exist or has no table of campaigns."""
    if (folder / f"{contract.CAMPAIGNS.name}.parquet").is_file():
        return
    below = [
        one.name
        for one in sorted(folder.glob("*/"))
        if (one / f"{contract.CAMPAIGNS.name}.parquet").is_file()
    ]
    raise StateError(
        Problem(
            fact=f"`{folder}` is not a results folder",
            where=str(folder),
            found=f"no `{contract.CAMPAIGNS.name}.parquet`" if folder.is_dir() else "no folder of this name",
            expected="a folder that `stillwatch scan` wrote",
            fix=f"did you mean `{folder / below[0]}`?" if below else "stillwatch scan LOGS --out RESULTS",
        )
    )


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Contents of a JSON file of the results. Raises `StateError` where it is absent or no JSON object."""
    path = folder / name
    try:
        value = json.loads(path.read_bytes())
        if isinstance(value, dict):
            return value
        found = type(value).__name__
    except (OSError, ValueError) as error:
        found = type(error).__name__
    raise StateError(
        Problem(
            fact=f"`{name}` of the results cannot be read",
            where=str(path),
            found=found,
            expected="a JSON object",
            fix="stillwatch scan LOGS --out RESULTS",
        )
    )


def read_table(folder: Path, schema: TableSchema) -> pa.Table:
    """One table of a results folder. Raises `StateError` where it is absent, damaged or lacks a column."""
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
