"""Splits a file into records.

A record is an object of JSON Lines, of a JSON array or document, a line of text, a row of CSV or Parquet, or
a message of OTLP protobuf; it comes with its number (line, element or row, from 1). Faults are added to the
file's `Losses`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import orjson
import pyarrow.parquet as pq

from stillwatch.readers.container import kind_of
from stillwatch.readers.limits import Limits
from stillwatch.readers.losses import Losses
from stillwatch.readers.open import (
    BLOCK,
    LINES,
    NOTHING,
    blocks,
    codec_of,
    csv_dialect,
    encoding_of,
    open_stream,
    parquet_batches,
    text_lines,
    text_of,
)
from stillwatch.readers.places import LogPath, seekable
from stillwatch.readers.protobuf import protobuf_messages
from stillwatch.readers.registry import Numbered, Record
from stillwatch.readers.tolerant import DECODER, end_of, is_begun, loads, objects

WHOLE = 8 << 20  # most bytes of a document that is parsed at once: chosen
PEEK = 1 << 20  # bytes that are read to distinguish a document from lines
FILLING = re.compile(
    r"[\s,\]\x1e\ufeff]*(?:\[(?=\s*(?:[\[{\]]|$))[\s,\]\x1e]*)*"
)  # separators between values, and starts of arrays
# A JSON value other than an object, up to its end.
SCALAR = re.compile(
    r"(\"(?:[^\"\\]|\\.)*+\"|-?\d[\d.eE+-]*|true|false|null|NaN|\[[\d\s,]*\])\s*(?:[,\]\n]|$)"
)
JSON_BEGINS = re.compile(rb"(?:data:\s*)?(?:\{|\[\s*(?:[\[{\"\]]|$))")  # start of a line with JSON
EVENT = re.compile(r"data: ?(?=[\[{])")  # start of a line of server-sent events with JSON
BRACE = ord("{")  # first byte of a JSON object
PYTHON = 1024  # rows that are converted to Python objects at a time: chosen
Span = tuple[int, int]
"""First and last byte of a part of a file."""


def records(path: LogPath, losses: Losses, limits: Limits, span: Span | None = None) -> Iterator[Numbered]:
    """Yield the records of a file in order, with their numbers. A line of text is `{"line": text, "modified":
    seconds since 1970}`.

    `span` selects whole lines of a file whose records are lines; the first of them has number 1. What cannot
    be split is added to `losses`.
    """
    kind = kind_of(path)
    if kind == "parquet":
        yield from _parquet(path, losses, limits)
    elif kind == "csv":
        yield from _csv(path, losses, limits)
    elif kind == "protobuf":
        yield from protobuf_messages(path, losses, limits)
    elif is_document(path, limits):
        yield from _document(path, losses, limits)
    else:
        yield from _lines(path, losses, limits, span)


def in_lines(path: LogPath, limits: Limits) -> bool:
    """Whether a file can be split at line ends: it is uncompressed UTF-8, and each record is one line."""
    if kind_of(path) not in ("json", "log") or codec_of(path):
        return False
    with path.open("rb") as file:
        head = file.read(4)
    return encoding_of(head)[0] == "utf-8" and not is_document(path, limits)


def is_document(path: LogPath, limits: Limits) -> bool:
    """Whether a file's JSON is not one value per line: an array, an object over several lines, or consecutive
    values.

    The first line that starts like JSON decides; lines of text before it may be a program's start-up
    messages.
    """
    if kind_of(path) not in ("json", "log"):
        return False
    with open_stream(path, limits) as stream:
        head = stream.read(PEEK).lstrip()
    begin = 0
    while begin < len(head):
        end = head.find(b"\n", begin)
        line = head[begin : end if end >= 0 else len(head)].strip(b" \t\r\x1e")
        begin = end + 1 if end >= 0 else len(head)
        if not JSON_BEGINS.match(line):
            continue
        if end < 0 and len(head) >= PEEK - 64:  # the line goes on
            return line.startswith(b"[") or end_of(line.decode("utf-8", "replace"), 0) is not None
        try:
            value = loads(line)
        except orjson.JSONDecodeError:
            if objects(line) is not None:  # several in a line
                return not head[begin:].strip()
            if line.rstrip().endswith((b"{", b"[", b",")) or line.startswith(b"[{"):
                return True
            continue
        if head[begin:].strip():  # an array and then more is one line among others
            return False
        return isinstance(value, list) or by_columns(value) is not None
    return False


def _lines(path: LogPath, losses: Losses, limits: Limits, span: Span | None) -> Iterator[Numbered]:
    """The objects of a file of lines, and its lines of text."""
    modified = path.stat().st_mtime
    strict = kind_of(path) == "json"
    with open_stream(path, limits, span) as stream:
        for text, first in blocks(stream, losses, limits, LINES):
            for number, raw in _split(text, first):
                if raw and raw[0] == BRACE:
                    try:
                        value = loads(raw)
                    except orjson.JSONDecodeError as error:
                        several = objects(raw)
                        if several is None:
                            yield from _odd(
                                number, raw, losses, modified, strict, f"line is not JSON: {error.msg}"
                            )
                    else:
                        yield number, value
                        continue
                else:
                    several = objects(raw)
                    if several is None:
                        yield from _odd(number, raw, losses, modified, strict)
                for one in several or ():
                    yield number, one


def _odd(
    number: int,
    raw: memoryview,
    losses: Losses,
    modified: float,
    strict: bool,
    why: str = "line is not a JSON object",
) -> Iterator[Numbered]:
    """A line without an object: a line of text, or quarantined where it starts like an object."""
    text = bytes(raw).decode("utf-8", "replace").strip("\r")
    if not text.strip():
        return
    if is_begun(text, strict):
        losses.row(number, why, raw)
    else:
        yield number, {"line": text, "modified": modified}


def _split(text: bytes, number: int) -> Iterator[tuple[int, memoryview]]:
    """Lines with their numbers and without their ends, not copied."""
    view, begin, find = memoryview(text), 0, text.find
    while (end := find(b"\n", begin)) >= 0:
        yield number, view[begin:end]
        begin = end + 1
        number += 1
    if begin < len(text):
        yield number, view[begin:]


def _document(path: LogPath, losses: Losses, limits: Limits) -> Iterator[Numbered]:
    """The objects of a document. A small document with a single value is parsed at once."""
    with open_stream(path, limits) as stream:
        most = min(WHOLE, limits.line)
        raw = stream.read(most + 1)
        whole = len(raw) <= most and not stream.fault
    if whole:
        try:
            value = loads(raw)
        except orjson.JSONDecodeError:
            pass
        else:
            several = value if isinstance(value, list) else by_columns(value) or [value]
            for number, one in enumerate(several, 1):
                if isinstance(one, dict):
                    yield number, one
                else:
                    losses.row(number, "element is not a JSON object", orjson.dumps(one))
            return
    with open_stream(path, limits) as stream:
        yield from Values(text_of(stream), path.stat().st_mtime, losses, limits)
        if stream.fault:
            losses.row(losses.lines + 1, stream.fault)


def by_columns(value: Any) -> list[dict[str, Any]] | None:  # noqa: ANN401  any JSON value
    """The rows of an object of columns, each an object from row number to value (pandas' `to_json`); None
    where the value has another form.
    """
    columns = list(value.values()) if isinstance(value, dict) else []
    if len(columns) < 2 or not all(
        isinstance(one, dict) and one.keys() == columns[0].keys() for one in columns
    ):
        return None
    if not columns[0] or not all(name.isdigit() for name in columns[0]):
        return None
    return [{name: column[row] for name, column in value.items()} for row in columns[0]]


class Values:
    """Iterates over the objects of a text, separate or in an array, on one line or several; text between them
    gives lines.

    At most one value is held. A broken value is quarantined, and reading continues at the next line that
    starts like it.
    """

    def __init__(self, text: io.TextIOWrapper, modified: float, losses: Losses, limits: Limits) -> None:
        self._text, self._modified = text, modified
        self._losses, self._limits = losses, limits
        self._held, self._at, self._size = "", 0, BLOCK
        self._number = 0

    def __iter__(self) -> Iterator[Numbered]:
        while True:
            self._at = FILLING.match(self._held, self._at).end()  # type: ignore[union-attr]  # it matches everywhere
            if self._at == len(self._held):
                if not self._more():
                    return
                continue
            self._number += 1
            self._losses.lines = self._number
            if self._held[self._at] == "{":
                yield from self._object()
            else:
                yield from self._other()

    def _more(self) -> bool:
        """Read the next characters; returns whether there were any."""
        more = self._text.read(self._size)
        self._held, self._at = self._held[self._at :] + more, 0
        self._size *= 2
        return bool(more)

    def _object(self) -> Iterator[Numbered]:
        """The object at the position, or none where it is broken or too long."""
        line = self._held[self._held.rfind("\n", 0, self._at) + 1 : self._at]
        begin = "\n" + (line if not line.strip(" \t") else "") + "{"  # of an object as deep as this one
        value, end = self._value()
        while end is None and len(self._held) - self._at <= self._limits.line:
            if not self._more():
                self._losses.row(self._number, "element is not JSON")
                self._resume(begin, None)
                return
            value, end = self._value()
        if end is None or end - self._at > self._limits.line:
            self._losses.row(self._number, self._limits.message("line", "an element exceeds"))
            self._resume(begin, end)
            return
        self._size = BLOCK
        raw = self._held[self._at : end]
        try:
            value = loads(raw) if value is None or "\\u" in raw else value  # lone surrogates are mended
        except orjson.JSONDecodeError as error:
            self._losses.row(
                self._number, f"element is not JSON: {error.msg}", raw.encode("utf-8", "replace")
            )
            self._resume(begin, None if "\n" in raw else end)
        else:
            self._at = end
            yield self._number, value

    def _value(self) -> tuple[Record | None, int | None]:
        """The object at the position (None: it must be parsed leniently) and its end (None: it is incomplete
        or broken).
        """
        try:
            return DECODER.raw_decode(self._held, self._at)
        except (json.JSONDecodeError, RecursionError):
            return None, end_of(self._held, self._at)

    def _resume(self, begin: str, end: int | None) -> None:
        """Continue after a skipped value: at its end, or, where that is unknown, at the next `begin`."""
        if end is not None:
            self._at = end
            return
        self._at += 1
        self._size = BLOCK
        while (found := self._held.find(begin, self._at)) < 0:
            self._at = max(len(self._held) - len(begin) + 1, self._at)
            if not self._more():
                self._at = len(self._held)
                return
        self._at = found + len(begin) - 1

    def _other(self) -> Iterator[Numbered]:
        """A line of text, or a value that is no object, which is quarantined."""
        end = self._held.find("\n", self._at)
        while end < 0 and len(self._held) - self._at <= self._limits.line and self._more():
            end = self._held.find("\n", self._at)
        self._size = BLOCK
        stop = end if end >= 0 else len(self._held)
        scalar = SCALAR.match(self._held, self._at)
        if scalar:
            self._losses.row(
                self._number, "element is not a JSON object", scalar[1].encode("utf-8", "replace")
            )
            self._at = scalar.end(1)
            return
        event = EVENT.match(self._held, self._at)
        if event:
            self._at = event.end()
            self._number -= 1
            return
        line, self._at = self._held[self._at : stop].rstrip("\r"), stop
        yield self._number, {"line": line, "modified": self._modified}


def _csv(path: LogPath, losses: Losses, limits: Limits) -> Iterator[Numbered]:
    """The rows of a CSV file as objects."""
    dialect = csv_dialect(path, limits)
    with open_stream(path, limits) as stream:
        rows = dialect.rows(text_lines(stream, limits))
        header = next(rows, [])
        number = 0
        while True:
            number += 1
            try:
                row = next(rows, None)
            except csv.Error:
                losses.row(number, limits.message("line", "a value exceeds"))
                continue
            if row is None:
                break
            if row:
                yield number, dict(zip_longest(header, map(_cell, row[: len(header)])))
            else:
                number -= 1
        if stream.fault:
            losses.row(number, stream.fault)


def _cell(value: Any) -> Any:  # noqa: ANN401  any text
    """A cell as text, since identifiers may look like numbers; None for the texts in `NOTHING`."""
    return None if not isinstance(value, str) or value.strip() in NOTHING else value


def _parquet(path: LogPath, losses: Losses, limits: Limits) -> Iterator[Numbered]:
    """The rows of a Parquet file as objects."""
    names = list(dict.fromkeys(pq.read_schema(seekable(path)).names))
    for table, numbers in parquet_batches(path, names, None, losses, limits):
        for begin in range(0, table.num_rows, PYTHON):
            some = slice(begin, begin + PYTHON)
            yield from zip(numbers[some].tolist(), table.slice(begin, PYTHON).to_pylist(), strict=True)
