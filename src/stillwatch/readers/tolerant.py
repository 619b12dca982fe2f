"""JSON as loggers write it, of which any sender may have chosen a part.

Where the fast parser refuses, these are mended, each in linear time: a byte-order mark, bytes that are not
UTF-8 and lone surrogates (U+FFFD), NaN and infinities (null), control characters, bytes that are written as
access logs do, numbers beyond 64 bits, and nests deeper than `DEEPEST` (null).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

DEEPEST = 200  # levels of a value that are kept: chosen, below Python's own limit on recursion
LONE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
BETWEEN = re.compile(r"[\s,\x1e]*")
BEGUN = re.compile(r"\s*(?:\{\s*(?:\"|$|[^'\s}:])|\[\s*[\[{\"])")  # not the way Python writes a dictionary
SCALAR = re.compile(r"\s*(?:(?:null|true|false|NaN)\b|\"|\[|-?\d[\d.eE+-]*\s*$)")
START = ("{", b"{", "[", b"[", '"', b'"', "", b"")  # of an array that may hold objects
UNPRINTABLE = ("\x00", "\ufffd\ufffd\ufffd")
HEX = re.compile(r"\\(?:(x[0-9a-fA-F]{2}(?:\\x[0-9a-fA-F]{2})*+)|.)", re.DOTALL)
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


def loads(raw: bytes | memoryview | str) -> Any:  # noqa: ANN401  any JSON value
    """The value of a JSON text. Raises `orjson.JSONDecodeError` for what is none even when it is mended."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        try:
            return _mended(raw)
        except (ValueError, RecursionError):
            raise error from None


def objects(raw: bytes | memoryview | str) -> list[Mapping[str, Any]] | None:
    """The objects that a text is: one, those of a list, or one after the other, also in a text of JSON that
    holds them or after the `data:` of a stream of events; None where it is something else.
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
    """An object alone, or those of a list, in which a tag and a time may stand before each (Fluentd's
    forward protocol).
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
    """The text that a text of JSON stands for; itself where it is none."""
    try:
        value = loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, str) else text


def _bare(text: Any) -> Any:  # noqa: ANN401  str or bytes
    """A text without blanks, signs between records and the `data:` of an event."""
    if isinstance(text, str):
        text = text.strip(" \t\r\n\x1e\ufeff")
        return text[5:].lstrip() if text.startswith("data:") else text
    text = text.strip(b" \t\r\n\x1e").removeprefix(b"\xef\xbb\xbf")
    return text[5:].lstrip() if text.startswith(b"data:") else text


def _in_a_row(text: str) -> list[Mapping[str, Any]] | None:
    """Objects one after the other."""
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
    """Whether a text that is no object begins as one, so that something is lost with it.

    `strict` is for files that say they are JSON: there an object's end, and JSON that is no object, are no
    text either.
    """
    return bool(BEGUN.match(text)) or (strict and (text.rstrip().endswith("}") or bool(SCALAR.match(text))))


def is_broken(text: str, strict: bool = False) -> bool:
    """As `is_begun`, of a line that no format wants: it is broken, too, where it holds what no line of
    text does.
    """
    return is_begun(text, strict) or any(sign in text for sign in UNPRINTABLE)


def _mended(raw: bytes | memoryview | str) -> Any:  # noqa: ANN401  any JSON value
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
    """Bytes that access logs write as an x and two digits, as JSON writes their text."""
    if not found[1]:
        return found[0]
    return json.dumps(bytes.fromhex(found[1].replace("\\x", "")[1:]).decode("utf-8", "replace"))[1:-1]


def _paired(found: re.Match[str]) -> str:
    return "\\ufffd" if found[1] else found[0]


def _shallow(text: str) -> str:
    """The text with `null` in place of what is nested too deeply."""
    kept, depth, begin = [], 0, 0
    for found in TOKENS.finditer(text):
        sign = found[0][0]
        if sign == '"':
            continue
        if sign in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                kept.append(text[begin : found.start()])
        else:
            if depth == DEEPEST + 1:
                kept.append("null")
                begin = found.end()
            depth -= 1
    if depth > DEEPEST:
        raise ValueError("a nest without an end")
    return "".join([*kept, text[begin:]])


def end_of(text: str, at: int) -> int | None:
    """Where the object or array that begins at `at` ends, by its brackets; None where it does not, or
    where none begins.
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
    return int(digits) if len(digits) <= 20 else _real(digits)


def _real(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _nothing(_name: str) -> None:
    """NaN and the infinities are no values."""


DECODER = json.JSONDecoder(strict=False, parse_int=_whole, parse_float=_real, parse_constant=_nothing)
