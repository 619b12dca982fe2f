"""LangSmith runs, from its API, its bulk export or its web page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stillwatch.readers.content import answer_columns, answered, body_in, decoded, prompts_of, tool_names
from stillwatch.readers.http import joined
from stillwatch.readers.registry import (
    UNATTRIBUTED,
    Record,
    Row,
    at,
    elapsed_ms,
    first,
    log_format,
    mapping,
    moment,
)

# Fields with the account, in the order tried.
USERS = ("user_id", "userId", "user", "ls_user_id", "account_id", "langgraph_auth_user_id", "customer_id")
SESSIONS = ("thread_id", "session_id", "conversation_id")  # fields with the conversation, in the order tried


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if (
        "run_type" in record
        and "start_time" in record
        and not {"inputs", "outputs", "extra", "trace_id", "dotted_order"}.isdisjoint(record)
    ):
        return "`run_type`, `inputs` and `start_time` of a run"
    several = record.get("runs")
    if isinstance(several, list):
        return next((why for one in several if isinstance(one, dict) and (why := _recognise(one))), "")
    return ""


def _runs(record: Record) -> Iterable[Record]:
    """The run and its child runs, or the runs on a page of the API."""
    if "run_type" in record or "runs" not in record:
        yield record
    for name in ("runs", "child_runs"):
        inner = record.get(name)
        for one in inner if isinstance(inner, list) else ():
            if isinstance(one, dict):
                yield from _runs(one)


@log_format(
    title="LangSmith runs",
    source="run schema of langsmith-sdk 0.x, bulk export, POST /runs/query",
    fields={
        "exchange_id": "id",
        "timestamp": "start_time",
        "account_id": "extra.metadata.user_id, .user, .langgraph_auth_user_id, ...; else session_name or "
        "session_id; else `unattributed`",
        "organization_id": "session_name, session_id, tenant_id",
        "conversation_id": "extra.metadata.thread_id, .session_id; else trace_id",
        "model": "extra.invocation_params.model, extra.metadata.ls_model_name",
        "operation": "name",
        "system_prompt": "inputs.messages",
        "prompt": "inputs.messages, .prompts, .input",
        "response": "outputs.generations, .choices, .output",
        "tool_names": "extra.invocation_params.tools, inputs.tools",
        "temperature": "extra.invocation_params.temperature",
        "top_p": "extra.invocation_params.top_p",
        "max_tokens": "extra.invocation_params.max_tokens, extra.metadata.ls_max_tokens",
        "stream": "extra.invocation_params.stream",
        "input_tokens": "prompt_tokens, outputs.llm_output.token_usage",
        "output_tokens": "completion_tokens, outputs.llm_output.token_usage",
        "finish_reason": "outputs.generations[0].generation_info",
        "latency_ms": "end_time",
        "status": "500 where error is set",
    },
    known=(
        "runs",
        "cursors",
        "id",
        "name",
        "run_type",
        "start_time",
        "end_time",
        "inputs",
        "outputs",
        "extra",
        "error",
        "session_id",
        "session_name",
        "trace_id",
        "parent_run_id",
        "parent_run_ids",
        "child_runs",
        "child_run_ids",
        "dotted_order",
        "tags",
        "events",
        "status",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_cost",
        "completion_cost",
        "total_cost",
        "first_token_time",
        "feedback_stats",
        "serialized",
        "reference_example_id",
        "execution_order",
        "manifest_id",
        "app_path",
        "tenant_id",
        "is_root",
        "inputs_preview",
        "outputs_preview",
        "metadata",
        "invocation_params",
        "thread_id",
        "in_dataset",
        "share_token",
        "latency",
    ),
    recognise=_recognise,
    split=_runs,
    notes=(
        "Runs of type llm are exchanges; chains, tools and retrievers are passed over.",
        "The log has no addresses and no programs.",
    ),
)
def langsmith(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    if str(record.get("run_type")).lower() not in ("llm", "embedding"):
        return
    extra = mapping(decoded(record.get("extra")))
    meta = {**mapping(decoded(record.get("metadata"))), **mapping(decoded(extra.get("metadata")))}
    params = body_in(first(extra.get("invocation_params"), record.get("invocation_params")))
    inputs, outputs = body_in(record.get("inputs")), body_in(record.get("outputs"))
    project = first(record.get("session_name"), record.get("session_id"), record.get("tenant_id"))
    said = first(
        *(inputs.get(name) for name in ("messages", "prompts", "prompt", "input", "question", "text"))
    )
    system, prompt = prompts_of(said, first(inputs.get("system"), params.get("system")))
    failed = record.get("error") not in (None, "")
    row = {
        "exchange_id": record.get("id"),
        "timestamp": moment(record.get("start_time")),
        "account_id": first(*(meta.get(name) for name in USERS), project, UNATTRIBUTED),
        "organization_id": project,
        "conversation_id": first(
            *(meta.get(name) for name in SESSIONS), record.get("thread_id"), record.get("trace_id")
        ),
        "model": first(
            *(params.get(name) for name in ("model", "model_name", "model_id", "deployment_name")),
            meta.get("ls_model_name"),
            inputs.get("model"),
        ),
        "operation": first(record.get("name"), "chat"),
        "system_prompt": system,
        "prompt": prompt,
        "tool_names": tool_names(first(params.get("tools"), params.get("functions"), inputs.get("tools"))),
        "temperature": first(params.get("temperature"), meta.get("ls_temperature")),
        "top_p": params.get("top_p"),
        "max_tokens": first(
            params.get("max_tokens"),
            params.get("max_completion_tokens"),
            params.get("max_output_tokens"),
            meta.get("ls_max_tokens"),
        ),
        "stream": params.get("stream"),
        "latency_ms": elapsed_ms(record.get("start_time"), record.get("end_time")),
        "status": 500 if failed else 200,
    }
    yield joined(row, _given(record, outputs))


def _given(record: Record, outputs: Mapping[str, Any]) -> Row:
    """The columns of the answer, given as LangChain's generations or in a provider's form."""
    generation: Any = outputs.get("generations")
    for _deep in range(2):
        generation = generation[0] if isinstance(generation, list) and generation else generation
    generation = mapping(generation)
    usage = mapping(
        first(at(outputs, "llm_output", "token_usage"), at(outputs, "usage_metadata"), at(outputs, "usage"))
    )
    info = mapping(generation.get("generation_info"))
    columns = answer_columns(
        {k: v for k, v in outputs.items() if k not in ("generations", "llm_output")} or None
    )
    text = first(generation.get("text"), answered(generation.get("message")))
    return {
        "input_tokens": first(
            record.get("prompt_tokens"), usage.get("prompt_tokens"), usage.get("input_tokens")
        ),
        "output_tokens": first(
            record.get("completion_tokens"), usage.get("completion_tokens"), usage.get("output_tokens")
        ),
        **{
            name: value
            for name, value in columns.items()
            if name not in ("input_tokens", "output_tokens", "response")
        },
        "response": first(text, columns["response"]),
        "finish_reason": first(info.get("finish_reason"), info.get("stop_reason"), columns["finish_reason"]),
    }
