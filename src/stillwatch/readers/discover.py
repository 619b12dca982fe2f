"""Which files does a path mean?"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stillwatch.errors import InputError, Problem

SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".csv")
COMPRESSED = (".gz", ".zst")
COMPANIONS = ("accounts", "releases", "truth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files of one scan; companions are found beside the exchanges unless named."""

    exchanges: tuple[Path, ...]
    accounts: Path | None = None
    releases: Path | None = None


def format_of(path: Path) -> str | None:
    """`parquet`, `jsonl` or `csv` by the file's name, or None."""
    name = path.name.lower()
    for ending in COMPRESSED:
        if name.endswith(ending):
            name = name.removesuffix(ending)
            if name.endswith(".parquet"):
                return None
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return "jsonl" if suffix == ".ndjson" else suffix[1:]
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


def discover(paths: Sequence[str], *, accounts: Path | None = None, releases: Path | None = None) -> Sources:
    """Files behind files, folders, Hive-partitioned trees and globs, in a fixed order.

    A folder that holds `exchanges/` or `exchanges.*` means that; `accounts.*` and `releases.*` beside it are
    companions and `truth.*` is never read. Raises `InputError` for a path that means no readable file.
    """
    files: list[Path] = []
    places: list[Path] = []
    problems: list[Problem] = []
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
        problems += [
            Problem(
                fact=f"`{file.name}` has no ending that names a known format",
                where=str(file),
                expected=", ".join(SUFFIXES) + " (plain, .gz or .zst)",
            )
            for file in found
            if format_of(file) is None
        ]
        files += [f for f in found if f not in files]
    for name, named in (("accounts", accounts), ("releases", releases)):
        if named is not None and not named.exists():
            problems.append(Problem(fact=f"the {name} file does not exist", where=str(named)))
    if problems:
        raise InputError(*problems)
    return Sources(
        exchanges=tuple(files),
        accounts=accounts or _companion("accounts", places),
        releases=releases or _companion("releases", places),
    )


def _companion(name: str, places: Sequence[Path]) -> Path | None:
    for place in places:
        for path in sorted(place.glob(f"{name}.*")):
            if path.is_file() and format_of(path) is not None:
                return path
    return None
