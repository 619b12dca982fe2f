"""Amazon Bedrock's model invocation logs."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import answered, asked, decoded, from_events, tool_names
from stillwatch.readers.registry import Record, Row, at, first, log_format, mapping, moment, refusal, total


def _recognise(record: Record) -> str:
    if record.get("schemaType") == "ModelInvocationLog":
        return "`schemaType` is ModelInvocationLog"
    return ""


@log_format(
    title="Amazon Bedrock model invocation log",
    source="schemaVersion 1.0, as in elastic/integrations aws_bedrock",
    fields={
        "exchange_id": "requestId", "timestamp": "timestamp (whole seconds)", "account_id": "identity.arn, else accountId",
        "organization_id": "accountId", "api_key_id": "identity.arn", "conversation_id": "requestMetadata.session_id",
        "model": "modelId", "operation": "operation", "system_prompt": "input.inputBodyJson.system",
        "prompt": "input.inputBodyJson.messages", "response": "output.outputBodyJson",
        "tool_names": "input.inputBodyJson.tools, .toolConfig.tools",
        "temperature": "inputBodyJson.temperature, .inferenceConfig.temperature", "top_p": "the same, top_p or topP",
        "max_tokens": "the same, max_tokens or maxTokens", "stream": "operation ends in Stream",
        "input_tokens": "input.inputTokenCount and cache reads and writes", "output_tokens": "output.outputTokenCount",
        "finish_reason": "output.outputBodyJson.stop_reason, .stopReason", "latency_ms": "outputBodyJson.metrics.latencyMs",
        "status": "400 where errorCode is set",
    },
    known=(
        "schemaType", "schemaVersion", "timestamp", "accountId", "identity", "region", "requestId", "operation", "modelId",
        "inferenceRegion", "errorCode", "status", "requestMetadata", "input", "output",
    ),
    recognise=_recognise,
    notes=(
        "Addresses and programs are in CloudTrail, not here: what they tell is not looked at.",
        "Bodies too large for the log are references; their text is absent.",
    ),
)  # fmt: skip
def bedrock(record: Record) -> Iterator[Row]:
    asked_for, given = mapping(record.get("input")), mapping(record.get("output"))
    body = mapping(decoded(asked_for.get("inputBodyJson")))
    answer = decoded(given.get("outputBodyJson"))
    if isinstance(answer, list):
        answer = from_events(answer)
    answer = answer if isinstance(answer, dict) else {}
    settings = mapping(first(body.get("inferenceConfig"), body))
    system, prompt = asked(
        first(body.get("messages"), body.get("prompt"), body.get("inputText")), body.get("system")
    )
    meta = mapping(decoded(record.get("requestMetadata")))
    operation = record.get("operation")
    arn = at(record, "identity", "arn")
    usage = mapping(answer.get("usage"))
    yield {
        "exchange_id": record.get("requestId"),
        "timestamp": moment(record.get("timestamp")),
        "account_id": first(arn, record.get("accountId")),
        "organization_id": record.get("accountId"),
        "api_key_id": arn,
        "conversation_id": first(meta.get("session_id"), meta.get("conversation_id")),
        "model": record.get("modelId"),
        "operation": operation,
        "system_prompt": system,
        "prompt": prompt,
        "response": answered(first(at(answer, "output", "message"), answer)),
        "tool_names": tool_names(first(body.get("tools"), at(body, "toolConfig", "tools"))),
        "temperature": settings.get("temperature"),
        "top_p": first(settings.get("top_p"), settings.get("topP")),
        "max_tokens": first(settings.get("max_tokens"), settings.get("maxTokens")),
        "stream": str(operation).endswith("Stream") if operation else None,
        "input_tokens": total(
            first(asked_for.get("inputTokenCount"), usage.get("input_tokens"), usage.get("inputTokens")),
            asked_for.get("cacheReadInputTokenCount"), asked_for.get("cacheWriteInputTokenCount"),
        ),
        "output_tokens": first(given.get("outputTokenCount"), usage.get("output_tokens"), usage.get("outputTokens")),
        "finish_reason": refusal(
            first(answer.get("stop_reason"), answer.get("stopReason")), at(answer, "stop_details", "category")
        ),
        "latency_ms": at(answer, "metrics", "latencyMs"),
        "status": 400 if record.get("errorCode") else 200,
    }  # fmt: skip
