"""Caddy's access logs."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import body_in
from stillwatch.readers.http import account_in, call_columns, calls_model_of_site, joined, method_of, path_of
from stillwatch.readers.registry import (
    Record,
    Row,
    address,
    first,
    header,
    log_format,
    mapping,
    milliseconds,
    moment,
)


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    request = record.get("request")
    if isinstance(request, dict) and {"remote_ip", "uri"} <= request.keys() and "status" in record:
        return "`request` with `remote_ip` and `uri`, and `status`, of Caddy"
    return ""


@log_format(
    title="Caddy access log",
    source="Caddy 2: log directive, JSON encoder; `log_append` for bodies",
    fields={
        "exchange_id": "request_id, uuid, request.headers[X-Request-Id]",
        "timestamp": "ts",
        "account_id": "user_id, request.headers[X-Account-Id, X-User-Id, ...], else the address",
        "model": "of the body, else in the path",
        "operation": "request.uri",
        "client_ip": "request.client_ip, request.remote_ip",
        "user_agent": "request.headers[User-Agent]",
        "conversation_id": "request.headers[X-Session-Id]",
        "system_prompt": "request_body",
        "prompt": "request_body",
        "response": "response_body",
        "tool_names": "request_body",
        "temperature": "request_body",
        "top_p": "request_body",
        "max_tokens": "request_body",
        "stream": "request_body",
        "input_tokens": "response_body",
        "output_tokens": "response_body",
        "finish_reason": "response_body",
        "latency_ms": "duration",
        "status": "status",
    },
    known=(
        "level",
        "ts",
        "logger",
        "msg",
        "request",
        "bytes_read",
        "user_id",
        "duration",
        "size",
        "status",
        "resp_headers",
        "request_body",
        "response_body",
        "request_id",
        "uuid",
        "err_id",
        "err_trace",
        "upstream",
    ),
    recognise=_recognise,
    notes=(
        (
            "Caddy logs no bodies by itself (`log_append request_body {http.request.body}`). Without them "
            "requests are known by their paths: those at which providers and servers offer models are rows, "
            "others are passed over."
        ),
        "`user_id` is that of Caddy's authentication.",
    ),
)
def caddy(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    request = mapping(record.get("request"))
    path = path_of(request.get("uri"))
    body, answer = body_in(record.get("request_body")), record.get("response_body")
    if not calls_model_of_site(method_of(request.get("method")), path, body, answer):
        return
    headers = request.get("headers")
    client = first(address(request.get("client_ip")), address(request.get("remote_ip")))
    row = {
        "exchange_id": first(record.get("request_id"), record.get("uuid"), header(headers, "x-request-id")),
        "timestamp": moment(record.get("ts")),
        "account_id": first(record.get("user_id"), account_in(headers), client),
        "conversation_id": header(headers, "x-session-id"),
        "client_ip": client,
        "user_agent": header(headers, "user-agent"),
        "tls_fingerprint": header(headers, "x-ja4", "x-ja3"),
        "latency_ms": milliseconds(record.get("duration")),
        "status": record.get("status"),
    }
    yield joined(row, call_columns(body, answer, request.get("uri")))
