"""An append-only file of decisions by people and programs, with a hash chain over its lines.

Rules:
    A line holds time, kind, author, content and `code`: the SHA-256 of the previous line's code and of the
    line itself. A changed, removed or inserted line therefore breaks the chain. Lines removed at the end are
    detected only by comparison with a stored last code (`stillwatch seal`). The file is locked, so it has one
    writer at a time. Where its folder is replaced while a writer waits, the line is written to the new file.
    A line cut short by a crash is counted and skipped; the chain continues from the last whole line.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from stillwatch.engine.files import OWNER

FORMAT = "stillwatch-record-1"  # name and version of the format of a line
START = "0" * 64  # code before the first line
TAIL = 1 << 16  # bytes read from the end to find the last line; doubled where that line is longer
REPLACED_S = 1.0  # longest time in seconds for which a folder that is being replaced may be absent
FIELDS = frozenset({"format", "at", "kind", "author", "body", "code"})  # keys of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEntry:
    """One line of a record: time (ISO 8601), kind, author, content, and the code of the hash chain."""

    at: str
    kind: str
    author: str
    body: Mapping[str, Any]
    code: str = ""


@dataclass(slots=True, kw_only=True)
class RecordFile:
    """The lines of a file in order, and a message for each fault."""

    entries: list[RecordEntry] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def head(self) -> str:
        """Code of the last line; `START` where there is no line."""
        return self.entries[-1].code if self.entries else START


def now() -> str:
    """Present time of the machine in UTC, as ISO 8601 with microseconds and `Z`."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def append(path: Path, entries: Sequence[RecordEntry]) -> list[RecordEntry]:
    """Append lines and flush them to disk; returns them with new codes (given codes are ignored).

    Raises `OSError` where the disk is full or the folder is absent; then none of the lines is added.
    """
    with locked(path) as file:
        before, cut = _last(file)
        done, lines = [], []
        for one in entries:
            held = {
                "format": FORMAT,
                "at": one.at,
                "kind": one.kind,
                "author": one.author,
                "body": dict(one.body),
            }
            before = _code(before, held)
            lines.append(json.dumps({**held, "code": before}, sort_keys=True, default=str) + "\n")
            done.append(RecordEntry(at=one.at, kind=one.kind, author=one.author, body=one.body, code=before))
        end = file.seek(0, os.SEEK_END)
        try:
            file.write((("\n" if cut else "") + "".join(lines)).encode())
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            _take_back(file, end)
            raise
        return done


def _take_back(file: IO[bytes], end: int) -> None:
    """Truncate the file after a failed write; where that fails too, a line that is cut short remains."""
    try:
        os.ftruncate(file.fileno(), end)
    except OSError:
        return


@contextmanager
def locked(path: Path) -> Iterator[IO[bytes]]:
    """The file at `path` (created with mode 0600), locked until the block ends.

    Where its folder was replaced while this process waited for the lock, the new file is locked instead.
    Raises `FileNotFoundError` where the folder is absent for longer than `REPLACED_S`.
    """
    until = time.monotonic() + REPLACED_S
    while True:
        try:
            handle = os.open(path, os.O_CREAT | os.O_RDWR, OWNER)
        except FileNotFoundError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
            continue
        file = os.fdopen(handle, "r+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still(path, file):
                yield file
                return
        finally:
            file.close()


def _is_still(path: Path, file: IO[bytes]) -> bool:
    """Whether a path still leads to the opened file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False


def last_code(path: Path) -> str:
    """Code of a file's last whole line; `START` where there is none."""
    with path.open("rb") as file:
        return _last(file)[0]


def read(path: Path, last: int | None = None) -> RecordFile:
    """The lines of a file (none where it does not exist), with a fault for each line that cannot be read and
    for each line that does not continue the hash chain.

    With `last`, only the whole lines in the last so many bytes; the first of them is the start of the chain
    that is checked, and lines are numbered from there.
    """
    record = RecordFile()
    before: str | None = START
    lines = _lines(path, last)
    if last is not None and path.exists() and path.stat().st_size > last:
        next(lines, None)  # cut by the limit
        before = next((held["code"] for _number, held in lines if held is not None), None)
    for number, held in lines:
        if held is None:
            record.faults.append(f"{path.name}: line {number} is cut short or no line of a record")
            continue
        code = held.pop("code")
        if before is not None and code != _code(before, held):
            record.faults.append(
                f"{path.name}: line {number} is not as it was written, or not after the line before it"
            )
        before = code
        record.entries.append(
            RecordEntry(at=held["at"], kind=held["kind"], author=held["author"], body=held["body"], code=code)
        )
    return record


def _lines(path: Path, last: int | None = None) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Number and content of each line; None for a line that is no entry. With `last`, the lines in that many
    bytes at the end.
    """
    try:
        with path.open("rb") as file:
            if last is not None:
                file.seek(max(0, file.seek(0, os.SEEK_END) - last))
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _parsed(line)
    except FileNotFoundError:
        return


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The content of a line; None where it is no entry."""
    try:
        held = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(held, dict) or set(held) != FIELDS or held["format"] != FORMAT:
        return None
    texts = all(isinstance(held[name], str) for name in ("at", "kind", "author", "code"))
    return held if texts and isinstance(held["body"], dict) else None


def _code(before: str, held: Mapping[str, Any]) -> str:
    """The code of an entry in the hash chain: SHA-256 (hex) of the code before and the content."""
    return hashlib.sha256(f"{before}\n{json.dumps(held, sort_keys=True, default=str)}".encode()).hexdigest()


def _last(file: IO[bytes]) -> tuple[str, bool]:
    """Code of the last whole line (`START` where there is none), and whether the last line is cut short."""
    end = file.seek(0, os.SEEK_END)
    size = TAIL
    while True:
        begin = max(end - size, 0)
        file.seek(begin)
        tail = file.read(end - begin)
        cut = bool(tail) and not tail.endswith(b"\n")
        lines = tail.split(b"\n")[0 if begin == 0 else 1 :]
        for line in reversed(lines):
            held = _parsed(line) if line.strip() else None
            if held is not None:
                return str(held["code"]), cut
        if begin == 0:
            return START, cut
        size *= 2
