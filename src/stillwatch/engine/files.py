"""Writes files as a whole or not at all, keeps bytes off the disk, and locks files between processes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Literal, Protocol

CHUNK = 1 << 20
OWNER, EVERYONE = 0o600, 0o666  # modes asked of the system, which takes the umask off them


@contextmanager
def atomic(path: Path, *, private: bool = False) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends without an error.

    The file's mode is what the umask leaves; a `private` file can be read by its owner only.
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
    """A path at which `content` can be read, by this process and its children, though it is on no disk.

    `link` is made a symbolic link to an anonymous file in memory that ends with this process, however that
    ends. Where the system has none (macOS), the file is an unlinked one: it has no name, and its blocks are
    free when the process ends.
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
        link.stat()  # fails where the system shows no open files: better than to read nothing
        yield link
    finally:
        link.unlink(missing_ok=True)
        os.close(handle)


def lock(path: Path, *, wait: bool = False) -> IO[str]:
    """The file at `path`, for its owner only, locked for this process until it is closed or the process ends,
    however that ends.

    Raises `BlockingIOError` where another holds the lock, unless asked to `wait` for it.
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
    """A file that is read once more for its digest or known by its one spelling: a `Path`, or one that
    lies elsewhere.
    """

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Its bytes."""

    def resolve(self) -> object:
        """Itself, in its one spelling."""


def sha256(path: Openable) -> str:
    """Hexadecimal digest of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()
