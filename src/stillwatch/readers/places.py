"""Opens log files on disk, behind a URL, or on standard input.

A `Remote` has the methods of `Path` that readers use (`name`, `suffix`, `stat`, `open`, `resolve`), so that
the same code reads all of them.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from stillwatch.errors import InputError, MissingExtra, Problem, StillwatchError, Unreachable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SCHEMES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "https", "http")
"""Schemes of URLs that can be read."""
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")  # start of a URL
STDIN = ("-", "/dev/stdin")  # paths that stand for standard input
FETCHED = 8 << 20  # bytes of one request to a store: chosen
PATTERN = re.compile(r"[*?\[]")
"""Characters that make a path a pattern."""


@dataclass(frozen=True, slots=True)
class Stat:
    """The part of `os.stat_result` that readers use. `st_mtime` is the modification time in seconds since
    1970, `st_mtime_ns` a number that changes whenever the file does.
    """

    st_size: int
    st_mtime: float
    st_mtime_ns: int


@dataclass(frozen=True, slots=True)
class Remote:
    """One version of a file that is not on this machine's disk.

    `url` is its address, which messages show. `query` is the rest of the address, which may hold a secret and
    is not shown. `size` is in bytes, `version` is a hash of the store's metadata, and `modified` is in
    seconds since 1970. `held` is a private local copy of a stream that can be read only once, or None.
    """

    url: str
    size: int
    version: int
    modified: float = field(default=0.0, compare=False)
    query: str = field(default="", repr=False, compare=False)
    held: Path | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.url

    def __lt__(self, other: Remote) -> bool:
        return self.url < other.url

    @property
    def name(self) -> str:
        """The last part of the address."""
        return unquote(PurePosixPath(self.url).name)

    @property
    def parent(self) -> str:
        """The address of the folder."""
        return self.url.rpartition("/")[0]

    def below(self, url: str) -> Remote | None:
        """The file of this address if it is in the same folder or below; otherwise None."""
        inside = url.startswith(f"{self.parent}/") and ".." not in url and self.held is None
        return Remote(url, 0, 0) if inside else None

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the address."""
        return PurePosixPath(self.url).parts

    @property
    def suffix(self) -> str:
        """The last suffix of the name."""
        return PurePosixPath(self.name).suffix

    @property
    def suffixes(self) -> list[str]:
        """All suffixes of the name."""
        return PurePosixPath(self.name).suffixes

    def exists(self) -> bool:
        """Return True, since the file was listed."""
        return True

    def resolve(self) -> Remote:
        """Return the file itself, since its address is already canonical."""
        return self

    def stat(self) -> Stat:
        """Size, modification time and version."""
        return Stat(self.size, self.modified, self.version)

    def open(self, mode: str = "rb") -> BinaryIO:  # noqa: ARG002  as `Path.open`
        """Open the file's bytes for reading; the stream is seekable.

        Raises `FileNotFoundError` where the file is gone, and `Unreachable` where the store does not answer,
        now or during a read.
        """
        if self.held is not None:
            return self.held.open("rb")
        with _driver(self.url) as filesystem:
            opened = filesystem.open(self.url + self.query, "rb", block_size=FETCHED)
        return io.BufferedReader(_Answering(opened, self.url), 1 << 20)


LogPath = Path | Remote


class _Answering(io.RawIOBase):
    """The bytes of a remote file. All errors of a driver become `Unreachable`, so that no reader mistakes
    them for a damaged file.
    """

    def __init__(self, opened: Any, url: str) -> None:  # noqa: ANN401  drivers have types of their own
        self._opened, self._url = opened, url

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        """Set the position; returns the new one."""
        return int(self._opened.seek(place, whence))

    def tell(self) -> int:
        """The present position."""
        return int(self._opened.tell())

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into a buffer; returns the number of bytes, 0 only at the end."""
        view = memoryview(buffer).cast("B")
        try:
            data = self._opened.read(len(view))
        except Exception as error:
            raise Unreachable(_unanswered(self._url, error)) from error
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._opened.close()
        super().close()


def seekable(path: LogPath) -> str | pa.NativeFile:
    """What Arrow can open: the path of a local file, or the stream of a remote one."""
    if isinstance(path, Remote):
        return pa.PythonFile(path.open(), "r") if path.held is None else str(path.held)
    return str(path)


def is_url(given: str) -> bool:
    """Whether a path is a URL."""
    return SCHEME.match(given) is not None


def is_stream(given: str) -> bool:
    """Whether a path can be read only once: standard input or a pipe."""
    return given in STDIN or Path(given).is_fifo()


def from_stream(given: str) -> Remote:
    """Copy standard input or a pipe into a private file, which is deleted when the program ends. Raises
    `InputError` where standard input is a terminal or closed.
    """
    if given in STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            raise InputError(
                Problem(
                    fact="standard input is a terminal", where=given, fix="zcat LOG.gz | stillwatch scan -"
                )
            )
        return _held("standard input", sys.stdin.buffer)
    with Path(given).open("rb") as pipe:
        return _held(given, pipe)


def _held(url: str, stream: BinaryIO, query: str = "") -> Remote:
    """Copy a stream into a private file."""
    with tempfile.NamedTemporaryFile(dir=_folder().name, delete=False) as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    path = Path(file.name)
    with path.open("rb") as whole:
        digest = hashlib.file_digest(whole, "sha256").digest()
    state = path.stat()
    return Remote(url, state.st_size, _number(digest), state.st_mtime, query, path)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A temporary folder of this process, deleted with it."""
    return tempfile.TemporaryDirectory(prefix="stillwatch-")


def remote_files(given: str) -> list[Remote]:
    """The files behind a URL, sorted: a single file, the matches of a pattern, or all files below a folder.

    Raises `InputError` for an unknown scheme or a file that does not exist, `MissingExtra` where the driver
    is not installed, `Unreachable` where the store does not answer.
    """
    split = urlsplit(given)
    if split.scheme not in SCHEMES:
        raise InputError(
            Problem(
                fact=f"`{split.scheme}://` is not read",
                where=_shown(given),
                expected=", ".join(f"{scheme}://" for scheme in SCHEMES),
            )
        )
    try:
        return [_from_web(given)] if split.scheme in ("https", "http") else _listed(given)
    except FileNotFoundError as error:
        raise InputError(Problem(fact=f"`{_shown(given)}` does not exist", where=_shown(given))) from error


def _listed(given: str) -> list[Remote]:
    """The files in an object store behind a URL."""
    split = urlsplit(given)
    root = given.rstrip("/")
    with _driver(root) as filesystem:
        filesystem.invalidate_cache()
        if PATTERN.search(root):
            found = filesystem.glob(root, detail=True)
        else:
            found = filesystem.find(root, detail=True)
        # For the address of a single file, Azure's driver returns only the name.
        entries = found.values() if isinstance(found, dict) else [filesystem.info(name) for name in found]
    files = [info for info in entries if info.get("type") == "file"]
    # Drivers name a file BUCKET/KEY; the host of an Azure account is only in the URL.
    made = [
        Remote(
            f"{split.scheme}://{split.netloc}/{str(info['name']).partition('/')[2]}",
            int(info["size"] or 0),
            _number(_version(info)),
            _modified(info),
        )
        for info in files
        if not str(info["name"]).endswith("/")
    ]
    return sorted(made)


def _from_web(given: str) -> Remote:
    """A file on a web server. Where the server does not support ranges, the file is copied to a private local
    file.
    """
    url = _shown(given)
    query = given[len(url) :] if given.startswith(url) else ""
    with _driver(url) as filesystem:
        info = filesystem.info(url + query)
        if info.get("size") is None or info.get("partial") is False:
            with filesystem.open(url + query, "rb", block_size=0) as stream:
                return _held(url, stream, query)
    return Remote(url, int(info["size"]), _number(_version(info)), _modified(info), query)


def _shown(given: str) -> str:
    """A URL without its query, which may hold keys."""
    return given.partition("?")[0].partition("#")[0] if given.startswith(("http:", "https:")) else given


# Keys of a stored object's time of change, in the order tried.
TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")
# Keys that tell one version of a stored object from another.
VERSIONS = ("ETag", "etag", "VersionId", "generation", "md5Hash", *TIMES)


def _modified(info: Mapping[str, Any]) -> float:
    """Modification time of a store's file in seconds since 1970; the present time where the store does not
    give it.
    """
    for name in TIMES:
        value = info.get(name)
        if isinstance(value, str):
            with suppress(ValueError):
                value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, int | float):
            return float(value)
    return time.time()


def _version(info: Mapping[str, Any]) -> bytes:
    """A digest of the store's metadata (version, tag or time) that changes when the file does."""
    parts = [f"{name}={info[name]}" for name in VERSIONS if info.get(name) is not None]
    return hashlib.blake2b("\n".join([str(info.get("size")), *parts]).encode()).digest()


def _number(digest: bytes) -> int:
    """The first 56 bits of a digest as an integer."""
    return int.from_bytes(digest[:7], "big")


@cache
def _quiet() -> None:
    """Silence the drivers' loggers; the raised error carries the message."""
    for name in ("fsspec", "s3fs", "gcsfs", "adlfs", "azure"):
        logging.getLogger(name).addHandler(logging.NullHandler())


@contextmanager
def _driver(url: str) -> Iterator[Any]:
    """Context manager: the fsspec driver of a URL's scheme, with its errors converted to Stillwatch's."""
    scheme = urlsplit(url).scheme
    _quiet()
    try:
        from fsspec.core import url_to_fs

        filesystem, _path = url_to_fs(url)
    except ImportError as error:
        fact = f"reading `{scheme}://` needs a package that is not installed"
        raise MissingExtra(Problem(fact=fact, where=url, fix="pip install 'stillwatch[cloud]'")) from error
    try:
        yield filesystem
    except (StillwatchError, FileNotFoundError):
        raise
    except Exception as error:  # drivers raise any exception of their libraries
        raise Unreachable(_unanswered(url, error)) from error


def _unanswered(url: str, error: Exception) -> Problem:
    """The problem of a store that does not answer, without URLs that may hold a key."""
    said = re.sub(r"\?\S*", "?...", (str(error).splitlines() or [""])[0])[:160]
    return Problem(
        fact=f"`{url}` cannot be read",
        where=url,
        found=f"{type(error).__name__}: {said}" if said else type(error).__name__,
        expected="a store that answers, and rights to read from it",
        fix="set the credentials that its driver reads (docs/input.md), and run the same command again: what "
        "is read stays read",
    )
