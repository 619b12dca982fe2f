"""OpenRouter generations, from the export of its activity page or its API."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.registry import Record, Row, first, log_format, mapping, moment


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if "generation_id" in record and {"model_permaslug", "tokens_prompt"} <= record.keys():
        return "`generation_id`, `model_permaslug` and `tokens_prompt` of OpenRouter"
    data = mapping(record.get("data", record))
    if {"tokens_prompt", "tokens_completion", "model", "created_at"} <= data.keys() and (
        {"provider_name", "native_tokens_prompt", "origin"} & data.keys()
    ):
        return "`tokens_prompt`, `model` and `created_at` of a generation of OpenRouter"
    return ""


@log_format(
    title="OpenRouter generations: the export of the activity page, and `/api/v1/generation`",
    source="OpenRouter: Activity, Export CSV; API reference, Get a generation",
    fields={
        "exchange_id": "generation_id, id",
        "timestamp": "created_at",
        "account_id": "user, external_user, else api_key_name, app_name, origin",
        "api_key_id": "api_key_name",
        "model": "model_permaslug, model",
        "operation": "api_type",
        "user_agent": "user_agent",
        "conversation_id": "session_id",
        "input_tokens": "tokens_prompt",
        "output_tokens": "tokens_completion",
        "stream": "streamed",
        "latency_ms": "generation_time_ms, generation_time, latency",
        "finish_reason": "finish_reason_normalized, finish_reason",
    },
    known=(
        "data",
        "generation_id",
        "id",
        "created_at",
        "cost_total",
        "tokens_prompt",
        "tokens_completion",
        "tokens_reasoning",
        "tokens_cached",
        "model_permaslug",
        "model",
        "provider_name",
        "variant",
        "cancelled",
        "streamed",
        "user",
        "external_user",
        "finish_reason_raw",
        "finish_reason_normalized",
        "finish_reason",
        "generation_time_ms",
        "generation_time",
        "latency",
        "time_to_first_token_ms",
        "app_name",
        "api_key_name",
        "origin",
        "api_type",
        "session_id",
        "user_agent",
        "cost_web_search",
        "cost_cache",
        "cost_file_processing",
        "byok_usage_inference",
        "native_tokens_prompt",
        "native_tokens_completion",
        "total_cost",
        "usage",
        "upstream_id",
        "app_id",
    ),
    recognise=_recognise,
    notes=(
        (
            "There is no text. `user` is what the caller wrote for his own users; the key stands in where "
            "there is none."
        ),
    ),
)
def openrouter(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    data = record if "generation_id" in record else mapping(record.get("data", record))
    get = data.get
    yield {
        "exchange_id": first(get("generation_id"), get("id")),
        "timestamp": moment(get("created_at")),
        "account_id": first(
            *(get(name) for name in ("user", "external_user", "api_key_name", "app_name", "origin"))
        ),
        "api_key_id": get("api_key_name"),
        "conversation_id": get("session_id"),
        "model": first(get("model_permaslug"), get("model")),
        "operation": get("api_type"),
        "user_agent": get("user_agent"),
        "input_tokens": get("tokens_prompt"),
        "output_tokens": get("tokens_completion"),
        "stream": get("streamed"),
        "latency_ms": first(get("generation_time_ms"), get("generation_time"), get("latency")),
        "finish_reason": first(get("finish_reason_normalized"), get("finish_reason")),
    }
