"""Determines the kind of a log file (Parquet, CSV, JSON, protobuf, text) by its name or its first bytes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from stillwatch.readers.limits import LIMITS
from stillwatch.readers.open import DELIMITERS, FAULTS, open_stream
from stillwatch.readers.places import LogPath

FileKind = Literal["parquet", "csv", "json", "protobuf", "log"]
"""`json` is JSON Lines or one document; each line of a `log` is text or JSON."""

ENDINGS: dict[str, FileKind] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".jl": "json",
    ".binpb": "protobuf",
    ".pb": "protobuf",
    ".otlp": "protobuf",
    ".log": "log",
}
"""Kind by the ending of a file's name."""
ROTATED = re.compile(
    r"(?:\.gz|\.zst|\.bz2|\.old|\.bak|[.-]\d{1,3}|[._-]\d{4}-?\d{2}-?\d{2}(?:[T._-]?\d{2}(?:[:-]?\d{2}){0,2})?)$",
    re.IGNORECASE,
)
"""Suffixes that compression and log rotation append to names, such as `.1`, `-20260503` and `.gz`."""
PEEK = 4096  # bytes that are read to determine the kind


def kind_of(path: LogPath) -> FileKind | None:
    """The kind of a file; None where neither name nor first bytes determine it, and for compressed
    Parquet.
    """
    state = path.stat()
    return _kind(path, state.st_size, state.st_mtime_ns)


def kind_named(name: str) -> FileKind | None:
    """The kind of a file by its name, without suffixes of rotation; None where the name does not determine
    it.
    """
    name = unrotated(name).lower()
    return next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), None)


def unrotated(name: str) -> str:
    """A file's name without the suffixes of rotation and compression after it."""
    while not name.lower().endswith(tuple(ENDINGS)) and (shorter := ROTATED.sub("", name)) not in (name, ""):
        name = shorter
    return name


@lru_cache(maxsize=4096)
def _kind(path: LogPath, _size: int, _changed_ns: int) -> FileKind | None:
    """As `kind_of`; size and modification time are part of the cache's key."""
    found = kind_named(path.name)
    if found == "parquet" and path.name.lower().endswith((".gz", ".zst", ".bz2")):
        return None
    return found or _sniffed(path)


def _sniffed(path: LogPath) -> FileKind | None:
    """The kind of a file by its first bytes; None where they do not determine it."""
    try:
        with open_stream(path, LIMITS) as stream:
            head = stream.read(PEEK)
    except FAULTS:
        return None
    if head.startswith(b"PAR1"):
        return "parquet"
    text = head.lstrip()
    if text[:1] in (b"{", b"["):
        return "json"
    if b"\0" in head:
        return None
    return "csv" if _is_header(text.partition(b"\n")[0].decode("utf-8", "replace")) else "log"


def _is_header(line: str) -> bool:
    """Whether a line consists of at least three names with a delimiter between them."""
    for delimiter in DELIMITERS:
        names = [name.strip().strip('"') for name in line.split(delimiter)]
        if len(names) > 2 and all(re.fullmatch(r"[A-Za-z_][\w.\- ]{0,63}", name) for name in names):
            return True
    return False
