"""How is a results folder written as a whole or not at all, and read back with its promises checked?"""

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
MANIFEST = "manifest.json"
PREVIOUS = "previous"  # results that are being replaced, in a folder of the run that replaces them


@contextmanager
def whole_or_nothing(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place when the block ends without an error.

    Files in `out` that no earlier run wrote are kept: they are in the new folder too, as `NAME.kept` where
    the run wrote a file of that name. Raises `StateError` when `out` holds something that is not a results
    folder; nothing of it is touched.
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
            _carry(old, out, settled)  # what was put there meanwhile
            shutil.rmtree(old.parent, ignore_errors=True)
    finally:
        if work.exists():
            shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _no_label_meanwhile(out: Path) -> Iterator[frozenset[Path]]:
    """Hold the lock of the record in `out`, if it has one, and give its name: who waits for the lock finds
    that the folder was replaced, and writes to the new one.
    """
    path = out / contract.RECORD
    if not path.exists():
        yield frozenset()
        return
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield frozenset({Path(contract.RECORD)})


def _beside(out: Path, kind: str) -> Path:
    """A new folder beside `out` that names this process; its mode is what the umask leaves."""
    path = out.parent / f".{out.name}.{os.getpid()}.{kind}{secrets.token_hex(6)}"
    path.mkdir()
    return path


def _written(folder: Path) -> set[Path]:
    """The files that the run wrote whose manifest lies in the folder, relative to it. Raises `StateError` for
    a manifest that cannot be read.
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
    """Keep, in the folder `new`, the files of `old` that no run wrote, except those that are `settled`
    already.
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
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    return one.is_file() and other.is_file() and sha256(one) == sha256(other)


def _clear_up(out: Path) -> None:
    """Remove the unfinished work of runs that were killed; results that one had moved aside are put back."""
    for left in sorted(out.parent.glob(f".{glob.escape(out.name)}.*.*")):
        owner = left.name.removeprefix(f".{out.name}.").split(".")[0]
        # In a container every run has the same number: what bears this run's own was left by an earlier one.
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


def write_manifest(
    folder: Path,
    inputs: Sequence[Openable],
    parameters: dict[str, Any],
    seed: int,
    profile: dict[str, Any] | None = None,
) -> None:
    """SHA-256 of every input and every output file, with version, parameters and seed; and where the time
    went, if it was measured.
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
    """Raises `StateError` where `folder` is no results folder: it does not exist, or has no table of
    campaigns.
    """
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
    """A JSON file of the results; raises `StateError` when it is absent or no JSON object."""
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
