"""Access logs of NGINX, OpenResty and derivatives in JSON, with the request's body."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import body_in, decoded
from stillwatch.readers.http import call_columns, calls_model, method_of, model_in, named_first, path_of
from stillwatch.readers.registry import Record, Row, address, first, header, log_format, milliseconds, moment

BODY = ("request_body", "req_body", "requestBody", "post_data", "body")
"""Names that configurations give to a column's field, in the order in which they are tried; likewise the
following constants.
"""
# Variables with the answer's body, in the order tried.
ANSWER = ("response_body", "resp_body", "res_body", "responseBody")
# Variables with the request's path or line, in the order tried.
LINE = ("request_uri", "uri", "request", "request_line", "url", "path")
# Variables with the client's address, in the order tried.
CLIENT = (
    "remote_addr",
    "realip_remote_addr",
    "client_ip",
    "clientip",
    "client",
    "remote_ip",
    "ip",
    "real_ip",
    "remoteAddr",
    "x_real_ip",
)
# Variables with the time, in the order tried.
WHEN = (
    "msec",
    "time_iso8601",
    "@timestamp",
    "timestamp",
    "time",
    "time_local",
    "ts",
    "start_time",
    "datetime",
    "date",
    "logtime",
)
# Variables with the account, in the order tried.
WHO = (
    "http_x_account_id",
    "http_x_user_id",
    "http_x_consumer_id",
    "http_x_consumer_username",
    "http_x_customer_id",
    "account_id",
    "user_id",
    "consumer",
    "remote_user",
    "user",
)
# Variables with the name of the API key, in the order tried.
KEY = ("api_key_id", "http_x_api_key_id", "key_id")
# Variables with the user agent, in the order tried.
AGENT = ("http_user_agent", "user_agent", "ua", "agent", "userAgent")
# Variables with the exchange's id, in the order tried.
ID = ("request_id", "http_x_request_id", "req_id", "requestId", "x_request_id", "trace_id", "id")
# Variables with the latency in seconds, in the order tried.
SECONDS = ("request_time", "req_time", "requestTime", "upstream_response_time", "resp_time")
CONVERSATION = ("http_x_session_id", "session_id")  # variables with the conversation, in the order tried
# Variables with the client's country, in the order tried.
COUNTRY = ("geoip_country_code", "geoip2_country", "geoip2_country_code", "country")
# Variables with the TLS fingerprint, in the order tried.
TLS = ("http_x_ja4", "ssl_ja4", "http_x_ja3", "http_ssl_ja3", "ssl_ja3", "ja4", "ja3")


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if not {"proxy_key_id", "request_created_at", "httpMethod"}.isdisjoint(record):
        return ""
    body = next((name for name in BODY if isinstance(record.get(name), str)), None)
    line = next((name for name in LINE if isinstance(record.get(name), str)), None)
    client = next((name for name in CLIENT if name in record), None)
    if (
        body is None
        or line is None
        or client is None
        or not ({"status", "response_status", "code"} & record.keys() or client == CLIENT[0])
    ):
        return ""
    return f"`{client}`, `{line}` and `{body}` of an access log"


@log_format(
    title="JSON access log with a body (NGINX, OpenResty, Tengine)",
    source="log_format ... escape=json or escape=default of ngx_http_log_module; lua-resty-logger",
    fields={
        "exchange_id": "request_id, http_x_request_id, else file and line",
        "timestamp": "msec, else time_iso8601, @timestamp, time_local, ...",
        "account_id": "http_x_account_id, http_x_user_id, http_x_consumer_... or remote_user, else "
        "api_key_id, else the address",
        "organization_id": "http_x_organization_id",
        "api_key_id": "api_key_id, http_x_api_key_id",
        "conversation_id": "http_x_session_id",
        "model": "request_body.model, else in the address, else response_body.model",
        "operation": "uri, else request_uri or request",
        "client_ip": "remote_addr, client_ip, ip, ...",
        "country": "geoip_country_code, geoip2_country",
        "user_agent": "http_user_agent, user_agent, ua",
        "tls_fingerprint": "http_x_ja4, ssl_ja4, http_ssl_ja3",
        "system_prompt": "request_body",
        "prompt": "request_body",
        "response": "response_body, resp_body; a stream is put together",
        "tool_names": "request_body.tools",
        "temperature": "request_body.temperature",
        "top_p": "request_body.top_p",
        "max_tokens": "request_body.max_tokens",
        "stream": "request_body.stream",
        "input_tokens": "response_body.usage",
        "output_tokens": "response_body.usage",
        "finish_reason": "response_body.stop_reason, .choices[0].finish_reason",
        "latency_ms": "request_time",
        "status": "status",
    },
    known=(
        *BODY,
        *ANSWER,
        *LINE,
        *CLIENT,
        *WHEN,
        *WHO,
        *KEY,
        *AGENT,
        *ID,
        *SECONDS,
        *CONVERSATION,
        *COUNTRY,
        *TLS,
        "http_x_organization_id",
        "status",
        "response_status",
        "code",
        "body_bytes_sent",
        "bytes_sent",
        "request_method",
        "method",
        "http_referer",
        "referer",
        "http_host",
        "host",
        "server_name",
        "upstream_addr",
        "upstream_status",
        "request_length",
        "http_x_forwarded_for",
        "X-Forwarded-For",
        "x_forwarded_for",
        "scheme",
        "server_protocol",
        "server_addr",
        "args",
        "headers",
        "remote_port",
        "connection",
        "pipe",
        "upstream_connect_time",
        "upstream_header_time",
    ),
    recognise=_recognise,
    loose=True,
    notes=(
        (
            "NGINX cuts a body that does not fit its buffer out of the log: raise `client_body_buffer_size`. "
            "Of "
            "a body that was cut off, what stands before the cut is read."
        ),
        (
            "Requests that read (`GET /healthz`) and probes are passed over; what may be a call of a model "
            "is a "
            "row, also without a body."
        ),
    ),
)
def nginx_json(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    body, answer = body_in(named_first(record, *BODY)), named_first(record, *ANSWER)
    line = named_first(record, *LINE)
    method = method_of(named_first(record, "request_method", "method"), record.get("request"))
    if not calls_model(method, path_of(line), body, answer):
        return
    client = next((found for name in CLIENT if (found := address(record.get(name)))), None)
    headers = decoded(record.get("headers"))
    called = call_columns(body, answer, line)
    yield {
        **called,
        "exchange_id": named_first(record, *ID),
        "timestamp": moment(named_first(record, *WHEN)),
        "account_id": first(
            named_first(record, *WHO), named_first(record, *KEY), client, named_first(record, *CLIENT)
        ),
        "organization_id": named_first(record, "http_x_organization_id"),
        "api_key_id": named_first(record, *KEY),
        "conversation_id": named_first(record, *CONVERSATION),
        "model": first(called["model"], model_in(record.get("request_uri"), record.get("request"))),
        "client_ip": client,
        "country": named_first(record, *COUNTRY),
        "user_agent": first(named_first(record, *AGENT), header(headers, "user-agent")),
        "tls_fingerprint": named_first(record, *TLS),
        "latency_ms": milliseconds(named_first(record, *SECONDS)),
        "status": named_first(record, "status", "response_status", "code"),
    }
