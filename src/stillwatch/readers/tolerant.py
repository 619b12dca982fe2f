"""Lenient JSON parsing, since senders choose parts of a log.

Where the fast parser fails, these faults are repaired in linear time: a byte-order mark, invalid UTF-8 and
lone surrogates (U+FFFD), NaN and infinities (null), control characters, bytes escaped with x as in access
logs, numbers beyond 64 bits, and values nested deeper than `MAX_NESTING` (null).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

MAX_NESTING = 200  # most nesting levels that are kept: chosen, below Python's limit on recursion
# An escape, among them half of a surrogate pair.
LONE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
BETWEEN = re.compile(r"[\s,\x1e]*")  # what may stand between two JSON values
BEGUN = re.compile(r"\s*(?:\{\s*(?:\"|$|[^'\s}:])|\[\s*[\[{\"])")  # not the way Python writes a dictionary
# Start of a JSON value other than an object.
SCALAR = re.compile(r"\s*(?:(?:null|true|false|NaN)\b|\"|\[|-?\d[\d.eE+-]*\s*$)")
START = ("{", b"{", "[", b"[", '"', b'"', "", b"")  # of an array that may hold objects
UNPRINTABLE = ("\x00", "\ufffd\ufffd\ufffd")  # signs of binary content
# An escape, among them runs of bytes such as \x22.
HEX = re.compile(r"\\(?:(x[0-9a-fA-F]{2}(?:\\x[0-9a-fA-F]{2})*+)|.)", re.DOTALL)
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)  # a string or a bracket of JSON


def loads(raw: bytes | memoryview | str) -> Any:  # noqa: ANN401  any JSON value
    """The value of a JSON text, repaired where necessary. Raises `orjson.JSONDecodeError` for text that
    cannot be repaired.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        try:
            return _mended(raw)
        except (ValueError, RecursionError):
            raise error from None


def objects(raw: bytes | memoryview | str) -> list[Mapping[str, Any]] | None:
    """The objects in a text: a single object, a list, or consecutive objects; also within a JSON string, or
    after `data:` of a server-sent event. None for any other text.
    """
    text = _bare(raw if isinstance(raw, str) else bytes(raw))
    if text[:1] not in ("{", b"{", "[", b"[", '"', b'"'):
        return None
    if text[:1] in ("[", b"[") and text[1:65].lstrip()[:1] not in START:
        return None
    try:
        value = loads(text)
    except orjson.JSONDecodeError:
        return _in_a_row(text if isinstance(text, str) else text.decode("utf-8", "replace"))
    if isinstance(value, str):  # written as JSON twice
        return objects(value) if value.lstrip()[:1] in ("{", "[") else None
    return _inside(value)


def _inside(value: Any) -> list[Mapping[str, Any]] | None:  # noqa: ANN401  any JSON value
    """A single object, or the objects of a list, in which a tag and a time may precede each object (Fluentd's
    forward protocol). None for other values.
    """
    several = value if isinstance(value, list) else [value]
    if all(isinstance(one, dict) for one in several):
        return several or None
    if all(isinstance(one, str) for one in several):  # each as text
        texts = [objects(one) for one in several]
        return None if None in texts else [one for some in texts for one in some or ()]
    if all(isinstance(one, list) for one in several):
        inside = [_inside(one) for one in several]
        return None if None in inside else [one for some in inside for one in some or ()]
    *before, last = several
    tagged = (
        len(before) < 3 and isinstance(last, dict) and not any(isinstance(one, list | dict) for one in before)
    )
    return [last] if tagged else None


def unquoted(text: str) -> str:
    """The value of a JSON string; any other text unchanged."""
    try:
        value = loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, str) else text


def _bare(text: Any) -> Any:  # noqa: ANN401  str or bytes
    """The text without surrounding whitespace, record separators, byte-order mark and a leading `data:`."""
    if isinstance(text, str):
        text = text.strip(" \t\r\n\x1e\ufeff")
        return text[5:].lstrip() if text.startswith("data:") else text
    text = text.strip(b" \t\r\n\x1e").removeprefix(b"\xef\xbb\xbf")
    return text[5:].lstrip() if text.startswith(b"data:") else text


def _in_a_row(text: str) -> list[Mapping[str, Any]] | None:
    """The consecutive objects of a text; None where there is anything else."""
    if text[:1] != "{":
        return None
    found: list[Mapping[str, Any]] = []
    at = 0
    while at < len(text):
        end = end_of(text, at)
        if end is None:
            return None
        try:
            value = loads(text[at:end])
        except orjson.JSONDecodeError:
            return None
        if not isinstance(value, dict):
            return None
        found.append(value)
        at = BETWEEN.match(text, end).end()  # type: ignore[union-attr]  # it matches everywhere
    return found


def is_begun(text: str, strict: bool = False) -> bool:
    """Whether a text that is no object starts like one, so that skipping it would lose a record.

    With `strict`, for files of JSON, text that ends like an object and other JSON values also count.
    """
    return bool(BEGUN.match(text)) or (strict and (text.rstrip().endswith("}") or bool(SCALAR.match(text))))


def is_broken(text: str, strict: bool = False) -> bool:
    """As `is_begun`, for a line that no format reads; binary content also counts."""
    return is_begun(text, strict) or any(sign in text for sign in UNPRINTABLE)


def _mended(raw: bytes | memoryview | str) -> Any:  # noqa: ANN401  any JSON value
    """The value of a text after repair. Raises `ValueError` or `RecursionError` where that fails."""
    text = raw if isinstance(raw, str) else bytes(raw).decode("utf-8", "replace")
    text = HEX.sub(_of_bytes, text) if "\\x" in text else text
    text = LONE.sub(
        _paired, text.lstrip("\ufeff").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return DECODER.decode(text)
    except RecursionError:
        return DECODER.decode(_shallow(text))


def _of_bytes(found: re.Match[str]) -> str:
    """Bytes escaped with x and two digits, as in access logs, as the JSON escape of their text."""
    if not found[1]:
        return found[0]
    return json.dumps(bytes.fromhex(found[1].replace("\\x", "")[1:]).decode("utf-8", "replace"))[1:-1]


def _paired(found: re.Match[str]) -> str:
    """U+FFFD in place of a lone surrogate; other escapes unchanged."""
    return "\\ufffd" if found[1] else found[0]


def _shallow(text: str) -> str:
    """The text with `null` in place of values nested deeper than `MAX_NESTING`. Raises `ValueError` where
    such a value has no end.
    """
    kept, depth, begin = [], 0, 0
    for found in TOKENS.finditer(text):
        sign = found[0][0]
        if sign == '"':
            continue
        if sign in "[{":
            depth += 1
            if depth == MAX_NESTING + 1:
                kept.append(text[begin : found.start()])
        else:
            if depth == MAX_NESTING + 1:
                kept.append("null")
                begin = found.end()
            depth -= 1
    if depth > MAX_NESTING:
        raise ValueError("a nest without an end")
    return "".join([*kept, text[begin:]])


def end_of(text: str, at: int) -> int | None:
    """The end of the object or array that starts at `at`, by counting brackets; None where none starts there
    or it is incomplete.
    """
    depth = 0
    for found in TOKENS.finditer(text, at):
        sign = found[0][0]
        if sign in "[{":
            if depth == 0 and found.start() != at:
                return None
            depth += 1
        elif sign in "]}":
            depth -= 1
            if depth <= 0:
                return found.end() if depth == 0 else None
        elif depth == 0:
            return None
    return None


def _whole(digits: str) -> int | float | None:
    """An integer; more than 20 characters give a float."""
    return int(digits) if len(digits) <= 20 else _real(digits)


def _real(digits: str) -> float | None:
    """A float; None where it is not finite."""
    number = float(digits)
    return number if math.isfinite(number) else None


def _nothing(_name: str) -> None:
    """Return None in place of NaN and infinities."""


# Decoder that takes control characters, numbers of any size, and NaN as null.
DECODER = json.JSONDecoder(strict=False, parse_int=_whole, parse_float=_real, parse_constant=_nothing)
