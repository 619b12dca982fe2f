"""Where does a log file lie, and how are its bytes opened?

On disk, behind a URL, or on standard input. A `Remote` has what readers use of a `Path` (`name`, `suffix`,
`stat`, `open`, `resolve`), so that one code path reads all of them.
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
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")
STDIN = ("-", "/dev/stdin")
FETCHED = 8 << 20  # bytes that one request to a store asks for: chosen
PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Stat:
    """What readers use of a file's state: `st_mtime` is a time, `st_mtime_ns` a number that changes
    whenever the file does.
    """

    st_size: int
    st_mtime: float
    st_mtime_ns: int


@dataclass(frozen=True, slots=True)
class Remote:
    """A file that is no file of this machine, at one version.

    `url` names it and is shown; `query` is a part of its address that may hold a secret and is not. `version`
    is made of what its store gives, and `modified` is in seconds since 1970. `held` is a private copy on this
    machine of what can be read only once.
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
        """The last part of its address."""
        return unquote(PurePosixPath(self.url).name)

    @property
    def parent(self) -> str:
        """The address of its folder."""
        return self.url.rpartition("/")[0]

    def below(self, url: str) -> Remote | None:
        """The file of this address, if it is in this file's folder or below."""
        inside = url.startswith(f"{self.parent}/") and ".." not in url and self.held is None
        return Remote(url, 0, 0) if inside else None

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of its address."""
        return PurePosixPath(self.url).parts

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return PurePosixPath(self.name).suffix

    @property
    def suffixes(self) -> list[str]:
        """All endings of its name."""
        return PurePosixPath(self.name).suffixes

    def exists(self) -> bool:
        """Always: it was listed."""
        return True

    def resolve(self) -> Remote:
        """Itself: an address has one spelling."""
        return self

    def stat(self) -> Stat:
        """Its size and version."""
        return Stat(self.size, self.modified, self.version)

    def open(self, mode: str = "rb") -> BinaryIO:  # noqa: ARG002  as `Path.open`
        """Its bytes, which can be searched.

        Raises `FileNotFoundError` where it is gone, and `Unreachable` where the store does not answer, here
        and while it is read.
        """
        if self.held is not None:
            return self.held.open("rb")
        with _driver(self.url) as filesystem:
            opened = filesystem.open(self.url + self.query, "rb", block_size=FETCHED)
        return io.BufferedReader(_Answering(opened, self.url), 1 << 20)


LogPath = Path | Remote


class _Answering(io.RawIOBase):
    """A remote file's bytes. Whatever error a driver has becomes `Unreachable`, which no reader takes for
    damage of the file.
    """

    def __init__(self, opened: Any, url: str) -> None:  # noqa: ANN401  drivers have types of their own
        self._opened, self._url = opened, url

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a place."""
        return int(self._opened.seek(place, whence))

    def tell(self) -> int:
        """The present place."""
        return int(self._opened.tell())

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill some of a buffer; 0 at the end only."""
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
    """What Arrow opens: the path of a file of this machine, or a remote file's bytes."""
    if isinstance(path, Remote):
        return pa.PythonFile(path.open(), "r") if path.held is None else str(path.held)
    return str(path)


def is_url(given: str) -> bool:
    """Whether a path is the address of something that is not on this machine."""
    return SCHEME.match(given) is not None


def is_stream(given: str) -> bool:
    """Whether a path can be read only once: standard input, or a pipe."""
    return given in STDIN or Path(given).is_fifo()


def from_stream(given: str) -> Remote:
    """All of standard input, or of a pipe, in a private file that is removed when the program ends.
    Raises `InputError` for no input.
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
    with tempfile.NamedTemporaryFile(dir=_folder().name, delete=False) as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    path = Path(file.name)
    with path.open("rb") as whole:
        digest = hashlib.file_digest(whole, "sha256").digest()
    state = path.stat()
    return Remote(url, state.st_size, _number(digest), state.st_mtime, query, path)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of this process alone, which is removed with it."""
    return tempfile.TemporaryDirectory(prefix="stillwatch-")


def remote_files(given: str) -> list[Remote]:
    """The files behind a URL: one, those that a pattern means, or all below a folder, in the order of their
    names.

    Raises `InputError` for a scheme that is not read, `MissingExtra` without its driver, `Unreachable` where
    the store does not answer.
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
    """The files of a store behind a URL."""
    split = urlsplit(given)
    root = given.rstrip("/")
    with _driver(root) as filesystem:
        filesystem.invalidate_cache()
        if PATTERN.search(root):
            found = filesystem.glob(root, detail=True)
        else:
            found = filesystem.find(root, detail=True)
        # Azure's driver gives the name alone for the address of one file.
        told = found.values() if isinstance(found, dict) else [filesystem.info(name) for name in found]
    files = [info for info in told if info.get("type") == "file"]
    # A driver names a file BUCKET/KEY; the host of an Azure account stands in the address only.
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
    """A file of a web server; one that cannot be read from any place on is read once, into a private file."""
    url = _shown(given)
    query = given[len(url) :] if given.startswith(url) else ""
    with _driver(url) as filesystem:
        info = filesystem.info(url + query)
        if info.get("size") is None or info.get("partial") is False:
            with filesystem.open(url + query, "rb", block_size=0) as stream:
                return _held(url, stream, query)
    return Remote(url, int(info["size"]), _number(_version(info)), _modified(info), query)


def _shown(given: str) -> str:
    """An address without its query, in which keys stand."""
    return given.partition("?")[0].partition("#")[0] if given.startswith(("http:", "https:")) else given


TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")
VERSIONS = ("ETag", "etag", "VersionId", "generation", "md5Hash", *TIMES)


def _modified(info: Mapping[str, Any]) -> float:
    """When a store's file was changed; now, where the store does not say."""
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
    """What changes when a store's file does: its version, tag or time, whatever the store gives."""
    told = [f"{name}={info[name]}" for name in VERSIONS if info.get(name) is not None]
    return hashlib.blake2b("\n".join([str(info.get("size")), *told]).encode()).digest()


def _number(digest: bytes) -> int:
    return int.from_bytes(digest[:7], "big")


@cache
def _quiet() -> None:
    """Have drivers print nothing: the error says it."""
    for name in ("fsspec", "s3fs", "gcsfs", "adlfs", "azure"):
        logging.getLogger(name).addHandler(logging.NullHandler())


@contextmanager
def _driver(url: str) -> Iterator[Any]:
    """The driver of a URL's scheme, with its errors as ours."""
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
    except Exception as error:  # drivers raise what their libraries do
        raise Unreachable(_unanswered(url, error)) from error


def _unanswered(url: str, error: Exception) -> Problem:
    """What a store said, without an address in it that could hold a key."""
    said = re.sub(r"\?\S*", "?...", (str(error).splitlines() or [""])[0])[:160]
    return Problem(
        fact=f"`{url}` cannot be read",
        where=url,
        found=f"{type(error).__name__}: {said}" if said else type(error).__name__,
        expected="a store that answers, and rights to read from it",
        fix="set the credentials that its driver reads (docs/input.md), and run the same command again: what "
        "is read stays read",
    )
