"""Joins model calls with the content of other spans and log records of their traces.

The caller is on the HTTP server span of the same trace; the messages may be in log records of the same span.
Both are joined within a file, in any order, while no more than `WAITING` traces wait at a time; log records
are also joined with spans of other files that belong together.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import islice
from typing import Any

from stillwatch.readers.beside import PEEK, Beside, records_of
from stillwatch.readers.content import answered, decoded, prompts_of
from stillwatch.readers.http import joined
from stillwatch.readers.limits import Limits
from stillwatch.readers.open import FAULTS
from stillwatch.readers.places import LogPath
from stillwatch.readers.registry import (
    SHAPES,
    Format,
    Malformed,
    Numbered,
    PassedOver,
    Read,
    ReaderResult,
    Record,
    Row,
    Unjoined,
    another_shape,
    at,
    first,
    mapped,
    refusal,
)
from stillwatch.readers.tracing import (
    EVENT,
    FIELDS,
    JOINED,
    NAMED,
    SEEN,
    STEPS,
    add_events,
    attributes,
    complete,
    is_call,
    layout,
    row_of,
    value_of,
)

WAITING = 40_000  # most waiting calls, and most traces with kept content: chosen
SPAN, ALONE = "_span", "_alone"  # internal columns of waiting rows
TEXT_HELD = 256 << 20  # most characters of log records that are kept for spans: chosen
OVERHEAD = 300  # bytes of memory of a log record without its text
SPANS_OF_A_TRACE = 4  # most remembered spans, as a multiple of the most traces
KEYS = 1_000_000  # most remembered traces of other files: chosen


@dataclass(slots=True)
class LoggedContent:
    """The content of a span's log records: turns and answers in the order of arrival, the finish reason, and
    the row of a record of the whole call (`call`, with its number). `size` is in bytes.
    """

    turns: list[Any] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    finish: Any = None
    call: tuple[int, Row] | None = None
    size: int = 0

    def columns(self) -> Row:
        """The content as columns of the contract; what cannot be read is left out."""
        row: Row = {}
        with suppress(*SHAPES):
            row["system_prompt"], row["prompt"] = prompts_of(self.turns)
        with suppress(*SHAPES):
            row["response"] = answered(self.answers[0]) if self.answers else None
        if self.finish:
            row["finish_reason"] = refusal(self.finish, None)
        return joined(row, self.call[1]) if self.call else row


Of = Mapping[str, Mapping[str, Any]]  # trace → content for other rows: `call`, `said` by span, `spans`


class Traces:
    """Calls that wait for other spans and log records of their trace, and the content of these.

    At most `most` calls and traces are kept (None: `WAITING`). `others` returns the content of files that
    belong together and is called when first needed. With `only_content`, calls give no rows. `names` maps
    columns to attributes, as `--map` gives them.
    """

    def __init__(
        self,
        most: int | None = None,
        others: Callable[[], Of] | None = None,
        *,
        only_content: bool = False,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.rows: OrderedDict[str, list[tuple[int, Row]]] = OrderedDict()
        self.calls: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.said: OrderedDict[str, dict[str, LoggedContent]] = OrderedDict()
        self.spans: OrderedDict[str, set[str]] = OrderedDict()
        self.passed_over = self._size = self._waiting = self._spans = 0
        self._most, self._others, self._only_content = most or WAITING, others, only_content
        self._names = names or {}
        self._seen = SEEN | set(self._names.values())

    def take(self, number: int, entry: Record, base: Mapping[str, Any]) -> list[tuple[int, Row]]:
        """Add a span or log record; returns the rows, with their numbers, that are complete now. `base` are
        the attributes of its resource.

        The body of a log record is read only where the record belongs to a model call, since it may hold
        anything.
        """
        said = attributes(entry.get("attributes"))
        if base:
            said = {**base, **said}
        name = entry.get("eventName") or said.get("event.name")
        body = entry.get("body")
        if body and isinstance(name, str) and name.startswith("gen_ai."):
            content = decoded(value_of(body) if isinstance(body, dict) and len(body) == 1 else body)
            if isinstance(content, dict):
                said = {**content, **said}
        trace, span = entry.get("traceId") or "", entry.get("spanId") or ""
        where = layout(tuple(said))
        if where.models and (name is None or name == EVENT) and is_call(said, where.models):
            events = entry.get("events")
            if events:
                with suppress(*SHAPES):
                    add_events(events, said)
                where = layout(tuple(said))
            row = row_of(entry, said, where)
            if self._names:
                row |= mapped(self._names, said)
            if name == EVENT and trace and span:
                return self._event(trace, span, number, row)
            return self._span(trace, span, number, row)
        if isinstance(name, str) and name.startswith("gen_ai.") and trace and span:
            return self._message(trace, span, name, said)
        known = trace and not self._seen.isdisjoint(said)
        if not known or not STEPS.isdisjoint(said):
            self.passed_over += 1
        return self._call(trace, said) if known else []

    def _call(self, trace: str, said: Mapping[str, Any]) -> list[tuple[int, Row]]:
        """Add an HTTP span; returns the rows that waited only for it."""
        call = {name: said[name] for name in JOINED if name in said}
        if self._names:
            call[NAMED] = mapped(self._names, said)
        self.calls[trace] = call
        while len(self.calls) > self._most:
            self.calls.popitem(last=False)
        waiting = self.rows.get(trace, ())
        return [] if any(SPAN in row for _number, row in waiting) else self._release(trace)

    def _span(self, trace: str, span: str, number: int, row: Row) -> list[tuple[int, Row]]:
        """Add the span of a call; returns rows that are complete or need not wait any longer."""
        if not trace:
            return [(number, row)]
        self.spans.setdefault(trace, set()).add(span)
        self._spans += 1
        while self._spans > SPANS_OF_A_TRACE * self._most or len(self.spans) > self._most:
            self._spans -= len(self.spans.popitem(last=False)[1])
        if self._only_content:
            return []
        if span and row.get("prompt") is None:
            row[SPAN] = span
        elif trace in self.calls:
            return [(number, complete(row, self.calls[trace]))]
        elif row.get("account_id") and row.get("client_ip"):
            return [(number, row)]
        self.rows.setdefault(trace, []).append((number, row))
        self._waiting += 1
        ready: list[tuple[int, Row]] = []
        while self._waiting > self._most:  # perhaps all of one trace: senders choose its identifier
            ready += self._release(next(iter(self.rows)))
        return ready

    def _message(self, trace: str, span: str, name: str, said: Mapping[str, Any]) -> list[tuple[int, Row]]:
        """Add a log record of one turn."""
        logged = self.said.setdefault(trace, {}).setdefault(span, LoggedContent())
        content = first(said.get("content"), at(said, "message", "content"))
        if name == "gen_ai.choice":
            message = decoded(said.get("message"))
            logged.answers.append(first(message, content))
            logged.finish = logged.finish or said.get("finish_reason")
        elif name.endswith(".message"):
            logged.turns.append(
                {"role": first(said.get("role"), name.split(".")[1]), "content": decoded(content)}
            )
        else:
            self.passed_over += 1
        return self._bounded(logged, len(content) if isinstance(content, str) else 0)

    def _event(self, trace: str, span: str, number: int, row: Row) -> list[tuple[int, Row]]:
        """Add a log record of a whole call. If its span exists, the span represents the exchange."""
        content = self.said.setdefault(trace, {}).setdefault(span, LoggedContent())
        if content.call is not None:  # several calls of one span
            return [(number, row)]
        content.call = (number, row)
        return self._bounded(content, sum(len(text) for text in row.values() if isinstance(text, str)))

    def _bounded(self, content: LoggedContent, size: int) -> list[tuple[int, Row]]:
        """Drop the oldest content where there is too much; returns rows that become complete, and calls
        without a span.
        """
        content.size += size + OVERHEAD
        self._size += size + OVERHEAD
        ready: list[tuple[int, Row]] = []
        while self.said and (len(self.said) > self._most or self._size > TEXT_HELD):
            trace = next(iter(self.said))
            ready += self._release(trace)
            several = self.said.pop(trace)
            self._size -= sum(one.size for one in several.values())
            ready += [self._filled(trace, number, row) for number, row in self._alone(trace, several)]
        return ready

    def _alone(self, trace: str, several: Mapping[str, LoggedContent]) -> Iterator[tuple[int, Row]]:
        """Yield log records of whole calls that have no span."""
        spans = self.spans.get(trace, set()) | set(self._elsewhere(trace).get("spans", ()))
        for span, one in several.items():
            if one.call is not None and span in spans:
                self.passed_over += 1
            elif one.call is not None:
                yield one.call

    def _elsewhere(self, trace: str) -> Mapping[str, Any]:
        """The content of other files on a trace."""
        return self._others().get(trace, {}) if self._others is not None else {}

    def _filled(self, trace: str, number: int, row: Row) -> tuple[int, Row]:
        """The row with the content from this file and from other files."""
        call = self.calls.get(trace)
        if call is not None:
            complete(row, call)
        several = self.said.get(trace) if self.said else None
        if several:
            complete_with(row, {"said": {span: one.columns() for span, one in several.items()}})
        if self._others is not None:
            complete_with(row, self._elsewhere(trace))
        row.pop(SPAN, None)
        return number, row

    def _release(self, trace: str) -> list[tuple[int, Row]]:
        """Remove and return the waiting rows of a trace, completed."""
        several = self.rows.pop(trace, [])
        self._waiting -= len(several)
        return [self._filled(trace, number, row) for number, row in several]

    def end(self) -> Iterator[tuple[int, Row]]:
        """Yield all waiting rows with their content."""
        for trace in list(self.rows):
            yield from self._release(trace)
        for trace, several in self.said.items():
            yield from (self._filled(trace, number, row) for number, row in self._alone(trace, several))

    def content_of(self) -> Of:
        """The content for rows of other files, by trace."""
        found: dict[str, dict[str, Any]] = {trace: {"call": call} for trace, call in self.calls.items()}
        for trace, several in self.said.items():
            found.setdefault(trace, {})["said"] = {span: one.columns() for span, one in several.items()}
            found[trace]["calls"] = {span for span, one in several.items() if one.call is not None}
        if self.said or self._only_content:
            for trace, spans in self.spans.items():
                found.setdefault(trace, {})["spans"] = spans
        return found

    def rest(self) -> tuple[list[tuple[int, Row]], Unjoined]:
        """The complete rows, and as `Unjoined` those that may be completed by a neighbouring part, with this
        part's content.
        """
        ready, waiting = [], []
        for trace, several in self.rows.items():
            for number, row in several:
                if (
                    not self.said
                    and trace not in self.calls
                    and row.get("account_id")
                    and row.get("client_ip")
                ):
                    row.pop(SPAN, None)
                    ready.append((number, row))
                elif trace in self.calls and not self.said:
                    ready.append(self._filled(trace, number, row))
                else:
                    waiting.append((number, trace, row))
        content = self.content_of()
        for trace, everything in self.said.items():
            spans = {id(one.call[1]): span for span, one in everything.items() if one.call is not None}
            for number, row in self._alone(trace, everything):
                waiting.append((number, trace, row | {SPAN: spans[id(row)], ALONE: True}))
        mine = [(number, trace, self._kept(trace, row)) for number, trace, row in waiting]
        return ready, Unjoined(mine, content, complete_with)

    def _kept(self, trace: str, row: Row) -> Row:
        """A row completed with this part's content, which still waits for its neighbours."""
        span = row.get(SPAN)
        _number, filled = self._filled(trace, 0, row)
        return filled if span is None else filled | {SPAN: span}


def complete_with(row: Row, content: Mapping[str, Any]) -> Row | None:
    """A row completed with other content of its trace; None where another row represents the same call."""
    span = row.get(SPAN)
    if row.get(ALONE) and span in content.get("spans", ()):
        return None
    call = content.get("call")
    if call:
        complete(row, call)
    more = content.get("said", {}).get(span) if span is not None else None
    for name, value in (more or {}).items():
        if value is not None and row.get(name) is None:
            row[name] = value
    return row


Entries = Callable[[Record], Iterator[tuple[Record, Mapping[str, Any]]]]


def traced_format(
    *,
    name: str,
    title: str,
    source: str,
    known: Iterable[str],
    recognise: Callable[[Record], str],
    entries: Entries,
    notes: tuple[str, ...] = (),
) -> Format:
    """Make a format of traces. `entries` yields a record's spans and log records in OTLP's form, each with
    the attributes of its resource; the other arguments are fields of `Format`.
    """

    def read(records: Iterator[Numbered], beside: Beside | None = None) -> Iterator[tuple[int, ReaderResult]]:
        """Yield the rows of a file; at its end also those of traces that are still open."""
        others = _other_files(beside, form, entries) if beside else ()
        names = beside.names if beside else {}
        content_of = (
            partial(_content_by, others, form, entries, beside.limits, tuple(names.items()))
            if beside
            else None
        )
        traces = Traces(others=content_of if others else None, names=names)
        yield from _taken(entries, traces, records)
        yield from traces.end()
        yield from _passed_over(traces, 0)

    def part(records: Iterator[Numbered], beside: Beside | None = None) -> Read:
        """Yield the rows of a part of a file, and last the traces that are still open."""
        traces = Traces(names=beside.names if beside else None)
        yield from _taken(entries, traces, records)
        ready, left_open = traces.rest()
        yield from ready
        yield from _passed_over(traces, 0)
        yield 0, left_open

    def parts(record: Record) -> Iterator[Record]:
        """Yield the spans of a record, their attributes by name."""
        with suppress(*SHAPES, Malformed):
            for entry, base in entries(record):
                yield {**base, **attributes(entry.get("attributes"))}

    form = Format(
        name=name,
        title=title,
        source=source,
        fields=FIELDS,
        notes=notes,
        known=frozenset(known),
        recognise=recognise,
        read=read,
        part=part,
        in_parts=lambda beside: not _other_files(beside, form, entries),
        parts=parts,
    )
    return form


def _taken(
    entries: Entries, traces: Traces, records: Iterator[Numbered]
) -> Iterator[tuple[int, ReaderResult]]:
    """Yield the rows that each record completes, and the records that are passed over or malformed."""
    for number, record in records:
        try:
            for entry, base in entries(record):
                try:
                    ready = traces.take(number, entry, base)
                except Malformed as why:
                    yield number, why
                except SHAPES as error:
                    yield number, another_shape(error)
                else:
                    yield from ready
            if traces.passed_over:
                yield from _passed_over(traces, number)
        except Malformed as why:
            yield number, why
        except SHAPES as error:  # of the batch itself
            yield number, another_shape(error)


def _passed_over(traces: Traces, number: int) -> Iterator[tuple[int, PassedOver]]:
    """Yield a `PassedOver` for each entry that was no call, and reset the count."""
    for _one in range(traces.passed_over):
        yield number, PassedOver()
    traces.passed_over = 0


Files = tuple[tuple[LogPath, int, int], ...]
_LOCK = threading.Lock()  # held while the content of other files is read, so that it is read once


def _other_files(beside: Beside, form: Format, entries: Entries) -> Files:
    """The files that belong with one and have log records where it has only spans, or spans where it has only
    log records.
    """
    together = beside.together()
    if len(together) < 2:
        return ()
    kinds = {one: _kinds(one, form, entries, beside.limits) for one in together}
    mine = next((found for one, found in kinds.items() if one[0] == beside.path), frozenset())
    return tuple(one for one, found in kinds.items() if one[0] != beside.path and found - mine)


@lru_cache(4096)
def _kinds(file: tuple[LogPath, int, int], form: Format, entries: Entries, limits: Limits) -> frozenset[str]:
    """Whether the first records of a file are spans, log records, or both."""
    found = set()
    with suppress(*FAULTS, *SHAPES):
        for _number, record in islice(records_of(file[0], form, limits), PEEK):
            for entry, _base in islice(entries(record), PEEK):
                found.add("spans" if "startTimeUnixNano" in entry else "logs")
    return frozenset(found)


Names = tuple[tuple[str, str], ...]


def _content_by(files: Files, form: Format, entries: Entries, limits: Limits, names: Names) -> Of:
    """As `_tellings`, for one thread at a time."""
    with _LOCK:  # files of one folder are read by several threads, and one reading serves all
        return _tellings(files, form, entries, limits, names)


@lru_cache(2)
def _tellings(files: Files, form: Format, entries: Entries, limits: Limits, names: Names) -> Of:
    """The content of files by trace: at most `KEYS` traces, and `TEXT_HELD` characters."""
    traces = Traces(KEYS, only_content=True, names=dict(names))
    for path, _size, _changed in files:
        with suppress(*FAULTS):
            for _number, _row in _taken(entries, traces, records_of(path, form, limits)):
                pass
    return traces.content_of()
