"""An append-only log in which each line contains the hash of the line before it.

A line is canonical JSON (RFC 8785) with `at`, `kind` and `previous`, the SHA-256 of the preceding line. A
changed, removed or inserted line breaks the chain. A truncated log can be detected only by someone who kept
the digest of a later line.
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
"""`previous` of the first line."""


class Journal:
    """The log in one file, readable by its owner only. Several processes and threads may write to it at the
    same time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._busy = threading.Lock()

    def add(self, kind: str, fields: Mapping[str, Any]) -> str:
        """Append a line with the current time and these JSON fields; returns its SHA-256."""
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
        """The lines of the given kinds, or all lines. Raises `InputError` at the first line that breaks the
        chain.
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
    """Lines of the file without their ends; none where it does not exist."""
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")


def _last(path: Path) -> bytes:
    """The last line; empty for an empty or missing file."""
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
    """SHA-256 of a line, in hexadecimal."""
    return hashlib.sha256(line).hexdigest()
