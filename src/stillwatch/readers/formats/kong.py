"""Request logs of Kong, from its log plugins, including the fields of its AI plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stillwatch.readers.content import body_in, decoded
from stillwatch.readers.http import account_in, call_columns, calls_model, joined, method_of, path_of
from stillwatch.readers.registry import Record, Row, address, at, first, header, log_format, mapping, moment


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if (
        isinstance(record.get("request"), dict)
        and isinstance(record.get("latencies"), dict)
        and "started_at" in record
    ):
        return "`latencies`, `request` and `started_at` of Kong"
    return ""


@log_format(
    title="Kong gateway log",
    source="log serializer of Kong 3.x (http-log, file-log, tcp-log, kafka-log), with `ai` of the AI plugins",
    fields={
        "exchange_id": "request.id, request.headers[x-kong-request-id, kong-request-id]",
        "timestamp": "started_at",
        "account_id": "consumer.custom_id, .username or .id; authenticated_entity.id; "
        "request.headers[x-user-id, ...]; client_ip",
        "organization_id": "workspace_name, workspace",
        "api_key_id": "authenticated_entity.id",
        "conversation_id": "request.headers[x-session-id]",
        "model": "ai.*.meta.request_model, request.body.model, in the address, ai.*.meta.response_model",
        "operation": "request.uri",
        "client_ip": "client_ip",
        "user_agent": "request.headers[user-agent]",
        "tls_fingerprint": "request.headers[x-ja4, x-ja3]",
        "system_prompt": "ai.*.payload.request, else request.body",
        "prompt": "the same",
        "response": "ai.*.payload.response, else response.body",
        "tool_names": "the request's tools",
        "temperature": "of the request",
        "top_p": "of the request",
        "max_tokens": "of the request",
        "stream": "of the request, ai.*.meta.request_mode",
        "input_tokens": "ai.*.usage.prompt_tokens, else the answer's",
        "output_tokens": "ai.*.usage.completion_tokens, else the answer's",
        "finish_reason": "of the answer",
        "latency_ms": "latencies.request",
        "status": "response.status",
    },
    known=(
        "request",
        "response",
        "latencies",
        "started_at",
        "client_ip",
        "consumer",
        "authenticated_entity",
        "service",
        "route",
        "tries",
        "upstream_uri",
        "upstream_status",
        "workspace",
        "workspace_name",
        "source",
        "ai",
        "request_body",
        "response_body",
        "auth_type",
    ),
    recognise=_recognise,
    notes=(
        (
            "Bodies are there where `ai-proxy` has `log_payloads`, or where a log plugin's "
            "`custom_fields_by_lua` adds them."
        ),
        "Requests to services that are no models, where the address and the body say so, are passed over.",
    ),
)
def kong(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    request, response = mapping(record.get("request")), mapping(record.get("response"))
    plugins = _of_plugins(record.get("ai"))
    meta, usage, payload = (mapping(plugins.get(name)) for name in ("meta", "usage", "payload"))
    body = body_in(first(payload.get("request"), request.get("body"), record.get("request_body")))
    url = first(request.get("uri"), request.get("url"), record.get("upstream_uri"))
    answer = first(payload.get("response"), response.get("body"), record.get("response_body"))
    if not plugins and not calls_model(method_of(request.get("method")), path_of(url), body, answer):
        return
    headers = request.get("headers")
    consumer = mapping(record.get("consumer"))
    client = address(record.get("client_ip"))
    entity = at(record, "authenticated_entity", "id")
    row = {
        "exchange_id": first(
            request.get("id"), header(headers, "x-kong-request-id", "kong-request-id", "x-request-id")
        ),
        "timestamp": moment(record.get("started_at")),
        "account_id": first(
            consumer.get("custom_id"),
            consumer.get("username"),
            consumer.get("id"),
            entity,
            account_in(headers),
            client,
        ),
        "organization_id": first(record.get("workspace_name"), record.get("workspace")),
        "api_key_id": entity,
        "conversation_id": header(headers, "x-session-id"),
        "model": meta.get("request_model"),
        "client_ip": client,
        "user_agent": header(headers, "user-agent"),
        "tls_fingerprint": header(headers, "x-ja4", "x-ja3"),
        "stream": meta.get("request_mode") == "stream" if meta.get("request_mode") else None,
        "input_tokens": first(usage.get("prompt_tokens"), usage.get("prompt_token")),
        "output_tokens": first(usage.get("completion_tokens"), usage.get("completion_token")),
        "latency_ms": at(record, "latencies", "request"),
        "status": response.get("status"),
    }
    yield joined(row, call_columns(body, answer, url), {"model": meta.get("response_model")})


def _of_plugins(value: Any) -> Mapping[str, Any]:  # noqa: ANN401  any JSON value
    """The fields `meta`, `usage` and `payload` of the AI plugins, from whichever plugin has them."""
    found: dict[str, Any] = {}
    several = [mapping(decoded(value))]
    for _deep in range(3):
        inner: list[Mapping[str, Any]] = []
        for one in several:
            for name in ("meta", "usage", "payload"):
                if isinstance(one.get(name), dict):
                    found.setdefault(name, one[name])
            for each in one.values():
                inner += [
                    part for part in (each if isinstance(each, list) else [each]) if isinstance(part, dict)
                ]
        several = inner
    return found
