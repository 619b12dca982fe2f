"""Unpacks text that was packed into JSON as base64, often compressed with gzip."""

from __future__ import annotations

import base64
import binascii
import zlib

from stillwatch.readers.limits import Limits

GZIP = b"\x1f\x8b"  # first bytes of a gzip file


def unpacked(text: str, limits: Limits) -> str | None:
    """The text in base64, decompressed where it is gzip. None for invalid base64 or gzip, or where the text
    exceeds the limit of a line.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if raw.startswith(GZIP):
        stream = zlib.decompressobj(wbits=31)
        try:
            raw = stream.decompress(raw, limits.line + 1)
        except zlib.error:
            return None
        if len(raw) > limits.line:
            return None
    return raw.decode("utf-8", "replace")
