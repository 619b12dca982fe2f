"""NGINX access logs written as JSON, with the request's body."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import answer_columns, decoded, request_columns
from stillwatch.readers.registry import Record, Row, address, at, first, log_format, milliseconds, moment


def _recognise(record: Record) -> str:
    if (
        "request_body" in record
        and ("remote_addr" in record)
        and ("request_uri" in record or "request" in record or "uri" in record)
    ):
        return "`remote_addr`, `request_uri` and `request_body` of an access log"
    return ""


@log_format(
    title="NGINX JSON access log with a body",
    source="log_format ... escape=json of ngx_http_log_module",
    fields={
        "exchange_id": "request_id", "timestamp": "msec, else time_iso8601",
        "account_id": "http_x_account_id, http_x_user_id or remote_user, else api_key_id, else remote_addr",
        "organization_id": "http_x_organization_id", "api_key_id": "api_key_id, http_x_api_key_id",
        "conversation_id": "http_x_session_id, request_body.conversation", "model": "request_body.model",
        "operation": "uri, else request_uri", "client_ip": "remote_addr", "country": "geoip_country_code, geoip2_country",
        "user_agent": "http_user_agent", "tls_fingerprint": "http_x_ja4, ssl_ja4, http_ssl_ja3",
        "system_prompt": "request_body", "prompt": "request_body", "response": "response_body, resp_body",
        "tool_names": "request_body.tools", "temperature": "request_body.temperature", "top_p": "request_body.top_p",
        "max_tokens": "request_body.max_tokens", "stream": "request_body.stream",
        "input_tokens": "response_body.usage", "output_tokens": "response_body.usage",
        "finish_reason": "response_body.stop_reason, .choices[0].finish_reason", "latency_ms": "request_time",
        "status": "status",
    },
    known=(
        "request_id", "msec", "time_iso8601", "time_local", "http_x_account_id", "http_x_user_id", "remote_user",
        "api_key_id", "http_x_api_key_id", "http_x_organization_id", "http_x_session_id", "uri", "request_uri", "request",
        "remote_addr", "geoip_country_code", "geoip2_country", "http_user_agent", "http_x_ja4", "ssl_ja4", "http_ssl_ja3",
        "request_body", "response_body", "resp_body", "request_time", "status", "body_bytes_sent", "request_method",
        "http_referer", "http_host", "server_name", "upstream_response_time", "request_length", "http_x_forwarded_for",
        "scheme", "server_protocol",
    ),
    recognise=_recognise,
    notes=("NGINX cuts a body that does not fit its buffer out of the log: raise `client_body_buffer_size`.",),
)  # fmt: skip
def nginx_json(record: Record) -> Iterator[Row]:
    def said(*names: str) -> object:
        return first(*(record[n] for n in names if record.get(n) not in (None, "-", "")))

    body, answer = decoded(record.get("request_body")), decoded(said("response_body", "resp_body"))
    body = body if isinstance(body, dict) else {}
    seconds, status = said("request_time"), said("status")
    yield {
        "exchange_id": said("request_id"),
        "timestamp": moment(said("msec", "time_iso8601")),
        "account_id": said(
            "http_x_account_id",
            "http_x_user_id",
            "remote_user",
            "api_key_id",
            "http_x_api_key_id",
            "remote_addr",
        ),
        "organization_id": said("http_x_organization_id"),
        "api_key_id": said("api_key_id", "http_x_api_key_id"),
        "conversation_id": said("http_x_session_id"),
        "model": first(body.get("model"), at(answer, "model")),
        "operation": said("uri", "request_uri"),
        "client_ip": address(record.get("remote_addr")),
        "country": said("geoip_country_code", "geoip2_country"),
        "user_agent": said("http_user_agent"),
        "tls_fingerprint": said("http_x_ja4", "ssl_ja4", "http_ssl_ja3"),
        **request_columns(body),
        **answer_columns(answer),
        "latency_ms": milliseconds(seconds),
        "status": status,
    }
