"""The store: a folder of observations and daily summaries. No log file is read twice, even after a crash.

    store.json                            version of the sketch and name of its key
    key                                   random secret of the digests, where no key was given
    files/ID.json                         a log file as it was when read, and its number of pieces
    pieces/ID-N.json                      a piece that was read completely: counts and parts
    observations/date=DAY/ID-N-M.parquet  a part: observations of a piece of one UTC day
    quarantine/ID-N.parquet               rows of a piece that could not be read
    days/DAY.json                         content id of a day's input, and the files of its summaries
    summaries/TABLE/date=DAY/*.parquet    summaries of a day

A part or summary counts once the JSON file that names it exists. That file is written last. Unreferenced
files are deleted on open. A log file that changed is read again and replaces its earlier observations.
Folders have mode 0700 and files 0600.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shlex
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract.table import TableSchema
from stillwatch.engine.files import Openable, atomic, lock
from stillwatch.errors import Problem, StateError

# Files of a store: its version, and the secret of its digests.
HEAD, SECRET = "store.json", "key"
PRIVATE = 0o700  # permissions of folders: the owner only
ROOMS = ("files", "pieces", "observations", "quarantine", "days", "summaries")  # folders of a store


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One Parquet file with observations of one day.

    `day` is the UTC date, `name` the file's name, `rows` its rows and `marks` the number of its phrases and
    bands.
    """

    day: str
    name: str
    rows: int
    marks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Counts and parts of a piece of a log file that was read completely.

    `filled` names the columns of observations with at least one value. `nulled` counts unreadable cells by
    column and reason, `envelopes` counts records by the wrapper that they were unpacked from, `passed_over`
    counts records that are no exchanges and `records` counts all records.
    """

    rows: int
    quarantined: int
    parts: tuple[Part, ...]
    filled: tuple[str, ...]
    aside: Mapping[str, int]
    nulled: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    envelopes: Mapping[str, int] = field(default_factory=dict)
    passed_over: int = 0
    records: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """State of a log file when it was read.

    `size` is in bytes, `changed_ns` is the modification time in nanoseconds, `read_as` says how it was read
    and `pieces` is the number of pieces it was cut into. `content` identifies its decompressed bytes (empty:
    unknown), and `first` is its id when it was read, where it has been moved or compressed since.
    """

    path: str
    size: int
    changed_ns: int
    read_as: str
    pieces: int
    content: str = ""
    first: str = ""

    @property
    def seen(self) -> str:
        """Digest of path, size, time and how it is read, 16 hexadecimal digits: another one where the file
        changed or is read in another way.
        """
        fields = {name: value for name, value in asdict(self).items() if name not in ("content", "first")}
        return hashlib.blake2b(json.dumps(fields, sort_keys=True).encode(), digest_size=8).hexdigest()

    @property
    def id(self) -> str:
        """`seen` when the file was read."""
        return self.first or self.seen


@dataclass(slots=True, kw_only=True)
class Day:
    """The summaries of one UTC day.

    `made_of` identifies their input, `thinned` is the log2 of the sampling rate (one digest in 2^`thinned`
    is kept) and `files` are their file names by table.
    """

    made_of: str
    thinned: int
    files: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PiecePaths:
    """Paths of the files of a store's pieces. It holds only a path, so it can be sent to Spark executors."""

    folder: Path

    def part(self, file: LogFile, piece: int, day: str, number: int) -> Path:
        """Path for part `number` of a piece; its folder is created."""
        path = self.folder / "observations" / f"date={day}" / f"{file.id}-{piece}-{number}.parquet"
        _private(path.parent)
        return path

    def quarantine(self, name: str, piece: int) -> Path:
        """Path of the file with the unreadable rows of a piece; `name` is the log file's id."""
        return self.folder / "quarantine" / f"{name}-{piece}.parquet"


def _is_foreign(path: Path) -> bool:
    """Whether a file or folder cannot have been made by a store, not even by one that was interrupted."""
    return path.name not in (*ROOMS, ".lock", ".work", SECRET) and not path.name.startswith(
        (HEAD, f".{HEAD}", f".{SECRET}.")
    )


def kept_secret(folder: Path) -> bytes:
    """The secret of the store at `folder`; a random one is written on the first call.

    Runs that start at the same time get the same secret. Raises `StateError` where the folder is not empty
    and no store.
    """
    _check(folder)
    path = folder / SECRET
    if not path.exists():
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{SECRET}.", dir=folder)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(name)  # unlike a rename, fails where another run has written its secret
        Path(name).unlink()
    return path.read_bytes()


def _check(folder: Path) -> None:
    """Raise `StateError` where the folder holds something and is not a store."""
    if not (folder / HEAD).exists() and folder.is_dir() and any(map(_is_foreign, folder.iterdir())):
        raise StateError(
            Problem(
                fact=f"`{folder}` exists and is not a store",
                where=str(folder),
                expected=f"a new or empty folder, or one with `{HEAD}`",
                fix="give another --store",
            )
        )


class Store:
    """A folder of observations and daily summaries, for one sketch version and one key.

    Use it as a context manager: entering locks the folder, reads it and removes unreferenced files. The
    constructor raises `StateError` for a folder that is not empty and no store; entering raises it where
    another run holds the lock or the store has another version or key.
    """

    def __init__(self, folder: Path, *, version: int, key_id: str, kept: bool = True) -> None:
        """`kept` is whether later runs will use the store, with files that may have been moved meanwhile."""
        self.kept = kept
        # Paths are resolved because `_sweep` compares paths that it finds with paths that are referenced.
        self.folder = folder = folder.resolve()
        self.place = PiecePaths(folder=folder)
        self._head = {"sketch_version": version, "key_id": key_id}
        self.files: dict[str, LogFile] = {}
        self.pieces: dict[str, dict[int, Piece]] = defaultdict(dict)
        self.days: dict[str, Day] = {}
        _check(folder)

    @property
    def key_id(self) -> str:
        """Public name of the key under which the digests are enciphered."""
        return str(self._head["key_id"])

    def fits(self) -> bool:
        """Whether the folder is new, or its contents have this sketch version and key."""
        head = self.folder / HEAD
        return not head.exists() or json.loads(head.read_text()) == self._head

    def clear(self) -> None:
        """Remove everything but the secret."""
        for name in ROOMS:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / HEAD).unlink(missing_ok=True)

    def _open(self) -> None:
        """Read the JSON files of the store and remove the remains of a crash."""
        folder, head = self.folder, self.folder / HEAD
        shutil.rmtree(folder / ".work", ignore_errors=True)
        shutil.rmtree(self._gone(), ignore_errors=True)
        if head.exists():
            self._same(json.loads(head.read_text()), self._head)
        else:
            # Without `store.json` the run that created or removed the store was killed: nothing counts.
            for name in ROOMS:
                shutil.rmtree(folder / name, ignore_errors=True)
            _write(head, self._head)
        for name in ROOMS:
            _private(folder / name)
        self.files = {
            one.id: one for one in (_log_file(path) for path in sorted((folder / "files").glob("*.json")))
        }
        for path in sorted((folder / "pieces").glob("*.json")):
            name, _dash, number = path.stem.rpartition("-")
            if name in self.files:
                self.pieces[name][int(number)] = _piece(path)
            else:
                path.unlink()
        self.days = {
            path.stem: Day(**json.loads(path.read_text()))
            for path in sorted((folder / "days").glob("*.json"))
        }
        self._sweep()

    def __enter__(self) -> Self:
        self.folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        try:
            self._lock = lock(self.folder / ".lock")
        except BlockingIOError as error:
            raise StateError(
                Problem(
                    fact="another run is using the store",
                    where=str(self.folder),
                    fix="wait for it, or stop it",
                )
            ) from error
        self._open()
        return self

    def __exit__(self, *_error: object) -> None:
        self._lock.close()

    def _same(self, found: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
        """Raise `StateError` where the sketch version or the key of the store is another one."""
        anew = (
            f"rm -r {shlex.quote(str(self.folder))}, then stillwatch scan ALL_LOGS --store "
            f"{shlex.quote(str(self.folder))}"
        )
        for name, what, fix in (
            ("sketch_version", "another version of the sketch", anew),
            (
                "key_id",
                "another key",
                f"set STILLWATCH_KEY as it was then (or unset it, where it was not set); or else {anew}",
            ),
        ):
            if found.get(name) != stored[name]:
                raise StateError(
                    Problem(
                        fact=f"the store was made with {what}",
                        where=str(self.folder / HEAD),
                        found=str(found.get(name)),
                        expected=str(stored[name]),
                        why="digests cannot be compared across versions or keys",
                        fix=fix,
                    )
                )

    # ------------------------------------------------------------------------------------------ observations

    def known(self, files: Iterable[LogFile], content: Callable[[LogFile], str]) -> dict[str, LogFile]:
        """The records of these files, by their `seen`. A file whose `content` is that of a registered one
        which is not among them takes over its record, and what was read of it.
        """
        here = {file.seen: file for file in files}
        records = {one.seen: one for one in self.files.values() if one.seen in here}
        for seen, file in here.items():
            if seen not in records:
                records[seen] = replace(file, content=content(file))
        gone = {
            (one.content, one.read_as, one.pieces): one
            for one in self.files.values()
            if one.content and one.seen not in here
        }
        for seen, file in records.items():
            if file.id in self.files:
                continue
            old = gone.pop((file.content, file.read_as, file.pieces), None)
            if old is not None:
                records[seen] = self.files[old.id] = replace(file, first=old.id)
                _write(self.folder / "files" / f"{old.id}.json", asdict(records[seen]))
        return records

    def begin(self, file: LogFile) -> dict[int, Piece]:
        """Register a log file; one with the same path and another id is removed. Returns the pieces of it
        that were read already, by number.
        """
        if file.id not in self.files:
            self._forget([name for name, other in self.files.items() if other.path == file.path])
            _write(self.folder / "files" / f"{file.id}.json", asdict(file))
            self.files[file.id] = file
        return self.pieces[file.id]

    def only(self, paths: Iterable[Openable]) -> None:
        """Remove every log file that is not in `paths`, with its observations, and every table kept by
        `remember`.
        """
        wanted = {str(path.resolve()) for path in paths}
        self._forget([name for name, file in self.files.items() if file.path not in wanted])
        for table in self.folder.glob("*.parquet"):
            table.unlink()

    def _forget(self, names: Sequence[str]) -> None:
        """Remove files of logs from the store, with what was read of them."""
        for name in names:
            (self.folder / "files" / f"{name}.json").unlink(missing_ok=True)
            for number in self.pieces.pop(name, {}):
                (self.folder / "pieces" / f"{name}-{number}.json").unlink(missing_ok=True)
            del self.files[name]
        if names:
            self._sweep()

    def finish(self, file: LogFile, number: int, piece: Piece) -> None:
        """Register piece `number` of `file` as read completely."""
        _write(self.folder / "pieces" / f"{file.id}-{number}.json", asdict(piece))
        self.pieces[file.id][number] = piece

    @property
    def parts(self) -> list[Part]:
        """All parts of registered pieces, sorted by day and name."""
        every = [part for pieces in self.pieces.values() for piece in pieces.values() for part in piece.parts]
        return sorted(every, key=lambda part: (part.day, part.name))

    def path(self, part: Part) -> Path:
        """Path of a part."""
        return self.folder / "observations" / f"date={part.day}" / part.name

    @property
    def rows(self) -> int:
        """Number of rows read, duplicates included."""
        return sum(piece.rows for pieces in self.pieces.values() for piece in pieces.values())

    def rows_of(self, path: Openable) -> int:
        """Number of rows read of the file at `path`; 0 where it is not registered."""
        mine = [one.id for one in self.files.values() if one.path == str(path.resolve())]
        return sum(piece.rows for name in mine for piece in self.pieces[name].values())

    def quarantined(self) -> list[pa.Table]:
        """The unreadable rows, one table for each piece, sorted by path of the log file."""
        order = sorted(self.files.values(), key=lambda one: one.path)
        return [
            pq.read_table(self.place.quarantine(one.id, n))
            for one in order
            for n in sorted(self.pieces[one.id])
        ]

    def remember(self, schema: TableSchema, rows: pa.Table) -> pa.Table:
        """Merge `rows` into the stored copy of a small table and return all rows, the latest of each key."""
        path = self.folder / f"{schema.name}.parquet"
        if path.exists():
            old = pq.read_table(path, schema=schema.arrow)
            (key,) = schema.key
            again = pc.is_in(old.column(key), rows.column(key).combine_chunks())
            rows = pa.concat_tables([rows, old.filter(pc.invert(again))])
        with atomic(path, private=True) as temporary:
            pq.write_table(rows, temporary, compression="zstd")
        return rows

    @property
    def filled(self) -> set[str]:
        """Columns of observations with at least one value."""
        return {name for pieces in self.pieces.values() for piece in pieces.values() for name in piece.filled}

    # --------------------------------------------------------------------------------------------- summaries

    def stale(self, made_of: Mapping[str, str], thinned: int) -> list[str]:
        """Days whose summaries must be made again: missing, of another input, or sampled more coarsely than
        `thinned`. `made_of` maps each day to the id of its input; summaries of other days are removed.
        """
        for day in [day for day in self.days if day not in made_of]:
            self._drop(day)
        return sorted(
            day
            for day, what in made_of.items()
            if day not in self.days or self.days[day].made_of != what or self.days[day].thinned > thinned
        )

    def keep_day(self, day: str, made_of: str, thinned: int, tables: Mapping[str, Sequence[Path]]) -> None:
        """Move a day's summaries into the store in place of earlier ones. `tables` maps each table to its
        files, which lie in the same file system.
        """
        self._drop(day)
        files: dict[str, list[str]] = {}
        for table, paths in tables.items():
            folder = self.folder / "summaries" / table / f"date={day}"
            _private(folder)
            files[table] = [f"{made_of}-{thinned}-{number}.parquet" for number in range(len(paths))]
            for path, name in zip(sorted(paths), files[table], strict=True):
                path.chmod(0o600)
                path.replace(folder / name)
        self.days[day] = Day(made_of=made_of, thinned=thinned, files=files)
        _write(self.folder / "days" / f"{day}.json", asdict(self.days[day]))

    def _drop(self, day: str) -> None:
        """Remove the summaries of a day."""
        (self.folder / "days" / f"{day}.json").unlink(missing_ok=True)
        gone = self.days.pop(day, None)
        for table, names in (gone.files if gone else {}).items():
            for name in names:
                (self.folder / "summaries" / table / f"date={day}" / name).unlink(missing_ok=True)

    def summaries(self, table: str) -> list[str]:
        """Paths of a table's summaries of all days."""
        return [
            str(self.folder / "summaries" / table / f"date={day}" / name)
            for day, one in sorted(self.days.items())
            for name in one.files.get(table, [])
        ]

    def remove(self) -> None:
        """Delete the store. The folder is renamed first, so an interrupted deletion leaves no partial store
        under its name.
        """
        gone = self._gone()
        shutil.rmtree(gone, ignore_errors=True)
        self.folder.rename(gone)
        shutil.rmtree(gone)

    def _gone(self) -> Path:
        """Name under which a store is removed."""
        return self.folder.with_name(f"{self.folder.name}.gone")

    def scratch(self) -> Path:
        """A folder for unfinished work, emptied whenever the store is opened."""
        path = self.folder / ".work"
        path.mkdir(mode=PRIVATE, exist_ok=True)
        return path

    def _sweep(self) -> None:
        """Delete unreferenced files."""
        named = {self.path(part) for part in self.parts}
        named |= {self.place.quarantine(name, n) for name, pieces in self.pieces.items() for n in pieces}
        named |= {
            Path(path)
            for table in (self.folder / "summaries").iterdir()
            for path in self.summaries(table.name)
        }
        for root in ("observations", "quarantine", "summaries"):
            for path in (self.folder / root).rglob("*"):
                if path.is_file() and path not in named:
                    path.unlink()


def _private(folder: Path) -> None:
    """Create a folder and its missing parents with mode 0700."""
    if not folder.is_dir():
        _private(folder.parent)
        folder.mkdir(mode=PRIVATE, exist_ok=True)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON to a file, as a whole or not at all."""
    with atomic(path, private=True) as temporary:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=True))


def _log_file(path: Path) -> LogFile:
    """The record of a log file."""
    return LogFile(**json.loads(path.read_text()))


def _piece(path: Path) -> Piece:
    """The record of a piece."""
    recorded = json.loads(path.read_text())
    return Piece(
        **recorded
        | {"parts": tuple(Part(**part) for part in recorded["parts"]), "filled": tuple(recorded["filled"])}
    )


def content_id(parts: Iterable[str]) -> str:
    """Digest of a sequence of strings, 16 hexadecimal digits; depends on their order."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).hexdigest()
