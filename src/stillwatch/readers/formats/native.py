"""Requests and answers in providers' own shapes, as gateways and SDK hooks log them side by side.

One record holds a request and an answer under any of the names in `PAIRS`, with what else the logger knew beside them.
Anthropic Messages, OpenAI Chat Completions, Responses, and both providers' batches are told apart by their bodies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stillwatch.readers.content import answer_columns, decoded, from_events, request_columns
from stillwatch.readers.registry import (
    Malformed,
    Record,
    Row,
    address,
    at,
    first,
    header,
    log_format,
    moment,
)

REQUEST = ("request", "request_body", "requestBody", "params", "body")
ANSWER = ("response", "response_body", "responseBody", "result", "completion")
WHO = ("account_id", "accountId", "user_id", "userId", "customer_id", "account", "user")
ORGANIZATION = ("organization_id", "organizationId", "org_id", "workspace_id", "project_id", "tenant")
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
)
WHICH = ("exchange_id", "request_id", "requestId", "id", "custom_id")
FROM = ("client_ip", "ip", "remote_addr", "client_address", "ip_address", "source_ip")
GATEWAYS = ("remote_addr", "request_created_at", "schemaType", "call_type")  # their own formats read these
HEADERS = ("headers", "request_headers", "requestHeaders")


def _pair(record: Record) -> tuple[Mapping[str, Any], Any]:
    request = next((decoded(record[n]) for n in REQUEST if isinstance(decoded(record.get(n)), dict)), None)
    if isinstance(request, dict) and isinstance(decoded(request.get("body")), dict):
        request = decoded(request["body"])
    answer = next(
        (decoded(record[n]) for n in ANSWER if isinstance(decoded(record.get(n)), dict | list)), None
    )
    for inner in ("body", "message"):
        if isinstance(answer, dict) and isinstance(decoded(answer.get(inner)), dict):
            answer = decoded(answer[inner])
    return (request if isinstance(request, dict) else {}), answer


def _recognise(record: Record) -> str:
    if any(name in record for name in GATEWAYS):
        return ""
    request, answer = _pair(record)
    if not {"model"} <= request.keys() or not ({"messages", "input", "prompt"} & request.keys()):
        return ""
    if "anthropic_version" in request or at(answer, "type") == "message" or "stop_reason" in (answer or {}):
        return "a request with `messages` beside an Anthropic message"
    if at(answer, "object") == "response" or "input" in request:
        return "a request with `input` beside an OpenAI response"
    return "a request with `model` and `messages` in a provider's own shape"


@log_format(
    title="Anthropic Messages, OpenAI Chat Completions, Responses and batches",
    source="types of the providers' SDKs: anthropic 2.11, openai 3.52",
    fields={
        "exchange_id": "request_id, else response.id", "timestamp": "timestamp, else response.created",
        "account_id": "account_id or user_id beside them; else request.metadata.user_id, request.safety_identifier, request.user",
        "organization_id": "organization_id, workspace_id or project_id", "api_key_id": "api_key_id",
        "conversation_id": "conversation_id, session_id; request.conversation, request.previous_response_id",
        "model": "request.model, else response.model", "operation": "by the shape of the body", "client_ip": "client_ip",
        "asn": "asn", "country": "country", "user_agent": "user_agent, headers[user-agent]",
        "tls_fingerprint": "tls_fingerprint, ja4, ja3, headers[x-ja4]",
        "system_prompt": "request.system, request.instructions, system turns", "prompt": "last user turn",
        "response": "response.content, .choices[0], .output", "tool_names": "request.tools",
        "temperature": "request.temperature", "top_p": "request.top_p",
        "max_tokens": "request.max_tokens, .max_completion_tokens, .max_output_tokens", "stream": "request.stream",
        "input_tokens": "response.usage; Anthropic's without cache reads and writes is added up",
        "output_tokens": "response.usage", "finish_reason": "stop_reason with stop_details.category; finish_reason; status",
        "latency_ms": "latency_ms, duration_ms", "status": "status, status_code",
    },
    known=(
        *REQUEST, *ANSWER, *WHO, *ORGANIZATION, *WHEN, *WHICH, *FROM, *HEADERS, "api_key_id", "conversation_id", "session_id",
        "asn", "country", "user_agent", "tls_fingerprint", "ja4", "ja3", "latency_ms", "duration_ms", "status", "status_code",
        "method", "url", "error", "provider",
    ),
    recognise=_recognise,
    notes=(
        "Ids of end users are set by the caller; they stand for the account only where the log names no account.",
        "Streamed answers logged as lists of events are put together.",
    ),
)  # fmt: skip
def native(record: Record) -> Iterator[Row]:
    request, answer = _pair(record)
    if isinstance(answer, list):
        answer = from_events(answer)
    answer = answer if isinstance(answer, dict) else {}
    if not request and not answer:
        raise Malformed(None, "record holds neither a request nor an answer")

    def named(names: tuple[str, ...]) -> Any:  # noqa: ANN401  any JSON value
        return first(*(record.get(name) for name in names))

    headers = next((record[n] for n in HEADERS if isinstance(record.get(n), dict)), None)
    status = first(record.get("status_code"), record.get("status"), at(record, "response", "status_code"))
    conversation = request.get("conversation")
    yield {
        "exchange_id": first(named(WHICH[:3]), answer.get("id"), named(WHICH[3:])),
        "timestamp": moment(first(named(WHEN), answer.get("created"), answer.get("created_at"))),
        "account_id": first(
            named(WHO), at(request, "metadata", "user_id"), request.get("safety_identifier"), request.get("user")
        ),
        "organization_id": named(ORGANIZATION),
        "api_key_id": record.get("api_key_id"),
        "conversation_id": first(
            record.get("conversation_id"), record.get("session_id"),
            conversation.get("id") if isinstance(conversation, dict) else conversation, request.get("previous_response_id"),
        ),
        "model": first(request.get("model"), answer.get("model")),
        "operation": _operation(request, answer),
        "client_ip": address(first(named(FROM), header(headers, "x-real-ip"))),
        "asn": record.get("asn"),
        "country": record.get("country"),
        "user_agent": first(record.get("user_agent"), header(headers, "user-agent")),
        "tls_fingerprint": first(
            record.get("tls_fingerprint"), record.get("ja4"), record.get("ja3"), header(headers, "x-ja4", "x-ja3")
        ),
        **request_columns(request),
        **answer_columns(answer),
        "latency_ms": first(record.get("latency_ms"), record.get("duration_ms")),
        "status": status if not isinstance(status, str) or status.isdecimal() else None,
    }  # fmt: skip


def _operation(request: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    if at(answer, "object") == "response" or "input" in request:
        return "responses"
    if "messages" in request:
        return "chat"
    return "completion"
