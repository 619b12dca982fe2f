"""LiteLLM's spend logs, exported from its database."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import answer_columns, decoded, request_columns
from stillwatch.readers.litellm import PASSED_OVER, agent_in, failure_code, is_no_call, unredacted
from stillwatch.readers.registry import (
    Record,
    Row,
    address,
    at,
    elapsed_ms,
    first,
    header,
    log_format,
    mapping,
    moment,
)


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if {"request_id", "api_key", "spend", "startTime", "call_type"} <= record.keys():
        return "`request_id`, `api_key` and `spend` of LiteLLM_SpendLogs"
    return ""


@log_format(
    title="LiteLLM spend logs",
    source="litellm_proxy_extras/schema.prisma, LiteLLM_SpendLogs",
    fields={
        "exchange_id": "request_id",
        "timestamp": "startTime",
        "account_id": "user, else team_id, api_key or organization_id, else end_user, else the address",
        "organization_id": "organization_id, else team_id",
        "api_key_id": "api_key",
        "conversation_id": "session_id",
        "model": "model_group, else model",
        "operation": "call_type",
        "client_ip": "requester_ip_address",
        "user_agent": "metadata.user_agent, else request_tags",
        "tls_fingerprint": "metadata.requester_custom_headers[x-ja4, x-ja3]",
        "system_prompt": "messages",
        "prompt": "messages",
        "response": "response",
        "tool_names": "proxy_server_request.tools",
        "temperature": "proxy_server_request.temperature",
        "top_p": "proxy_server_request.top_p",
        "max_tokens": "proxy_server_request.max_tokens",
        "stream": "proxy_server_request.stream",
        "input_tokens": "prompt_tokens",
        "output_tokens": "completion_tokens",
        "finish_reason": "response.choices[0].finish_reason",
        "latency_ms": "request_duration_ms",
        "status": "status",
    },
    known=(
        "request_id",
        "call_type",
        "api_key",
        "spend",
        "total_tokens",
        "prompt_tokens",
        "completion_tokens",
        "startTime",
        "endTime",
        "request_duration_ms",
        "completionStartTime",
        "model",
        "model_id",
        "model_group",
        "custom_llm_provider",
        "api_base",
        "user",
        "metadata",
        "cache_hit",
        "cache_key",
        "request_tags",
        "team_id",
        "organization_id",
        "end_user",
        "requester_ip_address",
        "messages",
        "response",
        "session_id",
        "status",
        "agent_id",
        "proxy_server_request",
        "litellm_call_id",
        "mcp_namespaced_tool_name",
    ),
    recognise=_recognise,
    notes=(
        (
            "Bodies are empty unless the proxy stores prompts in its spend logs; then the prompt is also in "
            "proxy_server_request."
        ),
        PASSED_OVER,
    ),
)
def litellm_spend_logs(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    meta = mapping(decoded(record.get("metadata")))
    if is_no_call(record, meta):
        return
    request = mapping(decoded(record.get("proxy_server_request")))
    body = dict(mapping(decoded(first(at(request, "body"), request))))
    begin, end = record.get("startTime"), record.get("endTime")
    client = address(record.get("requester_ip_address"))
    agent = first(at(meta, "user_agent"), agent_in(record.get("request_tags")))
    yield unredacted(
        {
            "exchange_id": record.get("request_id"),
            "timestamp": moment(begin),
            "account_id": first(
                *(record.get(name) for name in ("user", "team_id", "api_key", "organization_id", "end_user")),
                client,
            ),
            "organization_id": first(record.get("organization_id"), record.get("team_id")),
            "api_key_id": record.get("api_key"),
            "conversation_id": record.get("session_id"),
            "model": first(record.get("model_group"), record.get("model")),
            "operation": record.get("call_type"),
            "client_ip": client,
            "user_agent": first(agent, header(at(request, "headers"), "user-agent")),
            "tls_fingerprint": header(at(meta, "requester_custom_headers"), "x-ja4", "x-ja3"),
            **request_columns(
                body | {"messages": first(decoded(record.get("messages")), at(body, "messages"))}
            ),
            **answer_columns(record.get("response")),
            "input_tokens": record.get("prompt_tokens"),
            "output_tokens": record.get("completion_tokens"),
            "latency_ms": first(record.get("request_duration_ms"), elapsed_ms(begin, end)),
            "status": failure_code(at(meta, "error_information"), record.get("status") == "failure"),
        }
    )
