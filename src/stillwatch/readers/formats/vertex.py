"""Google Vertex AI's request-response logs, from BigQuery."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import answered, asked, decoded, tool_names
from stillwatch.readers.registry import Record, Row, at, first, log_format, mapping, moment, refusal, total


def _recognise(record: Record) -> str:
    if {"logging_time", "full_request", "request_id"} <= record.keys():
        return "`logging_time` and `full_request` of a request-response log"
    return ""


@log_format(
    title="Google Vertex AI request-response log",
    source="BigQuery request_response_logging; elastic/integrations gcp_vertexai",
    fields={
        "exchange_id": "request_id, else full_response.response_id", "timestamp": "logging_time",
        "account_id": "full_request.labels.user_id or .account, else endpoint", "organization_id": "project in endpoint",
        "conversation_id": "full_request.labels.session_id", "model": "model, else full_request.model",
        "operation": "api_method", "system_prompt": "full_request.system_instruction", "prompt": "full_request.contents",
        "response": "full_response.candidates[0]", "tool_names": "full_request.tools",
        "temperature": "full_request.generation_config.temperature", "top_p": "full_request.generation_config.top_p",
        "max_tokens": "full_request.generation_config.max_output_tokens", "stream": "api_method begins with stream",
        "input_tokens": "usage_metadata.prompt_token_count",
        "output_tokens": "usage_metadata.candidates_token_count and thoughts_token_count",
        "finish_reason": "candidates[0].finish_reason", "latency_ms": "metadata.request_latency",
    },
    known=(
        "logging_time", "request_id", "api_method", "model", "model_version", "endpoint", "deployed_model_id",
        "full_request", "full_response", "request_payload", "response_payload", "metadata", "otel_log",
    ),
    recognise=_recognise,
    notes=("The log is sampled at the rate set on the endpoint; it has no addresses and no caller unless labelled.",),
)  # fmt: skip
def vertex(record: Record) -> Iterator[Row]:
    request = mapping(decoded(record.get("full_request")))
    answer = mapping(decoded(record.get("full_response")))
    settings = mapping(first(request.get("generation_config"), request.get("generationConfig")))
    usage = mapping(first(answer.get("usage_metadata"), answer.get("usageMetadata"), answer.get("usage")))
    labels = mapping(request.get("labels"))
    system, prompt = asked(
        first(request.get("contents"), request.get("messages")),
        first(request.get("system_instruction"), request.get("systemInstruction"), request.get("system")),
    )
    candidates = answer.get("candidates")
    candidate = mapping(candidates[0] if isinstance(candidates, list) and candidates else None)
    endpoint = str(record.get("endpoint") or "")
    parts = endpoint.split("/")
    method = str(record.get("api_method") or "")
    meta = mapping(decoded(record.get("metadata")))
    yield {
        "exchange_id": first(record.get("request_id"), answer.get("response_id")),
        "timestamp": moment(record.get("logging_time")),
        "account_id": first(labels.get("user_id"), labels.get("account"), endpoint),
        "organization_id": parts[parts.index("projects") + 1] if "projects" in parts[:-1] else None,
        "conversation_id": labels.get("session_id"),
        "model": first(record.get("model"), request.get("model")),
        "operation": method or None,
        "system_prompt": system,
        "prompt": prompt,
        "response": answered(answer),
        "tool_names": tool_names(request.get("tools")),
        "temperature": settings.get("temperature"),
        "top_p": first(settings.get("top_p"), settings.get("topP")),
        "max_tokens": first(
            settings.get("max_output_tokens"), settings.get("maxOutputTokens"), request.get("max_tokens")
        ),
        "stream": method.lower().startswith("stream") if method else None,
        "input_tokens": first(
            usage.get("prompt_token_count"), usage.get("promptTokenCount"), usage.get("input_tokens")
        ),
        "output_tokens": first(
            total(
                first(usage.get("candidates_token_count"), usage.get("candidatesTokenCount")),
                first(usage.get("thoughts_token_count"), usage.get("thoughtsTokenCount")),
            ),
            usage.get("output_tokens"),
        ),
        "finish_reason": refusal(
            first(candidate.get("finish_reason"), candidate.get("finishReason"), answer.get("stop_reason")),
            at(answer, "stop_details", "category"),
        ),
        "latency_ms": meta.get("request_latency"),
    }
