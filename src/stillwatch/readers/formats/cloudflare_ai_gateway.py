"""Logs of Cloudflare's AI Gateway, from its API and from Logpush."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import body_in, decoded
from stillwatch.readers.http import call_columns, joined
from stillwatch.readers.registry import (
    UNATTRIBUTED,
    Record,
    Row,
    address,
    at,
    first,
    log_format,
    mapping,
    moment,
)

# Fields of the metadata with the account, in the order tried.
USERS = (
    "user_id",
    "userId",
    "user",
    "account_id",
    "account",
    "customer_id",
    "customer",
    "uid",
    "email",
    "username",
)


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if {"Gateway", "Provider", "Endpoint"} <= record.keys():
        return "`Gateway`, `Provider` and `Endpoint` of an event of Logpush"
    if {"provider", "model", "created_at", "cached"} <= record.keys() and not {
        "tokens_in",
        "tokens_out",
        "model_type",
    }.isdisjoint(record):
        return "`provider`, `cached` and `tokens_in` of a log of the gateway"
    return next((why for one in _page(record) if (why := _recognise(one))), "")


def _page(record: Record) -> list[Record]:
    """The logs on a page of the API."""
    several = record.get("result")
    return [one for one in several if isinstance(one, dict)] if isinstance(several, list) else []


def _logs(record: Record) -> list[Record]:
    """The logs on a page of the API, or the record itself."""
    return _page(record) or [record]


@log_format(
    title="Cloudflare AI Gateway log",
    source="GET /ai-gateway/gateways/{id}/logs, and Logpush's dataset ai_gateway_events",
    fields={
        "exchange_id": "id, else RayID",
        "timestamp": "created_at, Timestamp",
        "account_id": "metadata.user_id, .user, .account, .customer, ...; else `unattributed`",
        "organization_id": "Gateway, gateway_id",
        "conversation_id": "metadata.session_id",
        "model": "RequestedModel, model",
        "operation": "path, Endpoint",
        "client_ip": "metadata.ip",
        "system_prompt": "request, request_head",
        "prompt": "request, request_head",
        "response": "response, response_head",
        "tool_names": "request.tools",
        "temperature": "request.temperature",
        "top_p": "request.top_p",
        "max_tokens": "request.max_tokens",
        "stream": "request.stream",
        "input_tokens": "tokens_in",
        "output_tokens": "tokens_out",
        "finish_reason": "of the answer",
        "latency_ms": "duration, Metrics.durationMs",
        "status": "status_code, StatusCode",
    },
    known=(
        "result",
        "result_info",
        "errors",
        "messages",
        "id",
        "created_at",
        "provider",
        "model",
        "model_type",
        "path",
        "duration",
        "success",
        "status_code",
        "cached",
        "tokens_in",
        "tokens_out",
        "cost",
        "custom_cost",
        "metadata",
        "request_content_type",
        "response_content_type",
        "request_type",
        "step",
        "request_head",
        "request_head_complete",
        "response_head",
        "response_head_complete",
        "request_size",
        "response_size",
        "request",
        "response",
        "request_body",
        "response_body",
        "gateway_id",
        "Gateway",
        "Provider",
        "Endpoint",
        "Model",
        "RequestedModel",
        "Metadata",
        "Metrics",
        "RateLimited",
        "RequestBody",
        "ResponseBody",
        "StatusCode",
        "Timestamp",
        "Cached",
        "RoutingDecisionID",
        "RoutingReason",
        "RayID",
    ),
    recognise=_recognise,
    split=_logs,
    notes=(
        (
            "The gateway knows no accounts: they are what callers put into `cf-aig-metadata`. Name the field "
            "with `--map` or a mapping file if it is none of these."
        ),
        "Logpush's bodies are encrypted: decrypt them before the scan, or there is no text.",
    ),
)
def cloudflare_ai_gateway(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    meta = mapping(decoded(first(record.get("metadata"), record.get("Metadata"))))
    body = body_in(
        first(*(record.get(name) for name in ("request", "request_body", "RequestBody", "request_head")))
    )
    answer = first(
        *(record.get(name) for name in ("response", "response_body", "ResponseBody", "response_head"))
    )
    if at(decoded(answer), "type") == "encrypted":
        answer = None
    if body.get("type") == "encrypted":
        body = {}
    path = first(record.get("path"), record.get("Endpoint"))
    row = {
        "exchange_id": first(record.get("id"), record.get("RayID"), record.get("RoutingDecisionID")),
        "timestamp": moment(first(record.get("created_at"), record.get("Timestamp"))),
        "account_id": first(*(meta.get(name) for name in USERS), UNATTRIBUTED),
        "organization_id": first(record.get("Gateway"), record.get("gateway_id")),
        "conversation_id": first(meta.get("session_id"), meta.get("sessionId"), meta.get("conversation_id")),
        "model": first(record.get("RequestedModel"), record.get("model"), record.get("Model")),
        "operation": path,
        "client_ip": address(first(meta.get("ip"), meta.get("client_ip"))),
        "input_tokens": record.get("tokens_in"),
        "output_tokens": record.get("tokens_out"),
        "latency_ms": first(record.get("duration"), at(record, "Metrics", "durationMs")),
        "status": first(record.get("status_code"), record.get("StatusCode")),
    }
    yield joined(row, call_columns(body, answer, path))
