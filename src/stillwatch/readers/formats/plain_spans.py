"""Spans as objects with plain attributes, from Phoenix, console exporters and tables of spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stillwatch.readers.content import decoded
from stillwatch.readers.registry import Record, at, first, mapping, moment, number
from stillwatch.readers.traces import traced_format
from stillwatch.readers.tracing import flat

DOTTED = "attributes."
"""Prefix of attributes that are top-level fields."""
ATTRIBUTES = ("attributes", "SpanAttributes", "span_attributes", "otel_attributes")
"""Fields that hold a span's attributes."""
# Fields with the start of a span, in the order tried.
BEGINS = ("start_time", "startTime", "start_timestamp", "Timestamp", "timestamp", "start_time_unix_nano")
# Fields with the end of a span, in the order tried.
ENDS = ("end_time", "endTime", "end_timestamp", "end_time_unix_nano")
# Fields with the trace's id, in the order tried.
TRACES = ("trace_id", "traceId", "TraceId", "context.trace_id")
# Fields with the span's id, in the order tried.
SPANS = ("span_id", "spanId", "SpanId", "context.span_id", "id")
MARKS = ("gen_ai.", "llm.", "openinference.", "ai.", "input.", "http.", "traceloop.")
"""Prefixes of attribute names by which a span is recognised."""


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if "spans" in record or "resourceSpans" in record or not any(name in record for name in BEGINS):
        return ""
    if any(name.startswith(DOTTED) for name in record) and "context.span_id" in record:
        return "`context.span_id` and `attributes.` of spans of Phoenix"
    attributes = next(
        (found for name in ATTRIBUTES if isinstance(found := decoded(record.get(name)), dict)), None
    )
    if attributes is None or not (any(name in record for name in (*TRACES, "context"))):
        return ""
    if any(str(name).startswith(MARKS) for name in attributes) or not {
        "llm",
        "gen_ai",
        "openinference",
        "http",
    }.isdisjoint(attributes):
        return "a trace's id beside `attributes` of a span"
    return ""


def _entries(record: Record) -> Iterator[tuple[Record, Mapping[str, Any]]]:
    """The record's span in OTLP's form."""
    said: dict[str, Any] = {
        k.removeprefix(DOTTED): v for k, v in record.items() if k.startswith(DOTTED) and v is not None
    }
    for name in ATTRIBUTES:
        said |= flat(mapping(decoded(record.get(name))))
    kind = first(record.get("span_kind"), record.get("openinference_span_kind"))
    if kind is not None and not str(kind).startswith(
        ("SPAN_KIND", "SpanKind", "Internal", "Client", "Server")
    ):
        said.setdefault("openinference.span.kind", str(kind).upper())
    meta = decoded(said.get("metadata"))
    if isinstance(meta, dict):
        said |= {f"metadata.{name}": value for name, value in flat(meta).items()}
    begin = moment(first(*(record.get(name) for name in BEGINS)))
    last = first(*(record.get(name) for name in ENDS))
    nanos = number(first(record.get("Duration"), record.get("duration_ns")))
    end = moment(last) if last is not None else begin + int(nanos / 1000) if nanos is not None else None
    status = first(
        record.get("status_code"),
        record.get("StatusCode"),
        at(record, "status", "status_code"),
        at(record, "status", "code"),
    )
    resource = mapping(
        decoded(
            first(
                record.get("resource"),
                record.get("ResourceAttributes"),
                record.get("otel_resource_attributes"),
            )
        )
    )
    yield (
        {
            "traceId": first(*(record.get(name) for name in TRACES), at(record, "context", "trace_id")),
            "spanId": first(at(record, "context", "span_id"), *(record.get(name) for name in SPANS)),
            "startTimeUnixNano": begin * 1000,
            "endTimeUnixNano": end * 1000 if end is not None else None,
            "attributes": said,
            "events": _events(decoded(record.get("events"))),
            "status": {"code": 2} if "ERROR" in str(status).upper() or status == 2 else {},
        },
        flat(mapping(resource.get("attributes", resource))),
    )


def _events(several: Any) -> list[Record]:  # noqa: ANN401  any JSON value
    """The events in a list; empty for other values."""
    return [one for one in several if isinstance(one, dict)] if isinstance(several, list) else []


plain_spans = traced_format(
    name="plain_spans",
    title="Spans with plain attributes: Phoenix, console exporters of OpenTelemetry, tables of spans",
    source="Phoenix's spans API and data frames; ConsoleSpanExporter of Python and JavaScript; ClickHouse's "
    "otel_traces; Logfire's records",
    notes=("Attributes are read as in `otlp`. Phoenix names users by `user.id`, or in a span's metadata.",),
    known=(
        *ATTRIBUTES,
        *BEGINS,
        *ENDS,
        *TRACES,
        *SPANS,
        "name",
        "context",
        "kind",
        "span_kind",
        "parent_id",
        "parentId",
        "parentSpanId",
        "ParentSpanId",
        "status",
        "status_code",
        "status_message",
        "StatusCode",
        "StatusMessage",
        "events",
        "links",
        "resource",
        "ResourceAttributes",
        "SpanName",
        "SpanKind",
        "ServiceName",
        "Duration",
        "duration",
        "duration_ns",
        "cumulative_error_count",
        "cumulative_llm_token_count_prompt",
        "cumulative_llm_token_count_completion",
        "latency_ms",
        "instrumentationScope",
        "ScopeName",
        "ScopeVersion",
        "traceState",
        "TraceState",
        "project_name",
        "__annotations__",
        "annotations",
    ),
    recognise=_recognise,
    entries=_entries,
)
