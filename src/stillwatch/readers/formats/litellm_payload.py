"""LiteLLM's standard logging payload, from callbacks over HTTP, S3 or GCS."""

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
    milliseconds,
    moment,
)


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    inner = record.get("standard_logging_object")
    if isinstance(inner, dict):
        return _recognise(inner)
    meta = decoded(record.get("metadata"))
    shape = {"call_type", "startTime", "model"} <= record.keys() and not {
        "request_id",
        "api_key",
        "spend",
    } <= record.keys()
    if not shape or not (
        {"model_group", "hidden_params", "response_cost", "model_parameters"} & record.keys()
    ):
        return ""
    if isinstance(meta, dict) and (
        "hidden_params" in record or any(name.startswith("user_api_key") for name in meta)
    ):
        return "`call_type`, `startTime` and `metadata.user_api_key_...` of a standard logging payload"
    return ""


def _payloads(record: Record) -> tuple[Record]:
    """The payload, which custom callbacks may put into a field."""
    inner = record.get("standard_logging_object")
    return (inner,) if isinstance(inner, dict) else (record,)


@log_format(
    title="LiteLLM standard logging payload",
    source="litellm/types/utils.py, StandardLoggingPayload, 1.106 to 1.109",
    fields={
        "exchange_id": "id",
        "timestamp": "startTime",
        "model": "model_group, else model",
        "operation": "call_type",
        "account_id": "metadata.user_api_key_user_id, else ._team_id, ._hash, ._alias or ._org_id; else "
        "end_user, else the address",
        "organization_id": "metadata.user_api_key_org_id, else ._team_id",
        "api_key_id": "metadata.user_api_key_hash, else ._alias",
        "conversation_id": "session_id, else trace_id",
        "client_ip": "requester_ip_address",
        "user_agent": "user_agent, metadata.user_agent, request_tags",
        "tls_fingerprint": "metadata.requester_custom_headers[x-ja4, x-ja3]",
        "system_prompt": "messages",
        "prompt": "messages",
        "response": "response",
        "tool_names": "model_parameters.tools",
        "temperature": "model_parameters.temperature",
        "top_p": "model_parameters.top_p",
        "max_tokens": "model_parameters.max_tokens",
        "stream": "stream",
        "input_tokens": "prompt_tokens",
        "output_tokens": "completion_tokens",
        "finish_reason": "response.choices[0].finish_reason",
        "latency_ms": "response_time",
        "status": "status, error_information.error_code",
    },
    known=(
        "id",
        "trace_id",
        "session_id",
        "litellm_call_id",
        "call_type",
        "stream",
        "status",
        "status_fields",
        "custom_llm_provider",
        "total_tokens",
        "prompt_tokens",
        "completion_tokens",
        "startTime",
        "endTime",
        "completionStartTime",
        "response_time",
        "model",
        "model_id",
        "model_group",
        "api_base",
        "metadata",
        "cache_hit",
        "cache_key",
        "request_tags",
        "end_user",
        "requester_ip_address",
        "user_agent",
        "messages",
        "response",
        "error_str",
        "error_information",
        "model_parameters",
        "hidden_params",
        "guardrail_information",
        "response_cost",
        "saved_cache_cost",
        "standard_logging_object",
        "cost_breakdown",
        "response_cost_failure_debug_info",
        "kwargs",
    ),
    recognise=_recognise,
    split=_payloads,
    notes=(
        "The address may be a forwarded one that the client wrote: the proxy trusts headers from loopback.",
        "`end_user` is set by the caller; it stands for the account only where the proxy names none.",
        PASSED_OVER,
    ),
)
def litellm_payload(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    meta = mapping(decoded(record.get("metadata")))
    if is_no_call(record, meta):
        return
    said = dict(mapping(decoded(record.get("model_parameters"))))
    failed = record.get("status") == "failure"
    custom = first(meta.get("requester_custom_headers"), at(meta, "requester_metadata", "headers"))
    client = address(first(record.get("requester_ip_address"), meta.get("requester_ip_address")))
    yield unredacted(
        {
            "exchange_id": first(record.get("id"), record.get("litellm_call_id")),
            "timestamp": moment(record.get("startTime")),
            "account_id": first(
                *(
                    meta.get(f"user_api_key_{name}")
                    for name in ("user_id", "team_id", "hash", "alias", "org_id")
                ),
                record.get("end_user"),
                client,
            ),
            "organization_id": first(meta.get("user_api_key_org_id"), meta.get("user_api_key_team_id")),
            "api_key_id": first(meta.get("user_api_key_hash"), meta.get("user_api_key_alias")),
            "conversation_id": first(record.get("session_id"), record.get("trace_id")),
            "model": first(record.get("model_group"), record.get("model")),
            "operation": record.get("call_type"),
            "client_ip": client,
            "user_agent": first(
                record.get("user_agent"), meta.get("user_agent"), agent_in(record.get("request_tags"))
            ),
            "tls_fingerprint": header(custom, "x-ja4", "x-ja3"),
            **request_columns(said | {"messages": record.get("messages")}),
            **answer_columns(record.get("response")),
            "stream": record.get("stream"),
            "input_tokens": record.get("prompt_tokens"),
            "output_tokens": record.get("completion_tokens"),
            "latency_ms": first(
                milliseconds(record.get("response_time")),
                elapsed_ms(record.get("startTime"), record.get("endTime")),
            ),
            "status": failure_code(record.get("error_information"), failed),
        }
    )
