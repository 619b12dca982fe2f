"""Reads the decompressed sizes of the pages of a Parquet column.

A page is decompressed as a whole, and the file's metadata do not contain its size: only the page's header
does. It is a structure of Thrift's compact protocol (parquet-format, `PageHeader`); its second and third
fields are the decompressed and the compressed size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

HEADER = 1 << 16  # most bytes of a page's header: chosen, a thousand times the usual size
UNCOMPRESSED, COMPRESSED = 2, 3
"""Numbers of the two fields in the header."""


def page_sizes(file: IO[bytes], begin: int, length: int) -> Iterator[int]:
    """Yield the decompressed size in bytes of each page in `length` bytes from `begin`. Raises `ValueError`
    for an invalid header.
    """
    at = begin
    while at < begin + length:
        file.seek(at)
        raw = file.read(HEADER)
        try:
            fields, end = _structure(raw, 0)
            size, held = fields[UNCOMPRESSED], fields[COMPRESSED]
        except (IndexError, KeyError):
            raise ValueError("a page has no header") from None
        if size < 0 or held < 0:
            raise ValueError("a page has a negative size")
        yield size
        at += end + held


def _structure(raw: bytes, at: int, deep: int = 8) -> tuple[dict[int, int], int]:
    """The integer fields of a structure by number, and the position of its end."""
    numbers: dict[int, int] = {}
    field = 0
    while raw[at]:
        step, kind = raw[at] >> 4, raw[at] & 15
        at += 1
        if step:
            field += step
        else:
            field, at = _zigzag(raw, at)
        if kind in (4, 5, 6):
            numbers[field], at = _zigzag(raw, at)
        else:
            at = _after(raw, at, kind, deep)
    return numbers, at + 1


def _after(raw: bytes, at: int, kind: int, deep: int) -> int:
    """The position of the end of a value that is no integer."""
    if kind in (1, 2):  # a boolean, whose value is its type
        return at
    if kind == 3:
        return at + 1
    if kind == 7:
        return at + 8
    if kind == 8:
        size, at = _varint(raw, at)
        return at + size
    if kind == 12 and deep:
        return _structure(raw, at, deep - 1)[1]
    raise ValueError("a page's header has a field that none has")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """An unsigned integer in variable-length encoding, and the position after it."""
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _zigzag(raw: bytes, at: int) -> tuple[int, int]:
    """A signed integer in zigzag encoding, and the position after it."""
    value, at = _varint(raw, at)
    return (value >> 1) ^ -(value & 1), at
