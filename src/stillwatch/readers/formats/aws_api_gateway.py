"""Access logs of Amazon API Gateway that include a body."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.content import body_in
from stillwatch.readers.http import call_columns, calls_model, joined, method_of, model_in, path_of
from stillwatch.readers.registry import Record, Row, address, first, log_format, moment

# Fields with the request's path, in the order tried.
PATHS = ("resourcePath", "path", "routeKey", "proxyPath", "rawPath")
BODY = ("requestBody", "request_body", "body", "input")  # fields with the request's body, in the order tried
ANSWER = ("responseBody", "response_body", "output")  # fields with the answer's body, in the order tried
# Fields with the account, in the order tried.
WHO = (
    "principalId",
    "userId",
    "user_id",
    "sub",
    "username",
    "user",
    "caller",
    "customerId",
    "apiKeyId",
    "api_key_id",
    "cognitoIdentityId",
    "userArn",
)


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if "requestId" not in record or "schemaType" in record:
        return ""
    client = {"ip", "sourceIp", "identity", "caller"} & record.keys()
    if (
        client
        and {"requestTime", "requestTimeEpoch"} & record.keys()
        and {"httpMethod", "routeKey", "resourcePath"} & record.keys()
    ):
        return "`requestId`, `requestTime` and `httpMethod` of an access log of API Gateway"
    return ""


@log_format(
    title="Amazon API Gateway access log",
    source="$context variables of access logging of REST, HTTP and WebSocket APIs, with a body that an "
    "integration or authorizer put there",
    fields={
        "exchange_id": "requestId, extendedRequestId",
        "timestamp": "requestTimeEpoch, else requestTime",
        "account_id": "the authorizer's principalId, sub, userId or accountId; caller, user; apiKeyId; else "
        "the address",
        "organization_id": "customerOrg, tenantId",
        "api_key_id": "apiKeyId",
        "model": "requestBody.model, else in the path",
        "operation": "resourcePath, path, routeKey",
        "client_ip": "ip, sourceIp",
        "user_agent": "userAgent",
        "system_prompt": "requestBody",
        "prompt": "requestBody",
        "response": "responseBody",
        "tool_names": "requestBody.tools",
        "temperature": "requestBody",
        "top_p": "requestBody",
        "max_tokens": "requestBody",
        "stream": "requestBody",
        "input_tokens": "responseBody.usage",
        "output_tokens": "responseBody.usage",
        "finish_reason": "responseBody",
        "latency_ms": "responseLatency",
        "status": "status",
    },
    known=(
        *PATHS,
        *BODY,
        *ANSWER,
        *WHO,
        "accountId",
        "requestId",
        "extendedRequestId",
        "ip",
        "sourceIp",
        "identity",
        "requestTime",
        "requestTimeEpoch",
        "httpMethod",
        "status",
        "protocol",
        "responseLength",
        "responseLatency",
        "integrationLatency",
        "integrationStatus",
        "userAgent",
        "stage",
        "apiId",
        "domainName",
        "authorizer",
        "error",
        "errorMessage",
        "integrationErrorMessage",
        "customerOrg",
        "tenantId",
        "xrayTraceId",
        "wafResponseCode",
    ),
    recognise=_recognise,
    notes=(
        (
            "The service logs no bodies by itself; without them there is no text and the model is known from "
            "the "
            "path only."
        ),
        (
            "`accountId` is the owner of the API and no caller. The names are the operator's own choice: "
            "those "
            "of AWS's examples are read, others by `--map` or a mapping file."
        ),
    ),
)
def aws_api_gateway(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    authorizer = body_in(record.get("authorizer"))
    inner = {**record, **body_in(record.get("identity")), **authorizer}
    fields = {name: value for name, value in inner.items() if value != "-"}
    body = body_in(first(*(fields.get(name) for name in BODY)))
    paths = [fields.get(name) for name in PATHS if isinstance(fields.get(name), str)]
    route = str(fields.get("routeKey") or "")
    method = method_of(fields.get("httpMethod"), route)
    path = path_of(first(fields.get("path"), fields.get("rawPath"), *paths))
    answer = first(*(fields.get(name) for name in ANSWER))
    if not calls_model(method, path, body, answer):
        return
    client = address(first(fields.get("ip"), fields.get("sourceIp")))
    row = {
        "exchange_id": first(fields.get("requestId"), fields.get("extendedRequestId")),
        "timestamp": moment(first(fields.get("requestTimeEpoch"), fields.get("requestTime"))),
        "account_id": first(
            authorizer.get("accountId"),
            authorizer.get("account_id"),
            *(fields.get(name) for name in WHO),
            client,
        ),
        "organization_id": first(fields.get("customerOrg"), fields.get("tenantId")),
        "api_key_id": first(fields.get("apiKeyId"), fields.get("api_key_id")),
        "model": first(body.get("model"), body.get("modelId"), model_in(*paths)),
        "client_ip": client,
        "user_agent": fields.get("userAgent"),
        "latency_ms": first(fields.get("responseLatency"), fields.get("integrationLatency")),
        "status": fields.get("status"),
    }
    yield joined(row, call_columns(body, answer, path))
