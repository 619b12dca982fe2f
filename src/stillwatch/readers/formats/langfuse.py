"""Langfuse's export of observations."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import answered, asked, decoded
from stillwatch.readers.registry import Record, Row, at, first, log_format, mapping, milliseconds, moment, refusal, total


def _recognise(record: Record) -> str:
    if {"trace_id", "start_time", "provided_model_name"} <= record.keys():
        return "`trace_id`, `start_time` and `provided_model_name` of an export of observations"
    if {"traceId", "startTime", "type"} <= record.keys() and (
        "usageDetails" in record or "providedModelName" in record
    ):
        return "`traceId` and `usageDetails` of the observations API"
    return ""


@log_format(
    title="Langfuse observations",
    source="blob-storage export observations_v2, and /api/public/v2/observations; SDK 5.0",
    fields={
        "exchange_id": "id", "timestamp": "start_time", "account_id": "user_id, else metadata.user_id, else project_id",
        "organization_id": "project_id", "conversation_id": "session_id, else trace_id", "model": "provided_model_name",
        "operation": "type", "system_prompt": "input", "prompt": "input", "response": "output",
        "tool_names": "tool_definitions", "temperature": "model_parameters.temperature", "top_p": "model_parameters.top_p",
        "max_tokens": "model_parameters.max_tokens", "input_tokens": "usage_details.input and input_cached_tokens",
        "output_tokens": "usage_details.output", "finish_reason": "output.choices[0].finish_reason", "latency_ms": "latency",
        "status": "500 where level is ERROR",
    },
    known=(
        "id", "trace_id", "project_id", "environment", "type", "parent_observation_id", "start_time", "end_time", "name",
        "metadata", "level", "status_message", "version", "input", "output", "provided_model_name", "model_parameters",
        "usage_details", "cost_details", "completion_start_time", "total_cost", "latency", "time_to_first_token",
        "tool_calls", "tool_call_names", "tool_definitions", "user_id", "session_id", "trace_name", "tags", "release",
        "prompt_id", "prompt_name", "prompt_version", "model_id", "created_at", "updated_at",
    ),
    recognise=_recognise,
    notes=("Only observations of type GENERATION are exchanges.", "The log has no addresses and no programs."),
)  # fmt: skip
def langfuse(record: Record) -> Iterator[Row]:
    snake = {_snake(name): value for name, value in record.items()}
    if str(snake.get("type", "GENERATION")).upper() != "GENERATION":
        return
    said = mapping(decoded(snake.get("model_parameters")))
    usage = mapping(decoded(snake.get("usage_details")))
    meta = mapping(decoded(snake.get("metadata")))
    given, output = decoded(snake.get("input")), decoded(snake.get("output"))
    turns = given.get("messages") if isinstance(given, dict) and "messages" in given else given
    system, prompt = asked(turns, at(given, "system"))
    if isinstance(given, dict) and prompt is None:
        prompt = first(given.get("prompt"), given.get("content"), given.get("input"))
    seconds = snake.get("latency")
    definitions = decoded(snake.get("tool_definitions"))
    names = None
    if isinstance(definitions, dict):
        names = list(definitions)
    elif isinstance(definitions, list):
        names = [str(at(one, "name") or one) for one in definitions] or None
    choices = at(output, "choices")
    choice = mapping(choices[0] if isinstance(choices, list) and choices else None)
    yield {
        "exchange_id": snake.get("id"),
        "timestamp": moment(snake.get("start_time")),
        "account_id": first(snake.get("user_id"), at(meta, "user_id"), snake.get("project_id")),
        "organization_id": snake.get("project_id"),
        "conversation_id": first(snake.get("session_id"), snake.get("trace_id")),
        "model": first(snake.get("provided_model_name"), snake.get("model")),
        "operation": "chat",
        "system_prompt": system,
        "prompt": prompt if isinstance(prompt, str) else None,
        "response": answered(output),
        "tool_names": names,
        "temperature": _number(said.get("temperature")),
        "top_p": _number(said.get("top_p")),
        "max_tokens": _number(said.get("max_tokens")),
        "input_tokens": total(usage.get("input"), usage.get("input_cached_tokens")),
        "output_tokens": usage.get("output"),
        "finish_reason": refusal(choice.get("finish_reason"), None),
        "latency_ms": milliseconds(seconds),
        "status": 500 if snake.get("level") == "ERROR" else 200,
    }


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) else None
