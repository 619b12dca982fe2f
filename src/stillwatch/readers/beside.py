"""Access to files next to a log file that belong to its records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

import orjson

from stillwatch.readers.envelope import unwrapped
from stillwatch.readers.limits import Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.open import FAULTS, open_stream
from stillwatch.readers.places import LogPath, Remote
from stillwatch.readers.registry import Format, Numbered
from stillwatch.readers.tolerant import loads

PEEK = 20  # records that are read to recognise the format of another file: chosen
MAX_PATH_PARTS = 8  # most trailing parts of an object's key that are tried as a path: chosen


@dataclass(frozen=True, slots=True)
class Beside:
    """The surroundings of one log file. Only files in its folder, or below, are read, whatever a record
    names.

    `among` are the files of the same scan, including this one. `names` maps contract columns to fields, as
    `--map` gives them.
    """

    path: LogPath
    limits: Limits
    among: Sequence[LogPath] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    _missing: set[str] = field(default_factory=set)

    def document(self, key: Any) -> Any:  # noqa: ANN401  any JSON values
        """The JSON value of a file that a record names by its address in an object store
        (`s3://bucket/a/b.json.gz`).

        The last parts of the address are tried as paths below the log's folder: `a/b.json.gz`, then
        `b.json.gz`. None where there is no such file or it cannot be read.
        """
        if not isinstance(key, str) or not key or len(self._missing) > 1 << 16:
            return None
        if isinstance(self.path, Remote):
            there = self.path.below(key)
            return None if there is None else self._value(there)
        parts = PurePosixPath(key.partition("://")[2] or key).parts[-MAX_PATH_PARTS:]
        if ".." in parts:
            return None
        folder = self.path.parent
        for begin in range(len(parts)):
            file = folder.joinpath(*parts[begin:])
            if str(file.parent) not in self._missing:
                if file.is_file() and file.resolve().is_relative_to(folder.resolve()):
                    return self._value(file)
                if not file.parent.is_dir():
                    self._missing.add(str(file.parent))
        return None

    def together(self) -> tuple[tuple[LogPath, int, int], ...]:
        """The files of `among` that belong with this one, including itself, each with its size in bytes and
        its modification time in ns.

        They are in the same folder, or have the same path except for one folder's name, as in exports of
        several tables.
        """
        found = []
        for path in sorted(set(self.among), key=str):
            if path.parent == self.path.parent or _parallel(path, self.path):
                try:
                    stat = path.stat()
                except OSError:
                    continue
                found.append((path, stat.st_size, stat.st_mtime_ns))
        return tuple(found)

    def _value(self, file: LogPath) -> Any:  # noqa: ANN401  any JSON value
        """The JSON value of a file; None where it cannot be read or exceeds the limit of a line."""
        try:
            with open_stream(file, self.limits) as stream:
                raw = stream.read(self.limits.line + 1)
            return loads(raw) if len(raw) <= self.limits.line else None
        except (*FAULTS, orjson.JSONDecodeError):
            return None


def records_of(path: LogPath, form: Format, limits: Limits) -> Iterator[Numbered]:
    """The records of a file; empty where its first records are not of this format."""
    first = islice(unwrapped(path, form, {}, Losses(path), limits), PEEK)
    if any(form.recognise(record) for _number, record in first):
        yield from unwrapped(path, form, {}, Losses(path), limits)


def _parallel(one: LogPath, other: LogPath) -> bool:
    """Whether two paths differ in exactly one folder name."""
    if one.name != other.name or len(one.parts) != len(other.parts):
        return False
    return sum(a != b for a, b in zip(one.parts, other.parts, strict=True)) == 1
