"""Selects the files of a Delta or Iceberg table that hold its present rows.

A table's folder also contains replaced and deleted files; only the table's own library knows which files are
current. These are read as any Parquet file is, with the columns in them and those in folder names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from stillwatch.errors import InputError, MissingExtra, Problem
from stillwatch.readers.places import LogPath

# Path of a file of a Delta table's log.
DELTA = re.compile(r"(.*)/_delta_log/\d+\.(?:json|checkpoint.*\.parquet)")
# Path of a file of an Iceberg table's metadata, with its version.
ICEBERG = re.compile(r"(.*)/metadata/v?(\d+)(?:-[^/]*)?\.metadata\.json")
PLAIN_FEATURES = frozenset({"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "appendOnly"})
"""Features of a Delta table that do not affect readers of its files."""


def live(files: Sequence[LogPath]) -> list[LogPath]:
    """The files below a folder without outdated files: of a table, only those of its present version.

    Raises `InputError` for a table whose files cannot be read individually, and `MissingExtra` where its
    library is not installed.
    """
    delta = {found[1] for file in files if (found := DELTA.fullmatch(str(file)))}
    iceberg: dict[str, tuple[int, str]] = {}
    for file in files:
        if found := ICEBERG.fullmatch(str(file)):
            iceberg[found[1]] = max(iceberg.get(found[1], (-1, "")), (int(found[2]), str(file)))
    kept = [
        file for file in files if not any(str(file).startswith(f"{root}/") for root in (*delta, *iceberg))
    ]
    for root in sorted(delta):
        kept += _found(root, _delta(root), files)
    for root, (_version, metadata) in sorted(iceberg.items()):
        kept += _found(root, _iceberg(root, metadata), files)
    return kept


def _found(root: str, wanted: Sequence[str], files: Sequence[LogPath]) -> list[LogPath]:
    """The files with these paths below a table's folder. Raises `InputError` where one is missing."""
    below = {str(file).removeprefix(f"{root}/"): file for file in files if str(file).startswith(f"{root}/")}
    found = [below.get(path) or below.get(unquote(path)) for path in wanted]
    missing = [path for path, file in zip(wanted, found, strict=True) if file is None]
    if missing:
        raise InputError(
            Problem(
                fact=f"{len(missing)} of {len(wanted)} files of the table are missing",
                where=f"{root}/{missing[0]}",
                expected="every file that the table's present version names",
            )
        )
    return [file for file in found if file is not None]


def _delta(root: str) -> list[str]:
    """Paths of a Delta table's present files, relative to its folder."""
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError
    except ImportError as error:
        raise _without("Delta", root) from error
    try:
        table = DeltaTable(root)
        features = set(table.protocol().reader_features or ()) - PLAIN_FEATURES
        mode = table.metadata().configuration.get("delta.columnMapping.mode", "none")
        uris = table.file_uris()
    except (DeltaError, OSError) as error:
        raise _damaged("Delta", root, error) from error
    if mode != "none":
        features.add("columnMapping")
    if features:
        raise InputError(
            Problem(
                fact="the Delta table has features with which its files cannot be read one by one",
                where=root,
                found=", ".join(sorted(features)),
                expected="no deletion vectors and no column mapping",
                fix="REORG TABLE ... APPLY (PURGE), or export the table as Parquet",
            )
        )
    return [_below(uri, table.table_uri) for uri in uris]


def _iceberg(root: str, metadata: str) -> list[str]:
    """Paths of an Iceberg table's present files, relative to its folder."""
    try:
        from pyiceberg.table import StaticTable
    except ImportError as error:
        raise _without("Iceberg", root) from error
    driver = {"py-io-impl": "pyiceberg.io.fsspec.FsspecFileIO"} if "://" in root else {}
    try:
        table = StaticTable.from_metadata(metadata, driver)
        tasks = list(table.scan().plan_files())
    except Exception as error:  # the library's exceptions have no common base class
        raise _damaged("Iceberg", root, error) from error
    names: dict[int, set[str]] = {}
    for schema in table.schemas().values():
        for one in schema.fields:
            names.setdefault(one.field_id, set()).add(one.name)
    odd = []
    if any(task.delete_files for task in tasks):
        odd.append("rows deleted by delete files")
    if any(len(several) > 1 for several in names.values()):
        odd.append("renamed columns")
    if odd:
        raise InputError(
            Problem(
                fact="the Iceberg table has features with which its files cannot be read one by one",
                where=root,
                found=" and ".join(odd),
                expected="neither delete files nor renamed columns",
                fix="CALL system.rewrite_data_files(...), or export the table as Parquet",
            )
        )
    return [_below(task.file.file_path, table.location()) for task in tasks]


def _below(uri: str, location: str) -> str:
    """The path of a table's file relative to the table's folder."""
    return uri.removeprefix("file://").removeprefix(location.rstrip("/").removeprefix("file://")).lstrip("/")


def _without(name: str, root: str) -> MissingExtra:
    """The error where the library for a kind of table is not installed."""
    return MissingExtra(
        Problem(
            fact=f"reading a table of {name} needs a package that is not installed",
            where=root,
            fix="pip install 'stillwatch[tables]'",
        )
    )


def _damaged(name: str, root: str, error: Exception) -> InputError:
    """The error where a table cannot be read."""
    return InputError(
        Problem(
            fact=f"the {name} table cannot be read",
            where=root,
            found=f"{type(error).__name__}: {str(error).splitlines()[0][:160]}",
        )
    )
