"""Request logs of Apache APISIX, from its logger plugins, including the fields of `ai-proxy`."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import body_in
from stillwatch.readers.http import account_in, call_columns, calls_model, joined, method_of, path_of
from stillwatch.readers.registry import (
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


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if not isinstance(record.get("request"), dict) or "latencies" in record:
        return ""
    if (
        isinstance(record.get("response"), dict)
        and "start_time" in record
        and (not {"route_id", "apisix_latency", "upstream_latency", "service_id"}.isdisjoint(record))
    ):
        return "`request`, `response`, `start_time` and `route_id` of APISIX"
    return ""


@log_format(
    title="Apache APISIX gateway log",
    source="log-util of APISIX 3.x (http-logger, kafka-logger, file-logger, ...), with `llm_request` and "
    "`llm_summary` of ai-proxy",
    fields={
        "exchange_id": "request.headers[x-request-id], response.headers[x-request-id]",
        "timestamp": "start_time",
        "account_id": "consumer.username; request.headers[x-user-id, ...]; client_ip",
        "organization_id": "consumer.group_id",
        "conversation_id": "request.headers[x-session-id]",
        "model": "the body's, in the address, llm_summary.model",
        "operation": "request.uri",
        "client_ip": "client_ip",
        "user_agent": "request.headers[user-agent]",
        "tls_fingerprint": "request.headers[x-ja4, x-ja3]",
        "system_prompt": "request.body, llm_request",
        "prompt": "the same",
        "response": "response.body, llm_response_text",
        "tool_names": "the body's tools",
        "temperature": "of the body",
        "top_p": "of the body",
        "max_tokens": "of the body",
        "stream": "of the body",
        "input_tokens": "ai_token_usage, llm_summary or the answer's",
        "output_tokens": "the same",
        "finish_reason": "of the answer",
        "latency_ms": "latency",
        "status": "response.status",
    },
    known=(
        "request",
        "response",
        "start_time",
        "client_ip",
        "latency",
        "apisix_latency",
        "upstream_latency",
        "route_id",
        "route_name",
        "service_id",
        "service_name",
        "consumer",
        "server",
        "upstream",
        "ai_token_usage",
        "llm_request",
        "llm_summary",
        "llm_response_text",
        "llm_prompt_tokens",
        "llm_completion_tokens",
        "llm_model",
        "request_llm_model",
        "llm_time_to_first_token",
        "request_type",
        "host",
    ),
    recognise=_recognise,
    notes=(
        (
            "Bodies are there where the logger has `include_req_body` and `include_resp_body`, or ai-proxy "
            "`logging.payloads`."
        ),
        "Requests to services that are no models, where the address and the body say so, are passed over.",
    ),
)
def apisix(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    request, response = mapping(record.get("request")), mapping(record.get("response"))
    body = body_in(first(request.get("body"), record.get("llm_request")))
    url = first(request.get("uri"), request.get("url"))
    answer = first(response.get("body"), record.get("llm_response_text"))
    if not calls_model(method_of(request.get("method")), path_of(url), body, answer):
        return
    headers, client = request.get("headers"), address(record.get("client_ip"))
    used, summary = mapping(record.get("ai_token_usage")), mapping(record.get("llm_summary"))
    row = {
        "exchange_id": first(
            header(headers, "x-request-id"), header(response.get("headers"), "x-request-id")
        ),
        "timestamp": moment(record.get("start_time")),
        "account_id": first(at(record, "consumer", "username"), account_in(headers), client),
        "organization_id": at(record, "consumer", "group_id"),
        "conversation_id": header(headers, "x-session-id"),
        "client_ip": client,
        "user_agent": header(headers, "user-agent"),
        "tls_fingerprint": header(headers, "x-ja4", "x-ja3"),
        "latency_ms": number(record.get("latency")),
        "status": response.get("status"),
    }
    counts = {
        "model": first(record.get("request_llm_model"), summary.get("model"), record.get("llm_model")),
        "input_tokens": first(
            used.get("prompt_tokens"), summary.get("prompt_tokens"), record.get("llm_prompt_tokens")
        ),
        "output_tokens": first(
            used.get("completion_tokens"),
            summary.get("completion_tokens"),
            record.get("llm_completion_tokens"),
        ),
    }
    yield joined(row, call_columns(body, answer, url), counts)
