"""Traefik's access logs."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.http import account_in, calls_model_of_site, method_of, model_in, path_of
from stillwatch.readers.registry import Record, Row, address, first, header, log_format, moment, number

HEADERS = "request_"  # start of the fields with request headers


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if {"ClientHost", "RequestPath", "DownstreamStatus"} <= record.keys():
        return "`ClientHost`, `RequestPath` and `DownstreamStatus` of Traefik"
    return ""


@log_format(
    title="Traefik access log",
    source="Traefik 3: access logs in JSON; headers by `fields.headers`",
    fields={
        "exchange_id": "request_X-Request-Id",
        "timestamp": "StartUTC, time",
        "account_id": "ClientUsername, request_X-User-Id, ..., else the address",
        "model": "in the path",
        "operation": "RequestPath",
        "client_ip": "ClientHost",
        "user_agent": "request_User-Agent",
        "conversation_id": "request_X-Session-Id",
        "latency_ms": "Duration, in nanoseconds",
        "status": "DownstreamStatus",
    },
    known=(
        "ClientAddr",
        "ClientHost",
        "ClientPort",
        "ClientUsername",
        "DownstreamContentSize",
        "DownstreamStatus",
        "Duration",
        "OriginContentSize",
        "OriginDuration",
        "OriginStatus",
        "Overhead",
        "RequestAddr",
        "RequestContentSize",
        "RequestCount",
        "RequestHost",
        "RequestMethod",
        "RequestPath",
        "RequestPort",
        "RequestProtocol",
        "RequestScheme",
        "RetryAttempts",
        "RouterName",
        "ServiceAddr",
        "ServiceName",
        "ServiceURL",
        "SpanId",
        "TraceId",
        "StartLocal",
        "StartUTC",
        "entryPointName",
        "level",
        "msg",
        "time",
        "request_User-Agent",
    ),
    recognise=_recognise,
    notes=(
        (
            "The log has no bodies. Requests are known by their paths: those at which providers and servers "
            "offer models are rows, others are passed over."
        ),
    ),
)
def traefik(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    path = path_of(record.get("RequestPath"))
    if not calls_model_of_site(method_of(record.get("RequestMethod")), path, None):
        return
    headers = {
        name.removeprefix(HEADERS): value for name, value in record.items() if name.startswith(HEADERS)
    }
    client = address(record.get("ClientHost"))
    nanoseconds = number(record.get("Duration"))
    user = record.get("ClientUsername")
    yield {
        "exchange_id": header(headers, "x-request-id"),
        "timestamp": moment(first(record.get("StartUTC"), record.get("time"))),
        "account_id": first(None if user == "-" else user, account_in(headers), client),
        "conversation_id": header(headers, "x-session-id"),
        "model": model_in(path),
        "operation": path,
        "client_ip": client,
        "user_agent": header(headers, "user-agent"),
        "tls_fingerprint": header(headers, "x-ja4", "x-ja3"),
        "latency_ms": None if nanoseconds is None else nanoseconds / 1e6,
        "status": record.get("DownstreamStatus"),
    }
