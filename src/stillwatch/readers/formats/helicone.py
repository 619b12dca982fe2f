"""Helicone requests, from its export or its table."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import answer_columns, body_in, decoded, request_columns
from stillwatch.readers.http import model_in
from stillwatch.readers.registry import (
    UNATTRIBUTED,
    Record,
    Row,
    elapsed_ms,
    first,
    log_format,
    mapping,
    moment,
    total,
)


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if {"request_id", "request_created_at"} <= record.keys() and not {
        "request_body",
        "proxy_key_id",
        "response_status",
        "signed_body_url",
        "request_model",
        "delay_ms",
        "response_id",
    }.isdisjoint(record):
        return "`request_id` and `request_created_at` of a Helicone request"
    return ""


@log_format(
    title="Helicone requests",
    source="HeliconeRequest of its API, and its table request_response_rmt",
    fields={
        "exchange_id": "request_id",
        "timestamp": "request_created_at",
        "account_id": "request_user_id or user_id, else request_properties, proxy_key_id or organization_id; "
        "else `unattributed`",
        "organization_id": "organization_id",
        "api_key_id": "proxy_key_id",
        "conversation_id": "request_properties[Helicone-Session-Id]",
        "model": "request_model or model",
        "operation": "request_path or target_url",
        "country": "country_code",
        "system_prompt": "request_body",
        "prompt": "request_body",
        "response": "response_body",
        "tool_names": "request_body.tools",
        "temperature": "request_body.temperature",
        "top_p": "request_body.top_p",
        "max_tokens": "request_body.max_tokens",
        "stream": "request_body.stream",
        "input_tokens": "prompt_tokens, with prompt_cache_read_tokens for Anthropic",
        "output_tokens": "completion_tokens",
        "finish_reason": "response_body",
        "latency_ms": "delay_ms or latency",
        "status": "response_status or status",
    },
    known=(
        "request_id",
        "request_created_at",
        "response_created_at",
        "request_body",
        "response_body",
        "request_path",
        "request_user_id",
        "request_properties",
        "request_model",
        "response_id",
        "response_status",
        "response_model",
        "delay_ms",
        "latency",
        "time_to_first_token",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_cache_read_tokens",
        "prompt_cache_write_tokens",
        "provider",
        "country_code",
        "signed_body_url",
        "costUSD",
        "cost",
        "status",
        "model",
        "user_id",
        "organization_id",
        "proxy_key_id",
        "target_url",
        "properties",
        "scores",
        "threat",
        "assets",
        "cache_enabled",
    ),
    recognise=_recognise,
    notes=(
        "The log has a country and no address.",
        "Bodies are kept for three months, then only counts are.",
    ),
)
def helicone(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    body, answer = body_in(record.get("request_body")), record.get("response_body")
    properties = mapping(decoded(first(record.get("request_properties"), record.get("properties"))))
    anthropic = str(record.get("provider")).upper() == "ANTHROPIC"
    cached = (
        (record.get("prompt_cache_read_tokens"), record.get("prompt_cache_write_tokens")) if anthropic else ()
    )
    path = first(record.get("request_path"), record.get("target_url"))
    answered = answer_columns(answer)
    yield {
        "exchange_id": record.get("request_id"),
        "timestamp": moment(record.get("request_created_at")),
        "account_id": first(
            record.get("request_user_id"),
            record.get("user_id"),
            *(
                properties.get(name)
                for name in ("Helicone-User-Id", "User-Id", "UserId", "user_id", "userId")
            ),
            record.get("proxy_key_id"),
            record.get("organization_id"),
            UNATTRIBUTED,
        ),
        "organization_id": record.get("organization_id"),
        "api_key_id": record.get("proxy_key_id"),
        "conversation_id": properties.get("Helicone-Session-Id"),
        "model": first(
            record.get("request_model"),
            record.get("model"),
            body.get("model"),
            record.get("response_model"),
            model_in(path),
        ),
        "operation": path,
        "country": record.get("country_code"),
        **request_columns({name: body[name] for name in body if name != "heliconeMessage"}),
        **answered,
        "response": first(answered["response"], record.get("response_prompt"), record.get("completion_text")),
        "input_tokens": first(total(record.get("prompt_tokens"), *cached), answered["input_tokens"]),
        "output_tokens": first(record.get("completion_tokens"), answered["output_tokens"]),
        "latency_ms": first(
            record.get("delay_ms"),
            record.get("latency"),
            elapsed_ms(record.get("request_created_at"), record.get("response_created_at")),
        ),
        "status": first(record.get("response_status"), record.get("status")),
    }
