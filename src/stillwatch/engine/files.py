"""Atomic writes, files in memory, file locks and checksums."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Literal, Protocol

CHUNK = 1 << 20  # bytes of one read
OWNER, EVERYONE = 0o600, 0o666  # file modes before the umask is applied


@contextmanager
def atomic(path: Path, *, private: bool = False) -> Iterator[Path]:
    """A temporary file beside `path`, renamed to `path` when the block ends without an error and removed
    otherwise.

    Its mode follows the umask, or is 0600 with `private`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}"
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER if private else EVERYONE))
    try:
        yield temporary
        if private:
            temporary.chmod(OWNER)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def in_memory(link: Path, content: bytes) -> Iterator[Path]:
    """A path at which this process and its children can read `content`, which is not written to disk.

    `link` becomes a symbolic link to an anonymous file in memory (`memfd_create`), which ceases to exist with
    this process. Without such files (macOS) an unlinked file is used: it is on disk but has no name, and its
    blocks are freed when the process ends.
    """
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("stillwatch")
        place = Path(f"/proc/{os.getpid()}/fd/{handle}")
    else:
        handle = os.open(link, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER)
        link.unlink()
        place = Path(f"/dev/fd/{handle}")
    try:
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(content)
        link.symlink_to(place)
        link.stat()  # fails at once on a system where open files have no path
        yield link
    finally:
        link.unlink(missing_ok=True)
        os.close(handle)


def lock(path: Path, *, wait: bool = False) -> IO[str]:
    """Open the file at `path` (created with mode 0600) and lock it until it is closed or this process ends.

    Raises `BlockingIOError` where another process holds the lock; with `wait` it waits instead.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, OWNER), "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BaseException:
        file.close()
        raise
    return file


class Openable(Protocol):
    """A file that can be opened and has one canonical name: a `Path`, or a file in other storage."""

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """A stream of the file's bytes."""

    def resolve(self) -> object:
        """The canonical name; equal for equal files."""


def sha256(path: Openable) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()
