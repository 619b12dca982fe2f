"""LiteLLM's standard logging payload: callbacks over HTTP, S3, GCS."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import answer_columns, decoded, request_columns
from stillwatch.readers.registry import (
    Malformed,
    Record,
    Row,
    address,
    at,
    first,
    header,
    log_format,
    mapping,
    moment,
)


def _recognise(record: Record) -> str:
    meta = record.get("metadata")
    shape = "call_type" in record and "startTime" in record and "model_group" in record
    if shape and isinstance(meta, dict) and ("user_api_key_hash" in meta or "hidden_params" in record):
        return "`call_type`, `startTime` and `metadata.user_api_key_hash` of a standard logging payload"
    return ""


@log_format(
    title="LiteLLM standard logging payload",
    source="litellm/types/utils.py, StandardLoggingPayload, 1.106 to 1.109",
    fields={
        "exchange_id": "id", "timestamp": "startTime", "model": "model_group, else model", "operation": "call_type",
        "account_id": "metadata.user_api_key_user_id, else ._team_id, else ._hash",
        "organization_id": "metadata.user_api_key_org_id, else ._team_id", "api_key_id": "metadata.user_api_key_hash",
        "conversation_id": "session_id, else trace_id", "client_ip": "requester_ip_address",
        "user_agent": "user_agent", "tls_fingerprint": "metadata.requester_custom_headers[x-ja4, x-ja3]",
        "system_prompt": "messages", "prompt": "messages", "response": "response", "tool_names": "model_parameters.tools",
        "temperature": "model_parameters.temperature", "top_p": "model_parameters.top_p",
        "max_tokens": "model_parameters.max_tokens", "stream": "stream", "input_tokens": "prompt_tokens",
        "output_tokens": "completion_tokens", "finish_reason": "response.choices[0].finish_reason",
        "latency_ms": "response_time", "status": "status, error_information.error_code",
    },
    known=(
        "id", "trace_id", "session_id", "litellm_call_id", "call_type", "stream", "status", "status_fields",
        "custom_llm_provider", "total_tokens", "prompt_tokens", "completion_tokens", "startTime", "endTime",
        "completionStartTime", "response_time", "model", "model_id", "model_group", "api_base", "metadata", "cache_hit",
        "cache_key", "request_tags", "end_user", "requester_ip_address", "user_agent", "messages", "response", "error_str",
        "error_information", "model_parameters", "hidden_params", "guardrail_information", "response_cost",
    ),
    recognise=_recognise,
    notes=(
        "The address may be a forwarded one that the client wrote: the proxy trusts headers from loopback.",
        "`end_user` is set by the caller and is not taken for the account.",
    ),
)  # fmt: skip
def litellm_payload(record: Record) -> Iterator[Row]:
    meta = mapping(record.get("metadata"))
    said = dict(mapping(record.get("model_parameters")))
    response = decoded(record.get("response"))
    failed = record.get("status") == "failure"
    code = at(record, "error_information", "error_code")
    custom = first(meta.get("requester_custom_headers"), at(meta, "requester_metadata", "headers"))
    account = first(
        meta.get("user_api_key_user_id"), meta.get("user_api_key_team_id"), meta.get("user_api_key_hash")
    )
    if account is None:
        raise Malformed("account_id", "required value is missing")
    seconds = record.get("response_time")
    yield {
        "exchange_id": first(record.get("id"), record.get("litellm_call_id")),
        "timestamp": moment(record.get("startTime")),
        "account_id": account,
        "organization_id": first(meta.get("user_api_key_org_id"), meta.get("user_api_key_team_id")),
        "api_key_id": meta.get("user_api_key_hash"),
        "conversation_id": first(record.get("session_id"), record.get("trace_id")),
        "model": first(record.get("model_group"), record.get("model")),
        "operation": record.get("call_type"),
        "client_ip": address(first(record.get("requester_ip_address"), meta.get("requester_ip_address"))),
        "user_agent": first(record.get("user_agent"), meta.get("user_agent")),
        "tls_fingerprint": header(custom, "x-ja4", "x-ja3"),
        **request_columns(said | {"messages": record.get("messages")}),
        **answer_columns(response),
        "stream": record.get("stream"),
        "input_tokens": record.get("prompt_tokens"),
        "output_tokens": record.get("completion_tokens"),
        "latency_ms": seconds * 1000 if isinstance(seconds, int | float) else None,
        "status": int(code) if str(code).isdecimal() and len(str(code)) < 9 else 500 if failed else 200,
    }
