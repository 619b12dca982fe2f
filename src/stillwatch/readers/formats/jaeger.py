"""Spans in the forms of Jaeger's API and storage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stillwatch.readers.registry import Record, first, mapping, number
from stillwatch.readers.traces import traced_format
from stillwatch.readers.tracing import flat


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if "traceID" in record and ("operationName" in record or isinstance(record.get("spans"), list)):
        return "`traceID` and `spans` of Jaeger"
    inner = record.get("data")
    if isinstance(inner, list):
        return next((why for one in inner if isinstance(one, dict) and (why := _recognise(one))), "")
    return ""


def _entries(record: Record) -> Iterator[tuple[Record, Mapping[str, Any]]]:
    """The spans of a page of traces, of a trace, or a record that is a span, in OTLP's form."""
    inner = record.get("data")
    if isinstance(inner, list):
        for one in inner:
            if isinstance(one, dict):
                yield from _entries(one)
        return
    processes = mapping(record.get("processes"))
    spans = record.get("spans")
    for span in spans if isinstance(spans, list) else (record,):
        if not isinstance(span, dict):
            span = {}  # noqa: PLW2901  nothing can be read of it
        process = mapping(first(span.get("process"), processes.get(str(span.get("processID")))))
        yield _as_otlp(span), _tags(process.get("tags"))


def _as_otlp(span: Record) -> Record:
    """A span in OTLP's form."""
    said = {
        **flat({str(k).replace("@", "."): v for k, v in mapping(span.get("tag")).items()}),
        **_tags(span.get("tags")),
    }
    begin, lasted = number(span.get("startTime")), number(span.get("duration"))
    failed = str(first(said.get("error"), said.get("otel.status_code"), "")).lower() in ("true", "error")
    logs = span.get("logs")
    return {
        "traceId": span.get("traceID"),
        "spanId": span.get("spanID"),
        "startTimeUnixNano": int(begin) * 1000 if begin is not None else None,
        "endTimeUnixNano": int(begin + lasted) * 1000 if begin is not None and lasted is not None else None,
        "attributes": said,
        "events": [_event(one) for one in (logs if isinstance(logs, list) else ()) if isinstance(one, dict)],
        "status": {"code": 2} if failed else {},
    }


def _event(log: Record) -> Record:
    """A log of a span as an event in OTLP's form."""
    fields = _tags(log.get("fields"))
    return {"name": first(fields.get("event"), fields.get("name"), ""), "attributes": fields}


def _tags(several: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    """Tags as a dictionary."""
    return {
        str(one.get("key")): one.get("value")
        for one in (several if isinstance(several, list) else ())
        if isinstance(one, dict) and one.get("value") is not None
    }


jaeger = traced_format(
    name="jaeger",
    title="Jaeger traces",
    source="/api/traces of Jaeger's query service, files of its page, spans of its Elasticsearch storage",
    notes=("Attributes are read as in `otlp`. Jaeger v2's /api/v3 gives OTLP.",),
    known=(
        "data",
        "traceID",
        "spanID",
        "spans",
        "processes",
        "process",
        "processID",
        "warnings",
        "total",
        "limit",
        "offset",
        "errors",
        "operationName",
        "references",
        "flags",
        "startTime",
        "startTimeMillis",
        "duration",
        "tags",
        "tag",
        "logs",
        "parentSpanID",
    ),
    recognise=_recognise,
    entries=_entries,
)
