"""Which files does a path mean?"""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stillwatch.errors import InputError, Problem
from stillwatch.readers.formats.contract_document import contract_document
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.open import COMPRESSED
from stillwatch.readers.recognise import Recognised, named, recognise
from stillwatch.readers.records import is_document
from stillwatch.readers.registry import all_formats

SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".csv", ".json", ".log", ".binpb", ".pb", ".otlp")
VENDORS = (".json", ".log", ".binpb", ".pb", ".otlp")  # taken from a folder only where a format is recognised
COMPANIONS = ("accounts", "releases", "truth", "quarantine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files of one scan; companions are found beside the exchanges unless named.

    `unread` are files that were meant and cannot be read, with what is wrong with each.
    """

    exchanges: tuple[Path, ...]
    formats: Mapping[Path, Recognised]
    accounts: Path | None = None
    releases: Path | None = None
    unread: Mapping[Path, tuple[Problem, ...]] = field(default_factory=dict)


def format_of(path: Path) -> str | None:
    """`parquet`, `jsonl`, `csv` or `vendor` by the file's name, or None."""
    name = path.name.lower()
    for ending in COMPRESSED:
        if name.endswith(ending):
            name = name.removesuffix(ending)
            if name.endswith(".parquet"):
                return None
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return "vendor" if suffix in VENDORS else "jsonl" if suffix == ".ndjson" else suffix[1:]
    return None


def _stem(path: Path) -> str:
    return path.name.split(".", 1)[0].lower()


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(root).parts)


def _tree(folder: Path) -> list[Path]:
    inner = folder / "exchanges"
    root = inner if inner.is_dir() else folder
    found = []
    for path in sorted(root.rglob("*")):
        if not path.is_file() or _hidden(path, root) or format_of(path) is None:
            continue
        if root is folder and (_stem(path) in COMPANIONS or path.relative_to(root).parts[0] in COMPANIONS):
            continue
        found.append(path)
    return found


def discover(
    paths: Sequence[str],
    *,
    accounts: Path | None = None,
    releases: Path | None = None,
    names: Mapping[str, str] | None = None,
    log_format: str = "auto",
    limits: Limits = LIMITS,
) -> Sources:
    """Files behind files, folders, Hive-partitioned trees and globs, in a fixed order.

    A folder that holds `exchanges/` or `exchanges.*` means that; `accounts.*` and `releases.*` beside it are
    companions and `truth.*` is never read. Each file's format is recognised by its first records, with `names` as
    `--map` gives them, unless `log_format` says which it is. A file of no known format stands in `unread`. Raises `InputError` for a path that
    means no file, and where no file is of a known format.
    """
    forced = named(log_format)
    files: list[Path] = []
    places: list[Path] = []
    problems: list[Problem] = []
    told: dict[Path, Recognised] = {}
    unread: dict[Path, tuple[Problem, ...]] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            found = _tree(path)
            places += [path, path.parent]
        elif path.is_file():
            found = [path]
            places.append(path.parent)
        else:
            found = [p for p in map(Path, sorted(glob.glob(given, recursive=True))) if p.is_file()]  # noqa: PTH207  a whole pattern, perhaps absolute
            places += sorted({p.parent for p in found})
        if not found:
            problems.append(
                Problem(
                    fact=f"`{given}` means no file that can be read",
                    where=given,
                    found="nothing" if not path.exists() else "no file with a known ending",
                    expected="a file, folder or glob of " + ", ".join(SUFFIXES) + " (plain, .gz or .zst)",
                    fix="stillwatch scan PATH_TO_LOGS --out RESULTS",
                )
            )
        formats = {f: _format(f, forced, names or {}, limits) for f in found if format_of(f)}
        told |= {f: one for f, one in formats.items() if one is not None}
        strange = [f for f in found if f not in told and format_of(f) in (None, "vendor")]
        if path.is_dir():  # a folder may hold other things than logs
            found = [f for f in found if f not in strange]
        else:
            unread |= {f: (_no_format(f) if format_of(f) else _no_ending(f),) for f in strange}
        files += [f for f in found if f not in files and f not in unread]
    if not files:
        problems += [problem for several in unread.values() for problem in several]
    for name, file in (("accounts", accounts), ("releases", releases)):
        if file is not None and not file.exists():
            problems.append(Problem(fact=f"the {name} file does not exist", where=str(file)))
    if problems:
        raise InputError(*problems)
    return Sources(
        exchanges=tuple(files),
        unread=unread,
        formats={f: told.get(f) or Recognised(format=None, why="by its ending") for f in files},
        accounts=accounts or _companion("accounts", places),
        releases=releases or _companion("releases", places),
    )


def _no_ending(file: Path) -> Problem:
    return Problem(
        fact=f"`{file.name}` has no ending that names a known format",
        where=str(file),
        expected=", ".join(SUFFIXES) + " (plain, .gz or .zst)",
    )


def _no_format(file: Path) -> Problem:
    return Problem(
        fact=f"`{file.name}` is of no format that is known",
        where=str(file),
        expected=", ".join(["the contract's columns", *(one.name for one in all_formats())]),
        fix="stillwatch formats",
    )


def _format(
    file: Path, forced: Recognised | None, names: Mapping[str, str], limits: Limits
) -> Recognised | None:
    """What a file is read as; a document of contract rows is read one by one, as vendors' records are."""
    told = forced or recognise(file, names, limits)
    try:
        if (
            told
            and told.format is None
            and not told.sketch
            and not (told.plain and not is_document(file, limits))
        ):
            return replace(told, format=contract_document)
    except OSError:  # `check` says so
        pass
    return told


def _companion(name: str, places: Sequence[Path]) -> Path | None:
    for place in places:
        for path in sorted(place.glob(f"{name}.*")):
            if path.is_file() and format_of(path) not in (None, "vendor"):
                return path
    return None
