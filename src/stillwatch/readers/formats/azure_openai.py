"""Azure OpenAI's diagnostic logs, and API Management's gateway logs, which have the bodies."""

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
    log_format,
    moment,
)


def _recognise(record: Record) -> str:
    if record.get("category") == "RequestResponse" and "operationName" in record and "resourceId" in record:
        return "`category` is RequestResponse, with `operationName` and `resourceId`"
    if record.get("category") == "GatewayLogs" and "properties" in record:
        return "`category` is GatewayLogs, of API Management"
    if (
        isinstance(record.get("records"), list)
        and record["records"]
        and isinstance(record["records"][0], dict)
    ):
        return _recognise(record["records"][0])
    return ""


def _entries(record: Record) -> list[Record]:
    several = record.get("records")
    return several if isinstance(several, list) else [record]


@log_format(
    title="Azure OpenAI diagnostic log",
    source="category RequestResponse, and API Management's GatewayLogs; elastic/integrations azure_openai",
    fields={
        "exchange_id": "correlationId", "timestamp": "time", "organization_id": "resourceId",
        "account_id": "properties.objectId, else properties.subscriptionId or apiKey id, else callerIpAddress, else resourceId",
        "model": "properties.modelName, else .modelDeploymentName", "operation": "operationName",
        "client_ip": "callerIpAddress, unless masked", "system_prompt": "properties.requestBody.messages",
        "prompt": "properties.requestBody.messages", "response": "properties.responseBody",
        "tool_names": "properties.requestBody.tools", "temperature": "properties.requestBody.temperature",
        "top_p": "properties.requestBody.top_p", "max_tokens": "properties.requestBody.max_tokens",
        "stream": "properties.streamType, .requestBody.stream", "input_tokens": "properties.responseBody.usage",
        "output_tokens": "properties.responseBody.usage", "finish_reason": "properties.responseBody.choices[0]",
        "latency_ms": "durationMs, unless negative", "status": "resultSignature, properties.responseCode",
    },
    known=(
        "time", "category", "callerIpAddress", "correlationId", "durationMs", "operationName", "resourceId",
        "resultSignature", "properties", "records", "location", "operationVersion", "resultType", "Level", "tenantId",
        "event", "isRequestSuccess",
    ),
    recognise=_recognise,
    split=_entries,
    notes=(
        "The diagnostic log has no text and a masked address; API Management's gateway log has both.",
        "Where no caller is named, all of a resource's traffic is one account.",
    ),
)  # fmt: skip
def azure_openai(record: Record) -> Iterator[Row]:
    if not isinstance(record, dict):
        raise Malformed(None, "entry is not an object")
    more = decoded(record.get("properties")) or {}
    if not isinstance(more, dict):
        raise Malformed(None, "`properties` is not an object")
    body, answer = decoded(more.get("requestBody")), decoded(more.get("responseBody"))
    body, answer = (one if isinstance(one, dict) else {} for one in (body, answer))
    caller = record.get("callerIpAddress")
    whole = None if not isinstance(caller, str) or "*" in caller else address(caller)
    lasted = record.get("durationMs")
    said = request_columns(body)
    code = str(first(more.get("responseCode"), record.get("resultSignature")) or "")
    stream = str(more.get("streamType") or "")
    yield {
        "exchange_id": first(record.get("correlationId"), more.get("correlationId")),
        "timestamp": moment(record.get("time")),
        "account_id": first(
            more.get("objectId"),
            more.get("subscriptionId"),
            more.get("userId"),
            whole,
            record.get("resourceId"),
        ),
        "organization_id": record.get("resourceId"),
        "model": first(
            more.get("modelName"), more.get("modelDeploymentName"), body.get("model"), at(answer, "model")
        ),
        "operation": record.get("operationName"),
        "client_ip": whole,
        **said,
        **answer_columns(answer),
        "stream": first(said["stream"], stream != "Non-Streaming" if stream else None),
        "latency_ms": lasted if isinstance(lasted, int | float) and lasted >= 0 else None,
        "status": code,
    }
