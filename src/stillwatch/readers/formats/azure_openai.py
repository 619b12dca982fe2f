"""Azure OpenAI diagnostic logs, and API Management gateway logs, which contain the bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stillwatch.readers.beside import Beside
from stillwatch.readers.content import (
    answer_columns,
    body_in,
    decoded,
    prompts_of,
    request_columns,
    whole_answer,
)
from stillwatch.readers.http import calls_model, joined, method_of, model_in, path_of
from stillwatch.readers.joining import Fragment, JoinedPart, Placed, joined_format
from stillwatch.readers.registry import (
    Malformed,
    Record,
    Row,
    address,
    at,
    first,
    header,
    moment,
    number,
)

GATEWAY, MODEL, SERVICE = "gatewaylogs", "gatewayllmlogs", "requestresponse"
"""Kinds of records."""
KINDS = {
    "gatewaylogs": GATEWAY,
    "apimanagementgatewaylogs": GATEWAY,
    "gatewayllmlogs": MODEL,
    "gatewayllmlog": MODEL,
    "apimanagementgatewayllmlog": MODEL,
    "requestresponse": SERVICE,
    "trace": SERVICE,
}
"""Kind of a record by its category or type."""
CALLS = re.compile(
    r"completion|embedding|response|generat|inference|messages|speech|transcri|translat|image", re.IGNORECASE
)
"""Operations that are model calls."""
WHEN = ("time", "timegenerated", "timestamp", "timegenerated [utc]")
"""Fields that hold the time."""
PIECES = ("requestmessages", "responsemessages")
"""Fields that hold a piece of the messages."""


def _flat(record: Record) -> dict[str, Any]:
    """A record's fields and those of its properties, with names in lower case, since the three exports differ
    in case and nesting.
    """
    fields = {str(name).lower(): value for name, value in record.items()}
    more = decoded(first(fields.get("properties"), fields.get("properties_s")))
    for name, value in (more if isinstance(more, dict) else {}).items():
        fields.setdefault(str(name).lower(), value)
    for name in [name for name in fields if name.endswith(("_s", "_d", "_g", "_b"))]:
        fields.setdefault(name[:-2], fields[name])
    return fields


def _kind(fields: Mapping[str, Any]) -> str | None:
    """The kind of a record; None where it is none of `KINDS`."""
    for name in ("category", "type"):
        value = fields.get(name)
        if isinstance(value, str) and value.lower() in KINDS:
            return KINDS[value.lower()]
    if "requestmessages" in fields and "correlationid" in fields:
        return MODEL
    return None


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    several = record.get("records")
    if isinstance(several, list):
        return next((why for one in several if isinstance(one, dict) and (why := _recognise(one))), "")
    lower = {str(name).lower() for name in record}
    if not lower & {"category", "type", "requestmessages"} or not lower & set(WHEN):
        return ""
    fields = {str(name).lower(): value for name, value in record.items()}
    kind = _kind(fields)
    if kind == SERVICE and "operationname" in fields and ("resourceid" in fields or "_resourceid" in fields):
        return "`category` is RequestResponse, with `operationName` and `resourceId`"
    if kind == GATEWAY and ("properties" in fields or "correlationid" in fields):
        return "`category` is GatewayLogs, of API Management"
    if kind == MODEL and ("properties" in fields or "correlationid" in fields):
        return "`category` is GatewayLlmLogs, of API Management"
    return ""


def _entries(record: Record) -> list[Record]:
    """The entries in a record's `records`, or the record itself."""
    several = record.get("records")
    return several if isinstance(several, list) else [record]


def _assemble(several: Sequence[Placed], _beside: Beside | None) -> Iterator[tuple[Placed, Row | Malformed]]:
    """The row of a call: the gateway's record, completed by the model's log, whose messages are split into
    pieces.
    """
    ordered = sorted(several, key=lambda one: one.order)
    gateway = [one for one in ordered if one.fragment.rank == 0]
    models = [one for one in ordered if one.fragment.rank == 1]
    pieces = [one.fragment.content for one in models if "sequence" in one.fragment.content]
    said: dict[str, str] = {}
    for name in PIECES:
        texts = {part["sequence"]: part[name] for part in reversed(pieces) if part.get(name)}
        said[name] = "".join(texts[place] for place in sorted(texts))
    system, prompt = prompts_of(said[PIECES[0]])
    answer = answer_columns(said[PIECES[1]])["response"]
    text = {"system_prompt": system, "prompt": prompt, "response": answer}
    lead, *rest = gateway or models[:1]
    rows = [
        one.fragment.content.get("row", {}) for one in (lead, *(one for one in models if one is not lead))
    ]
    yield lead, joined(*rows, text)
    yield from ((one, one.fragment.content.get("row", {})) for one in rest)


def _whole(several: Sequence[Placed]) -> bool:
    """Whether no other records are needed, because the gateway's log has the request's body."""
    return any(one.fragment.content.get("whole") for one in several)


@joined_format(
    title="Azure OpenAI diagnostic log, and API Management's logs of its gateway and of models",
    source="category RequestResponse, GatewayLogs and GatewayLlmLogs (ApiManagementGatewayLlmLog); "
    "elastic/integrations azure_openai",
    fields={
        "exchange_id": "correlationId",
        "timestamp": "time",
        "organization_id": "resourceId",
        "account_id": "properties.objectId, else .apimSubscriptionId, .subscriptionId, .userId, else "
        "callerIpAddress, else resourceId",
        "model": "properties.modelName, .modelDeploymentName, .deploymentName; .requestBody.model; the "
        "deployment in .backendUrl or .url; "
        ".responseBody.model",
        "operation": "properties.operationId, else operationName",
        "client_ip": "callerIpAddress, unless masked",
        "user_agent": "properties.requestHeaders[User-Agent]",
        "system_prompt": "properties.requestBody, .backendRequestBody, .requestMessages",
        "prompt": "the same",
        "response": "properties.responseBody, .backendResponseBody, .responseMessages; "
        "a stream is put together",
        "tool_names": "properties.requestBody.tools",
        "temperature": "properties.requestBody.temperature",
        "top_p": "properties.requestBody.top_p",
        "max_tokens": "properties.requestBody.max_tokens",
        "stream": "properties.streamType, .isStreamCompletion, .requestBody.stream",
        "input_tokens": "properties.responseBody.usage, .promptTokens",
        "output_tokens": "properties.responseBody.usage, .completionTokens",
        "finish_reason": "properties.responseBody.choices[0]",
        "latency_ms": "durationMs, totalTime, unless negative",
        "status": "properties.responseCode, resultSignature",
    },
    known=(
        "time",
        "category",
        "callerIpAddress",
        "correlationId",
        "durationMs",
        "operationName",
        "resourceId",
        "resultSignature",
        "properties",
        "records",
        "location",
        "operationVersion",
        "resultType",
        "Level",
        "tenantId",
        "event",
        "isRequestSuccess",
        "Tenant",
        "DeploymentVersion",
        "Sku",
        "truncated",
        "TenantId",
        "TimeGenerated",
        "ResourceId",
        "_ResourceId",
        "Category",
        "OperationName",
        "ResultSignature",
        "DurationMs",
        "CallerIPAddress",
        "CorrelationId",
        "properties_s",
        "Type",
        "CallerIpAddress",
        "ApimSubscriptionId",
        "RequestBody",
        "ResponseBody",
        "BackendRequestBody",
        "BackendResponseBody",
        "ResponseCode",
        "BackendResponseCode",
        "Url",
        "BackendUrl",
        "Method",
        "BackendMethod",
        "UserId",
        "ProductId",
        "OperationId",
        "ApiId",
        "ApiRevision",
        "RequestHeaders",
        "TotalTime",
        "Region",
        "IsRequestSuccess",
        "RequestMessages",
        "ResponseMessages",
        "SequenceNumber",
        "PromptTokens",
        "CompletionTokens",
        "TotalTokens",
        "ModelName",
        "DeploymentName",
        "IsStreamCompletion",
        "RequestId",
        "BackendId",
        "SourceSystem",
        "ResourceGroup",
        "SubscriptionId",
    ),
    recognise=_recognise,
    split=_entries,
    assemble=_assemble,
    is_whole=_whole,
    notes=(
        "The diagnostic log has no text and a masked address; API Management's logs have both.",
        (
            "The log of models (`ApiManagementGatewayLlmLog`) has long messages in several rows, and no "
            "account: "
            "its rows are joined by `correlationId` with each other and with the gateway's, in a file and "
            "over "
            "the files of a folder."
        ),
        "Where no caller is named, all of a resource's traffic is one account.",
        (
            "Audit records, operations that call no model (`Create_Thread`) and requests that read or probe "
            "are "
            "passed over."
        ),
    ),
)
def azure_openai(record: Record) -> JoinedPart:
    """The fragment or row in a record; None where the record is no exchange."""
    if not isinstance(record, dict):
        raise Malformed(None, "entry is not an object")
    fields = _flat(record)
    kind = _kind(fields)
    if kind == MODEL:
        return _of_model(fields)
    body = body_in(first(fields.get("requestbody"), fields.get("backendrequestbody")))
    if kind is None or not _is_call(fields, kind, body):
        return None
    row = _row(fields, body)
    key = row["exchange_id"]
    waits = kind == GATEWAY and row.get("prompt") is None and isinstance(key, str)
    return Fragment(key, 0, {"row": row}) if waits else row


def _is_call(fields: Mapping[str, Any], kind: str, body: Mapping[str, Any]) -> bool:
    """Whether a record of this kind is a model call, by its operation, its model or its URL."""
    operation = str(first(fields.get("operationid"), fields.get("operationname")) or "")
    if kind == SERVICE:
        named = first(fields.get("modelname"), fields.get("modeldeploymentname"))
        return named is not None or CALLS.search(operation) is not None
    url = first(fields.get("url"), fields.get("backendurl"))
    return CALLS.search(operation) is not None or calls_model(
        method_of(fields.get("method")), path_of(url), body, fields.get("responsebody")
    )


def _row(fields: Mapping[str, Any], body: Record) -> Row:
    """The row of a diagnostic record or a gateway record."""
    given = whole_answer(first(fields.get("responsebody"), fields.get("backendresponsebody")))
    answer = answer_columns(given)
    client = address(first(fields.get("calleripaddress"), fields.get("callerip")))
    lasted = number(first(fields.get("durationms"), fields.get("totaltime")))
    said = request_columns(body)
    stream = str(fields.get("streamtype") or "")
    resource = first(fields.get("resourceid"), fields.get("_resourceid"))
    return {
        "exchange_id": first(fields.get("correlationid"), fields.get("requestid")),
        "timestamp": moment(first(*(fields.get(name) for name in WHEN))),
        "account_id": first(
            *(fields.get(name) for name in ("objectid", "apimsubscriptionid", "subscriptionid", "userid")),
            client,
            resource,
        ),
        "organization_id": resource,
        "model": first(
            fields.get("modelname"),
            fields.get("modeldeploymentname"),
            body.get("model"),
            model_in(fields.get("backendurl"), fields.get("url")),
            at(given, "model"),
        ),
        "operation": first(fields.get("operationid"), fields.get("operationname")),
        "client_ip": client,
        "user_agent": header(decoded(fields.get("requestheaders")), "user-agent"),
        **said,
        **answer,
        "stream": first(said["stream"], stream != "Non-Streaming" if stream else None),
        "latency_ms": lasted if lasted is not None and lasted >= 0 else None,
        "status": str(
            first(
                fields.get("responsecode"), fields.get("resultsignature"), fields.get("backendresponsecode")
            )
            or ""
        ),
    }


def _of_model(fields: Mapping[str, Any]) -> JoinedPart:
    """The fragment of a record in the models' log: a piece of the messages, and in some records the token
    counts.
    """
    resource = first(fields.get("resourceid"), fields.get("_resourceid"))
    row: Row = {
        "exchange_id": fields.get("correlationid"),
        "timestamp": moment(first(*(fields.get(name) for name in WHEN))),
        "account_id": resource,
        "organization_id": resource,
        "model": first(fields.get("modelname"), fields.get("deploymentname")),
        "operation": fields.get("operationname"),
        "stream": fields.get("isstreamcompletion"),
        "input_tokens": number(fields.get("prompttokens")) or None,
        "output_tokens": number(fields.get("completiontokens")) or None,
    }
    pieces = {name: _text(fields.get(name)) for name in PIECES}
    key = row["exchange_id"]
    if not isinstance(key, str) or not key:
        system, prompt = prompts_of(pieces[PIECES[0]])
        return row | {
            "system_prompt": system,
            "prompt": prompt,
            "response": answer_columns(pieces[PIECES[1]])["response"],
        }
    return Fragment(key, 1, {"row": row, "sequence": number(fields.get("sequencenumber")) or 0, **pieces})


def _text(value: Any) -> str | None:  # noqa: ANN401  any JSON value
    """A piece of JSON text; a value that an export has parsed is encoded again."""
    if value is None or isinstance(value, str):
        return value or None
    import orjson

    return orjson.dumps(value).decode()
