"""Portkey logs, from its export or its API."""

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
    header,
    log_format,
    mapping,
    moment,
    number,
)

# Fields of the metadata with the account, in the order tried.
USERS = ("_user", "user", "user_id", "userId", "account_id", "customer_id")
# Fields of which a record of Portkey has at least one.
MARKS = (
    "ai_org",
    "ai_model",
    "req_units",
    "res_units",
    "response_status_code",
    "is_success",
    "trace_id",
    "virtual_key",
    "metrics",
    "config",
    "portkeyHeaders",
)


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if "created_at" not in record and "time_of_generation" not in record:
        return ""
    if {"ai_org", "ai_model"} <= record.keys():
        return "`ai_org` and `ai_model` of Portkey"
    meta = decoded(record.get("metadata"))
    request = decoded(record.get("request"))
    if (
        isinstance(meta, dict)
        and isinstance(request, dict)
        and "body" in request
        and not set(MARKS).isdisjoint(record)
    ):
        return "`request.body`, `metadata` and `metrics` of Portkey"
    return ""


@log_format(
    title="Portkey log",
    source="log exports of Portkey and of the Prisma AIRS AI Gateway, POST /logs",
    fields={
        "exchange_id": "id",
        "timestamp": "created_at, time_of_generation",
        "account_id": "metadata._user, .user, .user_id; else virtual_key, "
        "api_key or workspace; else `unattributed`",
        "organization_id": "workspace_slug, organisation_id",
        "api_key_id": "virtual_key, api_key_id",
        "conversation_id": "trace_id",
        "model": "request.body.model, ai_model",
        "operation": "request.url, request_url",
        "client_ip": "metadata.ip",
        "user_agent": "request.headers[user-agent]",
        "system_prompt": "request.body",
        "prompt": "request.body",
        "response": "response.body",
        "tool_names": "request.body.tools",
        "temperature": "request.body.temperature",
        "top_p": "request.body.top_p",
        "max_tokens": "request.body.max_tokens",
        "stream": "request.body.stream",
        "input_tokens": "req_units, else the answer's",
        "output_tokens": "res_units, else the answer's",
        "finish_reason": "of the answer",
        "latency_ms": "response_time",
        "status": "response_status_code, response.status",
    },
    known=(
        "id",
        "created_at",
        "time_of_generation",
        "request",
        "response",
        "metadata",
        "metrics",
        "trace_id",
        "span_id",
        "parent_span_id",
        "span_name",
        "is_success",
        "ai_org",
        "ai_model",
        "req_units",
        "res_units",
        "total_units",
        "request_url",
        "request_method",
        "cost",
        "cost_currency",
        "response_time",
        "response_status_code",
        "mode",
        "config",
        "prompt_slug",
        "prompt_id",
        "virtual_key",
        "api_key",
        "api_key_id",
        "workspace_slug",
        "workspace_id",
        "organisation_id",
        "cache_status",
        "finalUntransformedRequest",
        "originalResponse",
        "transformedRequest",
        "portkeyHeaders",
    ),
    recognise=_recognise,
    notes=("The user is what callers put into the metadata, `_user` by Portkey's convention.",),
)
def portkey(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    request, response = mapping(decoded(record.get("request"))), mapping(decoded(record.get("response")))
    meta = _pairs(record.get("metadata"))
    body = body_in(request.get("body", request))
    answer = response.get("body", response) or None
    key = first(record.get("virtual_key"), record.get("api_key_id"), record.get("api_key"))
    url = first(request.get("url"), record.get("request_url"))
    workspace = first(record.get("workspace_slug"), record.get("workspace_id"), record.get("organisation_id"))
    metrics = mapping(record.get("metrics"))
    row = {
        "exchange_id": record.get("id"),
        "timestamp": moment(first(record.get("created_at"), record.get("time_of_generation"))),
        "account_id": first(*(meta.get(name) for name in USERS), key, workspace, UNATTRIBUTED),
        "organization_id": workspace,
        "api_key_id": key,
        "conversation_id": first(meta.get("session_id"), record.get("trace_id")),
        "client_ip": address(first(meta.get("ip"), meta.get("client_ip"))),
        "user_agent": header(request.get("headers"), "user-agent"),
        "input_tokens": number(record.get("req_units")),
        "output_tokens": number(record.get("res_units")),
        "latency_ms": first(
            record.get("response_time"), response.get("response_time"), metrics.get("response_time")
        ),
        "status": first(
            record.get("response_status_code"),
            response.get("status"),
            response.get("status_code"),
            metrics.get("status_code"),
        ),
    }
    yield joined(
        row,
        call_columns(body, answer, url),
        {"model": record.get("ai_model"), "operation": at(record, "mode")},
    )


def _pairs(metadata: object) -> Record:
    """The metadata as an object; exports have a list of objects with `key` and `value`."""
    value = decoded(metadata)
    if isinstance(value, list):
        return {str(one.get("key")): one.get("value") for one in value if isinstance(one, dict)}
    return mapping(value)
