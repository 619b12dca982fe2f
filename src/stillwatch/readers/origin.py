"""Contents of logs, which stay the same where a log is rotated, compressed or moved."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import IO

from stillwatch.readers.limits import LIMITS
from stillwatch.readers.open import codec_of, open_stream

CHUNK = 1 << 20  # bytes of one read
HEAD = 1024  # first and last bytes of what was read of a file, whose digests identify it


class Unpacked(io.RawIOBase):
    """The decompressed bytes of a file. Seeking backwards decompresses it again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream, self._at = open_stream(file, LIMITS), 0

    def tell(self) -> int:
        """The position in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to byte `offset`, or to the end with `os.SEEK_END`; returns the position."""
        if whence == os.SEEK_SET and offset < self._at:
            self._stream.close()
            self._stream, self._at = open_stream(self._file, LIMITS), 0
        while (whence == os.SEEK_END or self._at < offset) and self.read(
            CHUNK if whence == os.SEEK_END else min(CHUNK, offset - self._at)
        ):
            pass
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes (negative: all); fewer only at the end."""
        data = self._stream.read(size)
        self._at += len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()


def opened(file: Path) -> IO[bytes] | Unpacked:
    """A file's bytes, decompressed where it is compressed."""
    return file.open("rb") if codec_of(file) is None else Unpacked(file)


def content_of(file: Path) -> str:
    """The number of a file's decompressed bytes, a blank, and a digest of them."""
    digest, size = hashlib.blake2b(digest_size=16), 0
    with opened(file) as stream:
        while piece := stream.read(CHUNK):
            digest.update(piece)
            size += len(piece)
    return f"{size} {digest.hexdigest()}"


def head_of(stream: IO[bytes] | Unpacked, size: int) -> str:
    """A digest of the first bytes of a stream, at most `HEAD` and `size`; empty where there are none."""
    stream.seek(0)
    return _digest(stream.read(min(HEAD, size)))


def tail_of(stream: IO[bytes] | Unpacked, size: int) -> str:
    """A digest of the last of the first `size` bytes of a stream, at most `HEAD`; empty where there are
    none.
    """
    stream.seek(max(size - HEAD, 0))
    return _digest(stream.read(min(HEAD, size)))


def _digest(some: bytes) -> str:
    """Digest of bytes (hex); "" for none."""
    return hashlib.blake2b(some, digest_size=8).hexdigest() if some else ""
