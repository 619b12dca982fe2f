"""A log to which lines are only ever added, each bound to the one before it.

A line is canonical JSON (RFC 8785) with `at`, `kind` and `previous`, the SHA-256 of the line before it. A
line that was changed, left out or put in breaks the chain at that place; a log cut at its end is found by
whoever kept a later line's digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillwatch.engine.files import OWNER, lock
from stillwatch.errors import InputError, Problem
from stillwatch.package.canonical import canonical

FIRST = "0" * 64
"""What the first line names as the digest of the line before it."""


class Journal:
    """The log in one file, which only its owner can read. Processes and threads may write to it at the
    same time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._busy = threading.Lock()

    def add(self, kind: str, fields: Mapping[str, Any]) -> str:
        """Add a line with the present time, and these fields of JSON; returns its digest."""
        with self._busy, lock(self.path.with_name(f".{self.path.name}.lock"), wait=True):
            last = _last(self.path)
            previous = _digest(last) if last else FIRST
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            whole = canonical({**fields, "at": at, "kind": kind, "previous": previous})
            handle = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, OWNER)
            with os.fdopen(handle, "wb") as file:
                file.write(whole + b"\n")
                file.flush()
                os.fsync(file.fileno())
            return _digest(whole)

    def read(self, *kinds: str) -> list[dict[str, Any]]:
        """The lines of these kinds, or all. Raises `InputError` naming the first line that does not
        follow from the one before it.
        """
        found = []
        previous = FIRST
        for number, line in enumerate(_lines(self.path), 1):
            try:
                one = json.loads(line)
                follows = one["previous"] == previous and canonical(one) == line
            except (ValueError, KeyError, TypeError):
                follows = False
            if not follows:
                raise InputError(
                    Problem(
                        fact="a line of the log does not follow from the one before it",
                        where=f"{self.path}, line {number:,}",
                        why="a line here was changed, left out or put in",
                    )
                )
            previous = _digest(line)
            if not kinds or one["kind"] in kinds:
                found.append(one)
        return found


def _lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")


def _last(path: Path) -> bytes:
    """The last line; empty for no line."""
    if not path.exists():
        return b""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        tail, step = b"", 1 << 16
        while size and tail.count(b"\n") < 2:
            start = max(0, size - step)
            file.seek(start)
            tail = file.read(size - start) + tail
            size = start
    return tail.rstrip(b"\n").rpartition(b"\n")[2]


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
