"""Request-response logs of Google Vertex AI, from BigQuery."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stillwatch.readers.content import answer_columns, body_in, decoded, request_columns, whole_answer
from stillwatch.readers.http import model_in
from stillwatch.readers.registry import UNATTRIBUTED, Record, Row, at, first, log_format, mapping, moment


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if {"logging_time", "request_id"} <= record.keys() and not {"full_request", "request_payload"}.isdisjoint(
        record
    ):
        return "`logging_time` and `full_request` of a request-response log"
    return ""


@log_format(
    title="Google Vertex AI request-response log",
    source="BigQuery request_response_logging; elastic/integrations gcp_vertexai",
    fields={
        "exchange_id": "request_id, else full_response.response_id",
        "timestamp": "logging_time",
        "account_id": "full_request.labels.user_id or .account, else endpoint",
        "organization_id": "project in endpoint",
        "conversation_id": "full_request.labels.session_id",
        "model": "model, else full_request.model",
        "operation": "api_method",
        "system_prompt": "full_request.system_instruction",
        "prompt": "full_request.contents",
        "response": "full_response.candidates[0]",
        "tool_names": "full_request.tools",
        "temperature": "full_request.generation_config.temperature",
        "top_p": "full_request.generation_config.top_p",
        "max_tokens": "full_request.generation_config.max_output_tokens",
        "stream": "api_method begins with stream",
        "input_tokens": "usage_metadata.prompt_token_count",
        "output_tokens": "usage_metadata.candidates_token_count and thoughts_token_count",
        "finish_reason": "candidates[0].finish_reason",
        "latency_ms": "metadata.request_latency",
    },
    known=(
        "logging_time",
        "request_id",
        "api_method",
        "model",
        "model_version",
        "endpoint",
        "deployed_model_id",
        "full_request",
        "full_response",
        "request_payload",
        "response_payload",
        "metadata",
        "otel_log",
    ),
    recognise=_recognise,
    notes=(
        (
            "The log is sampled at the rate set on the endpoint; it has no addresses and no caller unless "
            "labelled."
        ),
    ),
)
def vertex(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    request = body_in(first(record.get("full_request"), _payload(record.get("request_payload"))))
    answer = whole_answer(first(record.get("full_response"), _payload(record.get("response_payload"))))
    labels = _labels(request.get("labels"))
    endpoint = str(record.get("endpoint") or "")
    parts = endpoint.split("/")
    method = str(record.get("api_method") or "")
    meta = mapping(decoded(record.get("metadata")))
    answered = answer_columns(answer)
    stream = request.get("stream")
    yield {
        "exchange_id": first(
            record.get("request_id"), *(at(answer, name) for name in ("response_id", "responseId", "id"))
        ),
        "timestamp": moment(record.get("logging_time")),
        "account_id": first(
            *(labels.get(name) for name in ("user_id", "account", "account_id", "user", "customer_id")),
            at(request, "metadata", "user_id"),
            endpoint,
            UNATTRIBUTED,
        ),
        "organization_id": parts[parts.index("projects") + 1] if "projects" in parts[:-1] else None,
        "conversation_id": first(labels.get("session_id"), labels.get("conversation_id")),
        "model": first(record.get("model"), request.get("model"), model_in(endpoint), at(answer, "model")),
        "operation": method or None,
        **request_columns(request),
        **answered,
        "stream": stream
        if isinstance(stream, bool)
        else method.lower().startswith("stream")
        if method
        else None,
        "latency_ms": first(meta.get("request_latency"), meta.get("requestLatency")),
    }


def _labels(labels: Any) -> Record:  # noqa: ANN401  any JSON value
    """Labels as an object; BigQuery has a list of objects with `key` and `value`."""
    labels = decoded(labels)
    if isinstance(labels, list):
        return {str(one["key"]): one.get("value") for one in labels if isinstance(one, dict) and "key" in one}
    return mapping(labels)


def _payload(payload: Any) -> Any:  # noqa: ANN401  any JSON value
    """A request or an answer, from a column that holds its pieces as texts."""
    payload = decoded(payload)
    if isinstance(payload, list) and payload and all(isinstance(one, str) for one in payload):
        return payload[0] if len(payload) == 1 else [decoded(one) for one in payload]
    return payload
