"""How large are the pages of a Parquet column when they are decompressed?

A page is decompressed as a whole, and a file's metadata do not say how large it is: only its header does, a
structure of Thrift's compact protocol (parquet-format, `PageHeader`), whose second and third fields are the
page's size decompressed and as it lies in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

HEADER = 1 << 16  # bytes within which a page's header must end: chosen, a thousand times what one takes
UNCOMPRESSED, COMPRESSED = 2, 3


def page_sizes(file: IO[bytes], begin: int, length: int) -> Iterator[int]:
    """Decompressed sizes of the pages between two places of a file. Raises `ValueError` where there are
    none.
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
    """The whole numbers among a structure's fields, and where it ends."""
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
    """Where a value ends that is no whole number."""
    if kind in (1, 2):  # a boolean, which its kind tells
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
    value, at = _varint(raw, at)
    return (value >> 1) ^ -(value & 1), at
