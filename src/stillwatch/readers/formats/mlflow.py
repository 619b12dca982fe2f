"""MLflow traces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stillwatch.readers.content import answer_columns, answered, body_in, decoded, prompts_of, request_columns
from stillwatch.readers.http import joined
from stillwatch.readers.registry import (
    UNATTRIBUTED,
    Record,
    Row,
    at,
    elapsed_ms,
    first,
    log_format,
    mapping,
    moment,
)

CALLS = ("CHAT_MODEL", "LLM", "EMBEDDING")  # types of spans that are exchanges
# Fields with the start of a span, in the order tried.
BEGINS = ("start_time_unix_nano", "start_time_ns", "start_time")
ENDS = ("end_time_unix_nano", "end_time_ns", "end_time")  # fields with the end of a span, in the order tried


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    info, data = decoded(record.get("info")), decoded(record.get("data"))
    if isinstance(info, dict) and isinstance(data, dict) and not {"trace_id", "request_id"}.isdisjoint(info):
        return "`info` and `data` of a trace of MLflow"
    if "spans" in record and not {"trace_metadata", "request_metadata"}.isdisjoint(record):
        return "`spans` and `trace_metadata` of a trace of MLflow"
    return ""


def _spans(record: Record) -> Iterable[Record]:
    """The spans of a trace, each with the trace's information; the trace itself where it has no spans."""
    info = mapping(decoded(record.get("info"))) or record
    data = mapping(decoded(record.get("data"))) or record
    spans = decoded(data.get("spans"))
    several = [
        span for span in map(decoded, spans if isinstance(spans, list) else ()) if isinstance(span, dict)
    ]
    if not several:
        yield {"info": info, "span": {}, "data": data}
    for span in several:
        yield {"info": info, "span": span, "data": {}}


@log_format(
    title="MLflow traces",
    source="Trace.to_json of mlflow 2.14 to 3.x, and exports of mlflow.search_traces",
    fields={
        "exchange_id": "the span's id, else the trace's",
        "timestamp": "the span's start, else request_time or timestamp_ms",
        "account_id": "trace_metadata[mlflow.trace.user], .user_id; tags; else the experiment; else "
        "`unattributed`",
        "organization_id": "experiment_id",
        "conversation_id": "trace_metadata[mlflow.trace.session]",
        "model": "mlflow.llm.model, mlflow.spanInputs.model, .model of the outputs",
        "operation": "the span's name",
        "system_prompt": "mlflow.spanInputs",
        "prompt": "mlflow.spanInputs",
        "response": "mlflow.spanOutputs",
        "tool_names": "mlflow.spanInputs.tools, mlflow.chat.tools",
        "temperature": "mlflow.spanInputs",
        "top_p": "mlflow.spanInputs",
        "max_tokens": "mlflow.spanInputs",
        "stream": "mlflow.spanInputs",
        "input_tokens": "mlflow.chat.tokenUsage",
        "output_tokens": "mlflow.chat.tokenUsage",
        "finish_reason": "mlflow.spanOutputs",
        "latency_ms": "the span's end",
        "status": "500 for an error",
    },
    known=(
        "info",
        "data",
        "spans",
        "trace_id",
        "request_id",
        "trace",
        "request",
        "response",
        "request_time",
        "timestamp_ms",
        "state",
        "status",
        "execution_duration",
        "execution_time_ms",
        "trace_metadata",
        "request_metadata",
        "tags",
        "assessments",
        "trace_location",
        "client_request_id",
        "request_preview",
        "response_preview",
        "experiment_id",
        "execution_duration_ms",
    ),
    recognise=_recognise,
    split=_spans,
    notes=(
        "Spans of type CHAT_MODEL, LLM and EMBEDDING are exchanges; others are passed over.",
        "The log has no addresses and no programs.",
    ),
)
def mlflow(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    info, span, data = mapping(record["info"]), mapping(record["span"]), mapping(record["data"])
    attributes = {
        str(name): _plain(value) for name, value in mapping(decoded(span.get("attributes"))).items()
    }
    kind = str(first(attributes.get("mlflow.spanType"), span.get("span_type")) or "").upper()
    if span and kind not in CALLS:
        return
    given = first(
        attributes.get("mlflow.spanInputs"),
        span.get("inputs"),
        decoded(first(data.get("request"), info.get("request_preview"))),
    )
    answer = first(
        attributes.get("mlflow.spanOutputs"),
        span.get("outputs"),
        decoded(first(data.get("response"), info.get("response_preview"))),
    )
    meta = {
        **_pairs(info.get("tags")),
        **_pairs(first(info.get("trace_metadata"), info.get("request_metadata"))),
    }
    begin = first(*(span.get(name) for name in BEGINS), info.get("request_time"), info.get("timestamp_ms"))
    end = first(*(span.get(name) for name in ENDS))
    usage = mapping(attributes.get("mlflow.chat.tokenUsage"))
    experiment = first(
        at(info, "trace_location", "mlflow_experiment", "experiment_id"),
        info.get("experiment_id"),
        meta.get("mlflow.experimentId"),
    )
    body = body_in(given)
    row = {
        "exchange_id": first(
            span.get("span_id"), at(span, "context", "span_id"), info.get("trace_id"), info.get("request_id")
        ),
        "timestamp": moment(begin),
        "account_id": first(
            *(meta.get(name) for name in ("mlflow.trace.user", "user_id", "user", "mlflow.user")),
            experiment,
            UNATTRIBUTED,
        ),
        "organization_id": experiment,
        "conversation_id": first(meta.get("mlflow.trace.session"), meta.get("session_id")),
        "model": first(
            attributes.get("mlflow.llm.model"),
            attributes.get("mlflow.model"),
            body.get("model"),
            at(answer, "model"),
        ),
        "operation": first(span.get("name"), "chat"),
        "input_tokens": first(usage.get("input_tokens"), usage.get("prompt_tokens")),
        "output_tokens": first(usage.get("output_tokens"), usage.get("completion_tokens")),
        "latency_ms": elapsed_ms(begin, end),
        "status": 500
        if "ERROR" in str(first(span.get("status"), span.get("status_code"), info.get("state"), ""))
        else 200,
    }
    asked_for = (
        request_columns(body)
        if body
        else dict(zip(("system_prompt", "prompt"), prompts_of(given), strict=True))
    )
    yield joined(row, asked_for, _said(answer), {"prompt": given if isinstance(given, str) else None})


def _said(answer: Any) -> Row:  # noqa: ANN401  any JSON value
    """The columns of an answer."""
    return answer_columns(answer) if isinstance(answer, dict) else {"response": answered(answer)}


def _plain(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """An attribute's value; MLflow encodes it as JSON, even text."""
    inner = decoded(value)
    return (
        inner[1:-1] if isinstance(inner, str) and len(inner) > 1 and inner[0] == inner[-1] == '"' else inner
    )


def _pairs(value: Any) -> Mapping[str, Any]:  # noqa: ANN401  any JSON value
    """Names and values, given as an object or as a list of objects with `key` and `value`."""
    value = decoded(value)
    if isinstance(value, list):
        return {str(one.get("key")): one.get("value") for one in value if isinstance(one, dict)}
    return mapping(value)
