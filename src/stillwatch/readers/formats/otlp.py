"""OpenTelemetry's GenAI spans and events, as OTLP files and as Tempo and Jaeger return them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stillwatch.readers.registry import Record, mapping
from stillwatch.readers.traces import traced_format
from stillwatch.readers.tracing import attributes

SPANS = ("resourceSpans", "resource_spans", "batches")  # names of the list of spans by resource
LOGS = ("resourceLogs", "resource_logs")  # names of the list of log records by resource
OUTER = ("trace", "result")  # fields that hold the whole export in answers of Tempo
# Names of the list of spans by scope.
SCOPED_SPANS = (
    "scopeSpans",
    "scope_spans",
    "instrumentationLibrarySpans",
    "instrumentation_library_spans",
    "ilSpans",
)
# Names of the list of log records by scope.
SCOPED_LOGS = ("scopeLogs", "scope_logs", "instrumentationLibraryLogs", "instrumentation_library_logs")


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    for name in (*SPANS[:2], *LOGS):
        if name in record:
            return f"`{name}` of OTLP"
    several = record.get("batches")
    if isinstance(several, list) and any(
        not set(SCOPED_SPANS).isdisjoint(one) for one in several if isinstance(one, dict)
    ):
        return "`batches` of spans of Tempo"
    for name in OUTER:
        inner = record.get(name)
        if isinstance(inner, dict) and _recognise(inner):
            return f"`{name}` with spans"
    return ""


def _entries(record: Record) -> Iterator[tuple[Record, Mapping[str, Any]]]:
    """Spans and log records, each with the attributes of its resource."""
    for name in OUTER:
        if name in record and isinstance(record[name], dict):
            yield from _entries(record[name])
    for resource in _several(record, *SPANS):
        base = attributes(mapping(resource.get("resource")).get("attributes"))
        for scope in _several(resource, *SCOPED_SPANS):
            for span in _several(scope, "spans"):
                yield (span, base) if "startTimeUnixNano" in span else (_camel(span), base)
    for resource in _several(record, *LOGS):
        base = attributes(mapping(resource.get("resource")).get("attributes"))
        for scope in _several(resource, *SCOPED_LOGS):
            for entry in _several(scope, "logRecords", "log_records", "logs"):
                yield (
                    (entry, base) if "traceId" in entry or "timeUnixNano" in entry else (_camel(entry), base)
                )


def _camel(entry: Record) -> Record:
    """A span or log record with names converted from snake case to camel case."""
    made = {}
    for name, value in entry.items():
        head, *rest = name.split("_")
        made[head + "".join(word.capitalize() for word in rest)] = value
    return made


def _several(record: Record, *names: str) -> Sequence[Any]:
    """The list under the first of these names that has one; empty where none has. Raises `TypeError` for a
    value that is no list.
    """
    some = record.get(names[0])
    if not some:
        some = next((record[name] for name in names if record.get(name)), ())
    if not isinstance(some, list | tuple):
        raise TypeError(names[0])
    return some


otlp = traced_format(
    name="otlp",
    title="OpenTelemetry GenAI spans and events (OTLP, JSON and protobuf files; Tempo's and Jaeger's APIs)",
    source="semantic-conventions-genai and semantic conventions up to 1.36; Traceloop 0.5; OpenInference; "
    "Vercel AI SDK; Langfuse",
    notes=(
        "Content is off by default in instrumentations; then there is no text.",
        (
            "What was asked in log records (`gen_ai.user.message`, `gen_ai.choice`, ...) is joined to their "
            "spans by trace and span, in a file and over the files of a folder. A log record of a whole call "
            "whose span is there as well is the same exchange."
        ),
        "Trace ids are hexadecimal in JSON, which protobuf's own JSON reader would corrupt: it is not used.",
        (
            "Cache tokens are inside `gen_ai.usage.input_tokens` by the conventions, whatever the provider "
            "counts."
        ),
    ),
    known=(*SPANS, *LOGS, *OUTER),
    recognise=_recognise,
    entries=_entries,
)
