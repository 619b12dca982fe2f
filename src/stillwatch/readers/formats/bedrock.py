"""Model invocation logs of Amazon Bedrock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stillwatch.readers.beside import Beside
from stillwatch.readers.content import answer_columns, decoded, request_columns, whole_answer
from stillwatch.readers.registry import (
    Record,
    Row,
    at,
    first,
    log_format,
    mapping,
    moment,
    nested,
    number,
    total,
)


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if record.get("schemaType") == "ModelInvocationLog":
        return "`schemaType` is ModelInvocationLog"
    if {"modelId", "requestId", "input", "output", "accountId"} <= record.keys():
        return "`modelId`, `requestId`, `input` and `output` of a model invocation log"
    return ""


@log_format(
    title="Amazon Bedrock model invocation log",
    source="schemaVersion 1.0, as in elastic/integrations aws_bedrock",
    fields={
        "exchange_id": "requestId",
        "timestamp": "timestamp (whole seconds)",
        "account_id": "identity.arn, else accountId",
        "organization_id": "accountId",
        "api_key_id": "identity.arn",
        "conversation_id": "requestMetadata.session_id",
        "model": "modelId",
        "operation": "operation",
        "system_prompt": "input.inputBodyJson.system",
        "prompt": "input.inputBodyJson: messages, prompt, inputText or message; or the file of "
        "inputBodyS3Path",
        "response": "output.outputBodyJson",
        "tool_names": "input.inputBodyJson.tools, .toolConfig.tools",
        "temperature": "inputBodyJson, .inferenceConfig, .textGenerationConfig",
        "top_p": "the same: top_p, topP or p",
        "max_tokens": "the same, under each model family's own name",
        "stream": "operation ends in Stream",
        "input_tokens": "input.inputTokenCount and cache reads and writes",
        "output_tokens": "output.outputTokenCount",
        "finish_reason": "output.outputBodyJson, under each family's own name",
        "latency_ms": "outputBodyJson.metrics.latencyMs",
        "status": "status, else 400 where errorCode is set, else 200",
    },
    known=(
        "schemaType",
        "schemaVersion",
        "timestamp",
        "accountId",
        "identity",
        "region",
        "requestId",
        "operation",
        "modelId",
        "inferenceRegion",
        "errorCode",
        "status",
        "requestMetadata",
        "input",
        "output",
    ),
    recognise=_recognise,
    notes=(
        "Addresses and programs are in CloudTrail, not here: what they tell is not looked at.",
        (
            "Bodies too large for the log are files of their own (`inputBodyS3Path`): they are read where "
            "they "
            "lie below the log's folder, as in the bucket; else the row has no text."
        ),
        (
            "Bodies are read in the shapes of Anthropic, Nova, Titan, Llama, Mistral, Cohere, AI21, DeepSeek "
            "and "
            "OpenAI models and of Converse."
        ),
    ),
    split=lambda record: (nested(record),),
    beside=True,
)
def bedrock(record: Record, beside: Beside | None) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    asked_for, given = mapping(record.get("input")), mapping(record.get("output"))
    body = mapping(_body(asked_for, "inputBody", beside))
    answer = whole_answer(_body(given, "outputBody", beside))
    metered = mapping(at(answer, "amazon-bedrock-invocationMetrics"))
    meta = mapping(decoded(record.get("requestMetadata")))
    operation = record.get("operation")
    arn = at(record, "identity", "arn")
    answered = answer_columns(answer)
    yield {
        "exchange_id": record.get("requestId"),
        "timestamp": moment(record.get("timestamp")),
        "account_id": first(arn, record.get("accountId")),
        "organization_id": record.get("accountId"),
        "api_key_id": arn,
        "conversation_id": first(meta.get("session_id"), meta.get("conversation_id"), meta.get("sessionId")),
        "model": record.get("modelId"),
        "operation": operation,
        **request_columns(body),
        **answered,
        "stream": str(operation).endswith("Stream") if operation else None,
        "input_tokens": total(
            first(asked_for.get("inputTokenCount"), metered.get("inputTokenCount"), answered["input_tokens"]),
            asked_for.get("cacheReadInputTokenCount"), asked_for.get("cacheWriteInputTokenCount"),
        ),
        "output_tokens": first(
            given.get("outputTokenCount"), metered.get("outputTokenCount"), answered["output_tokens"]
        ),
        "latency_ms": first(at(answer, "metrics", "latencyMs"), metered.get("invocationLatency")),
        "status": first(number(record.get("status")), 400 if record.get("errorCode") else 200),
    }  # fmt: skip


def _body(side: Record, name: str, beside: Beside | None) -> Any:  # noqa: ANN401  any JSON value
    """A body in the record, or in the file that the record names; None where there is neither."""
    body = first(decoded(side.get(f"{name}Json")), decoded(side.get(f"{name}")))
    if body is None and beside is not None:
        body = beside.document(side.get(f"{name}S3Path"))
    return body
