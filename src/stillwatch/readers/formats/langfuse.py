"""Langfuse observations, joined with the traces that name their users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from stillwatch.readers.beside import Beside
from stillwatch.readers.content import answer_columns, answered, decoded, prompts_of, request_columns
from stillwatch.readers.joining import Fragment, JoinedPart, Placed, joined_format
from stillwatch.readers.registry import (
    Malformed,
    Record,
    Row,
    at,
    elapsed_ms,
    first,
    mapping,
    milliseconds,
    moment,
    number,
    total,
)

CALLS = ("GENERATION", "EMBEDDING")  # types of observations that are exchanges
USERS = ("user_id", "userId", "langfuse_user_id", "user")  # fields with the account, in the order tried
# Fields with the conversation, in the order tried.
SESSIONS = ("session_id", "sessionId", "langfuse_session_id")


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if {"trace_id", "start_time", "type"} <= record.keys() and (
        not {"provided_model_name", "usage_details", "project_id"}.isdisjoint(record)
    ):
        return "`trace_id`, `start_time` and `type` of an export of observations"
    if {"traceId", "startTime", "type"} <= record.keys() and (
        not {"usageDetails", "providedModelName", "modelParameters", "completionStartTime"}.isdisjoint(record)
    ):
        return "`traceId` and `usageDetails` of the observations API"
    if _is_trace(record):
        return "`id`, `timestamp` and the user of a trace"
    return ""


def _is_trace(record: Record) -> bool:
    """Whether a record is a trace rather than an observation."""
    if not {"id", "timestamp"} <= record.keys() or "type" in record:
        return False
    return (
        {"userId", "sessionId"} <= record.keys()
        and not {"projectId", "observations", "scores", "htmlPath"}.isdisjoint(record)
    ) or (
        {"user_id", "session_id", "project_id"} <= record.keys()
        and not {"public", "bookmarked", "release", "tags"}.isdisjoint(record)
    )


def _entries(record: Record) -> Iterable[Record]:
    """The record, or, for a trace with observations, each of these with the trace's user, session and
    project.
    """
    inner = record.get("observations")
    if isinstance(inner, list) and any(isinstance(one, dict) for one in inner):
        shared = {
            "userId": record.get("userId"),
            "sessionId": record.get("sessionId"),
            "projectId": record.get("projectId"),
        }
        yield from ({**shared, **one} for one in inner if isinstance(one, dict))
        return
    yield record


def _assemble(several: Sequence[Placed], _beside: Beside | None) -> Iterator[tuple[Placed, Row | Malformed]]:
    """The observations of a trace, with its user and session."""
    ordered = sorted(several, key=lambda one: one.order)
    trace = next((one.fragment.content for one in ordered if one.fragment.rank == 1), {})
    for one in ordered:
        row = one.fragment.content.get("row")
        if one.fragment.rank == 0 and row is not None:
            yield (
                one,
                row
                | {
                    "account_id": first(trace.get("account_id"), row["account_id"]),
                    "conversation_id": first(trace.get("conversation_id"), row["conversation_id"]),
                },
            )


def _never(_several: Sequence[Placed]) -> bool:
    """Always False: further observations of the trace may follow."""
    return False


@joined_format(
    title="Langfuse observations and traces",
    source="blob-storage export observations_v2, /api/public/observations and /api/public/traces, CSV of the "
    "pages; SDK 5.0",
    fields={
        "exchange_id": "id",
        "timestamp": "start_time",
        "account_id": "user_id, else metadata.user_id, else the trace's user_id, else project_id",
        "organization_id": "project_id",
        "conversation_id": "session_id, else the trace's session_id, else trace_id",
        "model": "provided_model_name, model",
        "operation": "type",
        "system_prompt": "input",
        "prompt": "input",
        "response": "output",
        "tool_names": "tool_definitions, input.tools",
        "temperature": "model_parameters.temperature",
        "top_p": "model_parameters.top_p",
        "max_tokens": "model_parameters.max_tokens",
        "input_tokens": "usage_details: all that are named input",
        "output_tokens": "usage_details: all that are named output",
        "finish_reason": "output.choices[0].finish_reason",
        "latency_ms": "latency, else end_time",
        "status": "500 where level is ERROR",
    },
    known=(
        "id",
        "trace_id",
        "project_id",
        "environment",
        "type",
        "parent_observation_id",
        "start_time",
        "end_time",
        "name",
        "metadata",
        "level",
        "status_message",
        "version",
        "input",
        "output",
        "provided_model_name",
        "model_parameters",
        "usage_details",
        "cost_details",
        "completion_start_time",
        "total_cost",
        "latency",
        "time_to_first_token",
        "tool_calls",
        "tool_call_names",
        "tool_definitions",
        "user_id",
        "session_id",
        "trace_name",
        "tags",
        "release",
        "prompt_id",
        "prompt_name",
        "prompt_version",
        "model_id",
        "created_at",
        "updated_at",
        "traceId",
        "projectId",
        "parentObservationId",
        "startTime",
        "endTime",
        "statusMessage",
        "providedModelName",
        "modelParameters",
        "usageDetails",
        "costDetails",
        "completionStartTime",
        "totalCost",
        "timeToFirstToken",
        "toolCalls",
        "toolCallNames",
        "toolDefinitions",
        "userId",
        "sessionId",
        "traceName",
        "promptId",
        "promptName",
        "promptVersion",
        "modelId",
        "createdAt",
        "updatedAt",
        "model",
        "usage",
        "unit",
        "promptTokens",
        "completionTokens",
        "totalTokens",
        "calculatedTotalCost",
        "inputPrice",
        "outputPrice",
        "totalPrice",
        "calculatedInputCost",
        "calculatedOutputCost",
        "timestamp",
        "public",
        "bookmarked",
        "observations",
        "scores",
        "htmlPath",
        "externalId",
        "internalModelId",
    ),
    recognise=_recognise,
    split=_entries,
    assemble=_assemble,
    is_whole=_never,
    notes=(
        "Only observations of type GENERATION and EMBEDDING are exchanges; others are passed over.",
        (
            "The observations API and exports of observations name no user: traces in the same file or "
            "beside it "
            "do."
        ),
        "The log has no addresses and no programs.",
    ),
)
def langfuse(record: Record) -> JoinedPart:
    """The fragment or row in a record; None where the record is no exchange."""
    snake = {_snake(name): value for name, value in record.items()}
    if _is_trace(record):
        meta = mapping(decoded(snake.get("metadata")))
        content = {
            "account_id": first(snake.get("user_id"), *(meta.get(name) for name in USERS)),
            "conversation_id": first(snake.get("session_id"), *(meta.get(name) for name in SESSIONS)),
        }
        return Fragment(str(snake.get("id")), 1, content)
    if str(snake.get("type", "GENERATION")).upper() not in CALLS:
        return None
    meta = mapping(decoded(snake.get("metadata")))
    user = first(snake.get("user_id"), *(meta.get(name) for name in USERS))
    session = first(snake.get("session_id"), *(meta.get(name) for name in SESSIONS))
    row = _row(snake) | {
        "account_id": first(user, snake.get("project_id")),
        "conversation_id": first(session, snake.get("trace_id")),
    }
    trace = snake.get("trace_id")
    return (
        row
        if user is not None or not isinstance(trace, str) or not trace
        else Fragment(trace, 0, {"row": row})
    )


def _row(snake: Mapping[str, Any]) -> Row:
    """The row of an observation, whose field names are in snake case."""
    said = mapping(decoded(snake.get("model_parameters")))
    given = _value(snake.get("input"))
    output = _value(snake.get("output"))
    if isinstance(given, dict) and "role" not in given:
        columns = request_columns(given)
        columns["prompt"] = first(
            columns["prompt"], given["content"] if isinstance(given.get("content"), str) else None
        )
    else:
        columns = dict(zip(("system_prompt", "prompt"), prompts_of(given), strict=True))
    return {
        "exchange_id": snake.get("id"),
        "timestamp": moment(snake.get("start_time")),
        "organization_id": snake.get("project_id"),
        "model": first(snake.get("provided_model_name"), snake.get("model"), said.get("model")),
        "operation": "chat" if str(snake.get("type", "GENERATION")).upper() == CALLS[0] else "embeddings",
        **columns,
        "response": answered(output),
        "tool_names": first(_tools(decoded(snake.get("tool_definitions"))), columns.get("tool_names")),
        "temperature": number(said.get("temperature")),
        "top_p": number(said.get("top_p")),
        "max_tokens": number(first(said.get("max_tokens"), said.get("max_completion_tokens"))),
        **_counts(snake),
        "finish_reason": answer_columns(output)["finish_reason"] if isinstance(output, dict) else None,
        "latency_ms": first(
            milliseconds(snake.get("latency")), elapsed_ms(snake.get("start_time"), snake.get("end_time"))
        ),
        "status": 500 if snake.get("level") == "ERROR" else 200,
    }


def _counts(snake: Mapping[str, Any]) -> Row:
    """Input and output tokens: the sums over counts whose names contain `input` or `output`, as Langfuse
    computes them.
    """
    for usage in (mapping(decoded(snake.get(name))) for name in ("usage_details", "usage")):
        read = total(*(usage[name] for name in usage if "input" in name and "cost" not in name.lower()))
        written = total(*(usage[name] for name in usage if "output" in name and "cost" not in name.lower()))
        read = first(read, usage.get("prompt_tokens"), usage.get("promptTokens"))
        written = first(written, usage.get("completion_tokens"), usage.get("completionTokens"))
        if read is not None or written is not None:
            return {"input_tokens": read, "output_tokens": written}
    return {"input_tokens": snake.get("prompt_tokens"), "output_tokens": snake.get("completion_tokens")}


def _tools(definitions: Any) -> list[str] | None:  # noqa: ANN401  any JSON value
    """Names of tools in a definition; None where there is none."""
    if isinstance(definitions, dict):
        return list(definitions) or None
    if isinstance(definitions, list):
        return [str(first(at(one, "name"), at(one, "function", "name"), one)) for one in definitions] or None
    return None


def _value(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """A logged value; exports encode it as JSON, even text."""
    inner = decoded(value)
    if isinstance(inner, str) and len(inner) > 1 and inner[0] == inner[-1] == '"':
        import orjson

        try:
            return orjson.loads(inner)
        except orjson.JSONDecodeError:
            return inner
    return inner


def _snake(name: str) -> str:
    """A name converted from camel case to snake case."""
    return "".join("_" + c.lower() if c.isupper() else c for c in name)
