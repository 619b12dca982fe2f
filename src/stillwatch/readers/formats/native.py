"""Requests and answers in providers' own forms, logged together by gateways and SDK hooks.

A record holds a request and an answer under any of the names in `PAIRS`, and other fields of the logger. The
bodies show the API: Anthropic Messages, OpenAI Chat Completions or Responses, or a batch of either provider.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stillwatch.readers.content import answer_columns, body_in, decoded, request_columns, whole_answer
from stillwatch.readers.registry import (
    Malformed,
    Record,
    Row,
    address,
    at,
    first,
    header,
    log_format,
    mapping,
    moment,
)

REQUEST = ("request", "request_body", "requestBody", "params", "body")
"""Fields that hold a request."""
ANSWER = ("response", "response_body", "responseBody", "result", "completion")
"""Fields that hold an answer."""
WHO = (
    "account_id",
    "accountId",
    "user_id",
    "userId",
    "customer_id",
    "account",
    "user",
    "_user",
    "requester",
    "username",
)
"""Fields that name the account, in the order in which they are tried; likewise the following constants for
other columns.
"""
# Fields with the organization, in the order tried.
ORGANIZATION = ("organization_id", "organizationId", "org_id", "workspace_id", "project_id", "tenant")
# Fields with the time, in the order tried.
WHEN = (
    "timestamp",
    "time",
    "created_at",
    "createdAt",
    "ts",
    "start_time",
    "started_at",
    "received_at",
    "request_time",
    "timestamp_ms",
    "request_date",
    "@timestamp",
    "date",
)
# Fields with the latency in milliseconds, in the order tried.
TOOK = ("latency_ms", "duration_ms", "execution_time_ms", "execution_duration_ms", "response_time_ms")
# Fields with the exchange's id, in the order tried.
WHICH = (
    "exchange_id",
    "request_id",
    "requestId",
    "databricks_request_id",
    "id",
    "custom_id",
    "client_request_id",
)
# Fields with the client's address, in the order tried.
FROM = ("client_ip", "ip", "remote_addr", "client_address", "ip_address", "source_ip")
PROMPT_FIELDS = frozenset(("messages", "input", "prompt", "contents", "inputs"))
"""Fields of which a request's body has at least one."""
WHOLE = frozenset(("usage", "stop_reason", "choices", "candidates", "output"))
"""Fields of which a whole answer has at least one, and a turn in it none."""
GATEWAYS = (
    "remote_addr",
    "uri",
    "request_uri",
    "request_created_at",
    "schemaType",
    "call_type",
)  # their own formats read these
"""Fields of gateways' logs, which have formats of their own."""
HEADERS = ("headers", "request_headers", "requestHeaders")
"""Fields that hold the request's headers."""


def _pair(record: Record) -> tuple[Mapping[str, Any], Any]:
    """The request (empty where there is none) and the answer (None where there is none) in a record."""
    request = next((body for name in REQUEST if (body := body_in(record.get(name)))), {})
    request = body_in(request.get("body")) or request
    answer: Any = None
    for name in ANSWER:
        answer = whole_answer(record.get(name))
        if answer:
            break
    for inner in ("body", "message"):
        if isinstance(answer, dict) and isinstance(held := whole_answer(answer.get(inner)), dict):
            # The message of Ollama and Cohere has its counts beside it.
            answer = held if inner == "body" or not WHOLE.isdisjoint(held) else answer
    return request, answer


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if any(name in record for name in GATEWAYS):
        return ""
    request, answer = _pair(record)
    said = mapping(answer)
    if "model" not in request and "model" not in said and "model" not in record:
        return ""
    if PROMPT_FIELDS.isdisjoint(request):
        return ""
    if "anthropic_version" in request or said.get("type") == "message" or "stop_reason" in said:
        return "a request with `messages` beside an Anthropic message"
    if said.get("object") == "response" or "input" in request:
        return "a request with `input` beside an OpenAI response"
    return "a request with `model` and `messages` in a provider's own shape"


@log_format(
    title="Anthropic Messages, OpenAI Chat Completions and Responses, request and answer side by side",
    source="types of the providers' SDKs: anthropic 2.11, openai 3.52",
    fields={
        "exchange_id": "request_id, else response.id",
        "timestamp": "timestamp, else response.created",
        "account_id": "account_id, user_id or requester beside them or in metadata; else "
        "request.metadata.user_id, request.safety_identifier, request.user",
        "organization_id": "organization_id, workspace_id or project_id",
        "api_key_id": "api_key_id",
        "conversation_id": "conversation_id, session_id; request.conversation, request.previous_response_id",
        "model": "request.model, else response.model",
        "operation": "by the shape of the body",
        "client_ip": "client_ip",
        "asn": "asn",
        "country": "country",
        "user_agent": "user_agent, headers[user-agent]",
        "tls_fingerprint": "tls_fingerprint, ja4, ja3, headers[x-ja4]",
        "system_prompt": "request.system, request.instructions, system turns",
        "prompt": "last user turn",
        "response": "response.content, .choices[0], .output",
        "tool_names": "request.tools",
        "temperature": "request.temperature",
        "top_p": "request.top_p",
        "max_tokens": "request.max_tokens, .max_completion_tokens, .max_output_tokens",
        "stream": "request.stream",
        "input_tokens": "response.usage; Anthropic's without cache reads and writes is added up",
        "output_tokens": "response.usage",
        "finish_reason": "stop_reason with stop_details.category; finish_reason; status",
        "latency_ms": "latency_ms, duration_ms, execution_duration_ms",
        "status": "status, status_code",
    },
    known=(
        *REQUEST,
        *ANSWER,
        *WHO,
        *ORGANIZATION,
        *WHEN,
        *WHICH,
        *FROM,
        *HEADERS,
        *TOOK,
        "metadata",
        "model",
        "served_entity_id",
        "sampling_fraction",
        "logging_error_codes",
        "request_metadata",
        "api_key_id",
        "conversation_id",
        "session_id",
        "asn",
        "country",
        "user_agent",
        "tls_fingerprint",
        "ja4",
        "ja3",
        "latency_ms",
        "duration_ms",
        "status",
        "status_code",
        "method",
        "url",
        "error",
        "provider",
    ),
    recognise=_recognise,
    loose=True,
    notes=(
        (
            "Ids of end users are set by the caller; they stand for the account only where the log names no "
            "account."
        ),
        (
            "Streamed answers are put together, whether they were logged as lists of events or as text of "
            "server-sent events."
        ),
        "Inference tables of Databricks and of MLflow's gateway have this shape.",
    ),
)
def native(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    request, answer = _pair(record)
    if not request and not answer:
        raise Malformed(None, "record holds neither a request nor an answer")
    said = mapping(answer)

    def named(names: tuple[str, ...]) -> Any:  # noqa: ANN401  any JSON value
        """The first of these fields that the record has."""
        return first(*(record.get(name) for name in names))

    meta = mapping(decoded(record.get("metadata")))
    headers = next(
        (record[n] for n in HEADERS if isinstance(record.get(n), dict)), at(record, "request", "headers")
    )
    status = first(
        record.get("status_code"),
        record.get("status"),
        *(at(record, "response", name) for name in ("status_code", "status")),
    )
    conversation = request.get("conversation")
    yield {
        "exchange_id": first(named(WHICH[:4]), said.get("id"), named(WHICH[4:])),
        "timestamp": moment(first(named(WHEN), said.get("created"), said.get("created_at"))),
        "account_id": first(
            _who(named(WHO)),
            *(meta.get(name) for name in WHO),
            at(request, "metadata", "user_id"),
            request.get("safety_identifier"),
            request.get("user"),
        ),
        "organization_id": named(ORGANIZATION),
        "api_key_id": record.get("api_key_id"),
        "conversation_id": first(
            record.get("conversation_id"),
            record.get("session_id"),
            conversation.get("id") if isinstance(conversation, dict) else conversation,
            request.get("previous_response_id"),
        ),
        "model": first(request.get("model"), record.get("model"), said.get("model")),
        "operation": _operation(request, said),
        "client_ip": address(first(named(FROM), header(headers, "x-real-ip"))),
        "asn": record.get("asn"),
        "country": record.get("country"),
        "user_agent": first(record.get("user_agent"), header(headers, "user-agent")),
        "tls_fingerprint": first(
            record.get("tls_fingerprint"),
            record.get("ja4"),
            record.get("ja3"),
            header(headers, "x-ja4", "x-ja3"),
        ),
        **request_columns(request),
        **answer_columns(answer),
        "latency_ms": first(*(record.get(name) for name in TOOK)),
        "status": status if not isinstance(status, str) or status.isdecimal() else None,
    }


def _who(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """The user that a field names; the field may be an object that describes the user."""
    if isinstance(value, dict):
        return first(
            *(value.get(name) for name in ("id", "user_id", "account_id", "username", "email", "name"))
        )
    return value


def _operation(request: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """The API that was called: `responses`, `chat` or `completion`."""
    if at(answer, "object") == "response" or "input" in request:
        return "responses"
    if "messages" in request:
        return "chat"
    return "completion"
