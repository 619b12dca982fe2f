"""Finds the log files and companion tables behind the paths that a user gives."""

from __future__ import annotations

import glob
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

import pyarrow.parquet as pq

from stillwatch.errors import InputError, Problem
from stillwatch.readers.container import kind_of
from stillwatch.readers.envelope import NEEDED
from stillwatch.readers.formats.contract_document import contract_document
from stillwatch.readers.lakes import live
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.losses import Excerpt
from stillwatch.readers.open import BLOCK, FAULTS, open_stream
from stillwatch.readers.places import PATTERN, LogPath, from_stream, is_stream, is_url, remote_files, seekable
from stillwatch.readers.recognise import (
    Recognised,
    is_empty,
    is_nested,
    keys_of,
    known_names,
    named,
    recognise,
    seen,
)
from stillwatch.readers.records import is_document
from stillwatch.readers.registry import all_formats

COMPANIONS = ("accounts", "releases", "truth", "quarantine")
"""Names of tables beside a log that are no logs."""
# A folder with all of these files is a results folder.
RESULTS = frozenset(("manifest.json", "overview.json", "campaigns.parquet"))
BOOKKEEPING = frozenset(
    "_delta_log _temporary _spark_metadata _symlink_format_manifest _metadata _common_metadata "
    "sketch.json".split()
)
"""Files and folders of Spark, Delta Lake and `stillwatch sketch` that are no logs."""
# File in `data/` that holds the body of an exchange; the log beside that folder names it.
BODY = re.compile(r".*_(?:input|output)\.json(?:\.gz)?")
COMPRESSIONS = "plain, gzip, zstd or bzip2"  # compressions that are read, for messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files of one scan, with the format of each log.

    Companion tables are found beside the logs unless they are given. `unread` maps files that cannot be read
    to their problems; `named` are files that were given individually. `excerpt` says where the lines of the
    one file stand in their log; None: files are whole logs.
    """

    exchanges: tuple[LogPath, ...]
    formats: Mapping[LogPath, Recognised]
    accounts: LogPath | None = None
    releases: LogPath | None = None
    unread: Mapping[LogPath, tuple[Problem, ...]] = field(default_factory=dict)
    named: frozenset[LogPath] = frozenset()
    excerpt: Excerpt | None = None


def _stem(name: str) -> str:
    """A file's name up to the first dot, in lower case."""
    return name.split(".", 1)[0].lower()


def _is_bookkeeping(path: LogPath, inner: tuple[str, ...]) -> bool:
    """Whether a file in a folder is hidden or is bookkeeping of Spark, Delta, Bedrock or `stillwatch
    sketch`.
    """
    return (
        any(part.startswith(".") or part in BOOKKEEPING for part in inner)
        or (inner[-1].startswith("_") and path.stat().st_size == 0)
        or (path.parts[-2:-1] == ("data",) and BODY.fullmatch(inner[-1]) is not None)
    )


def _below(files: Iterable[LogPath], root: str) -> list[LogPath]:
    """The files below a folder that may be logs: those in `exchanges/` where that exists, without companions
    and without results of a scan.
    """
    every = list(files)
    results = _results(every)
    placed = [
        (file, str(file)[len(root) :].strip("/").split("/"))
        for file in every
        if not any(str(file).startswith(f"{folder}/") for folder in results)
    ]
    inner = [(file, parts[1:]) for file, parts in placed if parts[0] == "exchanges" and len(parts) > 1]
    if not inner:
        inner = [
            (file, parts)
            for file, parts in placed
            if _stem(parts[-1]) not in COMPANIONS and parts[0] not in COMPANIONS
        ]
    return [file for file, parts in inner if not _is_bookkeeping(file, tuple(parts))]


def _results(files: Iterable[LogPath]) -> list[str]:
    """The folders among these files that are results of a scan; their files are no logs."""
    names: dict[str, set[str]] = defaultdict(set)
    for file in files:
        folder, _slash, name = str(file).rpartition("/")
        names[folder].add(name)
    return [folder for folder, held in names.items() if held >= RESULTS]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meant:
    """The files of one given path, the files among which companions are searched, and whether the path names
    a single file.
    """

    files: list[LogPath]
    beside: list[LogPath]
    one: bool = False


def _meant(given: str) -> _Meant:
    """The files of one given path."""
    if is_stream(given):
        return _Meant(files=[from_stream(given)], beside=[], one=True)
    if is_url(given):
        files: list[LogPath] = [*remote_files(given)]
        root = given.rstrip("/")
        if PATTERN.search(root) or [str(file) for file in files] == [root] or given.startswith("http"):
            return _Meant(files=files, beside=[], one=len(files) == 1)
        return _Meant(files=_below(live(files), root), beside=files)
    path = Path(given)
    if path.is_dir():
        return _Meant(files=log_files(path), beside=[*_companions(path), *_companions(path.parent)])
    if path.is_file():
        return _Meant(files=[path], beside=_companions(path.parent), one=True)
    found = [p for p in map(Path, sorted(glob.glob(given, recursive=True))) if p.is_file()]  # noqa: PTH207  a whole pattern, perhaps absolute
    return _Meant(
        files=[*found],
        beside=[file for folder in sorted({p.parent for p in found}) for file in _companions(folder)],
    )


def log_files(folder: Path, without: Path | None = None) -> list[LogPath]:
    """The files below a folder that may be logs, sorted by name, without those below the folder `without`.

    Raises `InputError` for a Delta or Iceberg table whose files cannot be read individually.
    """
    every: list[LogPath] = [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not (without and file.resolve().is_relative_to(without))
    ]
    return _below(live(every), str(folder))


def _companions(folder: Path) -> list[LogPath]:
    """Files of a folder with the name of a companion table."""
    return [path for name in COMPANIONS for path in sorted(folder.glob(f"{name}.*")) if path.is_file()]


def discover(
    paths: Sequence[str],
    *,
    accounts: Path | None = None,
    releases: Path | None = None,
    names: Mapping[str, str] | None = None,
    log_format: str = "auto",
    limits: Limits = LIMITS,
) -> Sources:
    """The log files behind files, folders, Hive-partitioned trees, patterns and URLs, in a fixed order.

    In a folder with `exchanges/` or `exchanges.*`, only those are logs; `accounts.*` and `releases.*` beside
    them are companion tables, and `truth.*` is never read. Each file's format is recognised by its first
    records, unless `log_format` names it; `names` maps contract columns to fields, as `--map` gives them.
    Files of unknown format are in `unread`. Raises `InputError` for a path without files, and where no file
    has a known format.
    """
    forced = named(log_format)
    files: list[LogPath] = []
    beside: list[LogPath] = []
    problems: list[Problem] = []
    recognised: dict[LogPath, Recognised] = {}
    unread: dict[LogPath, tuple[Problem, ...]] = {}
    single: set[LogPath] = set()
    for given in paths:
        meant = _meant(given)
        beside += meant.beside
        if not meant.files:
            problems.append(_nothing(given))
        if meant.one:
            single.update(meant.files)
        for file in meant.files:
            if file in recognised or file in unread:
                continue
            one = _format(file, forced, names or {}, limits)
            if one is None:
                unread[file] = (_unknown(file, limits),)
            else:
                recognised[file] = one
                files.append(file)
    if not files:
        problems += [problem for several in unread.values() for problem in several]
    for name, path in (("accounts", accounts), ("releases", releases)):
        if path is not None and not path.exists():
            problems.append(Problem(fact=f"the {name} file does not exist", where=str(path)))
    if problems:
        raise InputError(*problems)
    return Sources(
        exchanges=tuple(files),
        unread=unread,
        named=frozenset(single),
        formats=recognised,
        accounts=accounts or _companion("accounts", beside),
        releases=releases or _companion("releases", beside),
    )


def _found(given: str) -> str:
    """What a path without log files holds, for a message."""
    path = Path(given)
    is_results = all((path / name).is_file() for name in RESULTS)
    return "the results of a scan" if is_results else "no file that could be a log"


def _nothing(given: str) -> Problem:
    """The problem of a path without log files."""
    here = not is_url(given) and Path(given).exists()
    return Problem(
        fact=f"`{given}` means no file that can be read",
        where=given,
        found=_found(given) if here else "nothing",
        expected=f"a file, folder, pattern or URL of logs ({COMPRESSIONS})",
        fix="stillwatch scan PATH_TO_LOGS --out RESULTS",
    )


def unreadable(file: LogPath, error: Exception | str) -> Problem:
    """The problem of a file that cannot be read. Messages of libraries may hold customers' text, so only the
    kind of error is shown.
    """
    found = error if isinstance(error, str) else type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        found = error.strerror
    return Problem(
        fact=f"`{file.name}` cannot be read",
        where=str(file),
        found=found,
        expected=f"a whole file ({kind_of(file) or 'of any known kind'}, {COMPRESSIONS})",
    )


def _fault(file: LogPath, limits: Limits) -> Exception | str:
    """The error in reading a file's first bytes; an empty text where there is none."""
    try:
        if kind_of(file) == "parquet":
            pq.read_schema(seekable(file))
            return ""
        with open_stream(file, limits) as stream:
            stream.read(BLOCK)
            return stream.fault
    except FAULTS as error:
        return error


def _unknown(file: LogPath, limits: Limits) -> Problem:
    """The problem of a file of unknown format, with the keys found in it."""
    if fault := _fault(file, limits):
        return unreadable(file, fault)
    if kind_of(file) is None:
        return Problem(
            fact=f"`{file.name}` is not recognised",
            where=str(file),
            found="neither text nor Parquet",
            expected=f"Parquet, CSV, JSON, OTLP or lines of text ({COMPRESSIONS})",
        )
    keys = keys_of(file, limits)
    known = known_names(keys, kind_of(file) != "csv")
    missing = [name for name in NEEDED if name not in keys]
    near = {name: [key for key in get_close_matches(name, keys, 1) if key in known] for name in missing}
    options = " ".join(f"--map {name}={near[name][0] if near[name] else 'THEIR_NAME'}" for name in missing)
    return Problem(
        fact=f"`{file.name}` is not recognised: {seen(file, keys)}",
        where=str(file),
        expected=", ".join(
            [f"columns {', '.join(f'`{name}`' for name in NEEDED)}", *(one.name for one in all_formats())]
        ),
        fix=f"stillwatch inspect {shlex.quote(str(file))} {options}".strip(),
    )


def _format(
    file: LogPath, forced: Recognised | None, names: Mapping[str, str], limits: Limits
) -> Recognised | None:
    """The format in which a file is read, None where it is unknown. A document of contract rows, or a mapping
    with paths such as `user.id`, is read row by row.
    """
    try:
        if kind_of(file) is None:
            return None
        recognised = forced or recognise(file, names, limits)
        if recognised and recognised.format is None and not recognised.sketch:
            nested = any("." in theirs for theirs in names.values())
            by_rows = not recognised.plain or is_document(file, limits)
            if by_rows or (nested and is_nested(file, names, limits)):
                return replace(recognised, format=contract_document)
        if recognised is None and is_empty(file, limits):
            return Recognised(format=contract_document, why="it holds no record")
    except OSError:  # `check` reports it
        return forced or Recognised(format=None, why="it cannot be read")
    return recognised


def _companion(name: str, files: Iterable[LogPath]) -> LogPath | None:
    """The first file that is the companion table of this name; None where there is none."""
    for file in files:
        if (
            _stem(file.name) == name
            and ".json" not in file.suffixes
            and kind_of(file) in ("parquet", "csv", "json")
        ):
            return file
    return None
