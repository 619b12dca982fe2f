"""One world's exchanges written as vendors would have logged them."""

import json

import pyarrow.dataset as ds


def rows(world):
    """The world's exchanges as dictionaries, without what no vendor's log carries."""
    for row in ds.dataset(world / "exchanges").to_table().sort_by("exchange_id").to_pylist():
        yield row | {"asn": None, "country": None, "seconds": row["timestamp"].timestamp()}


def body(row):
    turns = [{"role": "system", "content": row["system_prompt"]}] if row["system_prompt"] else []
    said = {
        name: row[name] for name in ("temperature", "top_p", "max_tokens", "stream") if row[name] is not None
    }
    tools = [{"type": "function", "function": {"name": name}} for name in row["tool_names"] or ()]
    more = {"tools": tools} if tools else {}
    return {
        "model": row["model"],
        "messages": [*turns, {"role": "user", "content": row["prompt"]}],
        **said,
        **more,
    }


def answer(row):
    return {
        "id": row["exchange_id"],
        "object": "chat.completion",
        "model": row["model"],
        "choices": [
            {"message": {"role": "assistant", "content": "-"}, "finish_reason": row["finish_reason"]}
        ],
        "usage": {"prompt_tokens": row["input_tokens"], "completion_tokens": row["output_tokens"]},
    }


def contract(row):
    kept = (
        "exchange_id",
        "account_id",
        "organization_id",
        "conversation_id",
        "model",
        "client_ip",
        "user_agent",
        "tls_fingerprint",
        "system_prompt",
        "prompt",
        "tool_names",
        "temperature",
        "top_p",
        "max_tokens",
        "stream",
        "input_tokens",
        "output_tokens",
        "status",
    )
    return {name: row[name] for name in kept} | {
        "timestamp": row["timestamp"].isoformat(),
        "operation": "chat",
    }


def native(row):
    return {
        "request_id": row["exchange_id"],
        "timestamp": row["timestamp"].isoformat(),
        "account_id": row["account_id"],
        "organization_id": row["organization_id"],
        "conversation_id": row["conversation_id"],
        "client_ip": row["client_ip"],
        "user_agent": row["user_agent"],
        "ja4": row["tls_fingerprint"],
        "status": row["status"],
        "request": body(row),
        "response": answer(row),
    }


def litellm(row):
    asked = body(row)
    return {
        "id": row["exchange_id"],
        "session_id": row["conversation_id"],
        "call_type": "chat",
        "startTime": row["seconds"],
        "model": row["model"],
        "model_group": row["model"],
        "stream": row["stream"],
        "prompt_tokens": row["input_tokens"],
        "completion_tokens": row["output_tokens"],
        "requester_ip_address": row["client_ip"],
        "user_agent": row["user_agent"],
        "messages": asked["messages"],
        "response": answer(row),
        "model_parameters": asked,
        "metadata": {
            "user_api_key_hash": None,
            "user_api_key_user_id": row["account_id"],
            "user_api_key_org_id": row["organization_id"],
            "requester_custom_headers": {"x-ja4": row["tls_fingerprint"]},
        },
        "status": "success",
        "error_information": {"error_code": str(row["status"])},
    }


def nginx(row):
    return {
        "request_id": row["exchange_id"],
        "msec": f"{row['seconds']:.6f}",
        "remote_addr": row["client_ip"],
        "uri": "chat",
        "request_uri": "/v1/chat",
        "status": str(row["status"]),
        "http_user_agent": row["user_agent"] or "-",
        "http_x_user_id": row["account_id"],
        "http_x_organization_id": row["organization_id"] or "-",
        "http_x_session_id": row["conversation_id"] or "-",
        "http_x_ja4": row["tls_fingerprint"] or "-",
        "request_body": json.dumps(body(row)),
        "response_body": json.dumps(answer(row)),
    }


def _value(value):
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    return {kinds[type(value)]: str(value) if type(value) is int else value}


def otlp(row):
    nanos = str(int(row["timestamp"].timestamp()) * 10**9 + row["timestamp"].microsecond * 1000)
    asked = body(row)
    turns = [
        {"role": t["role"], "parts": [{"type": "text", "content": t["content"]}]}
        for t in asked["messages"][-1:]
    ]
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": row["model"],
        "gen_ai.response.id": row["exchange_id"],
        "gen_ai.conversation.id": row["conversation_id"],
        "gen_ai.request.temperature": row["temperature"],
        "gen_ai.request.top_p": row["top_p"],
        "gen_ai.request.max_tokens": row["max_tokens"],
        "gen_ai.request.stream": row["stream"],
        "gen_ai.usage.input_tokens": row["input_tokens"],
        "gen_ai.usage.output_tokens": row["output_tokens"],
        "gen_ai.input.messages": json.dumps(turns),
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": row["system_prompt"]}])
        if row["system_prompt"]
        else None,
        "gen_ai.tool.definitions": json.dumps(asked.get("tools", [])),
    }
    who = {
        "user.id": row["account_id"],
        "organization.id": row["organization_id"],
        "client.address": row["client_ip"],
        "user_agent.original": row["user_agent"],
        "tls.client.ja4": row["tls_fingerprint"],
        "http.response.status_code": row["status"],
    }
    trace = f"{abs(hash(row['exchange_id'])):032x}"[:32]
    spans = [
        {"traceId": trace, "spanId": "a", "startTimeUnixNano": nanos,
         "attributes": [{"key": k, "value": _value(v)} for k, v in some.items() if v is not None]}
        for some in (said, who)
    ]  # fmt: skip
    return {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}


WRITERS = {
    "contract": contract,
    "native": native,
    "litellm_payload": litellm,
    "nginx_json": nginx,
    "otlp": otlp,
}


def write(world, folder, name):
    """The world's exchanges in one format, with its account table beside them."""
    folder.mkdir()
    with (folder / "log.jsonl").open("w") as file:
        for row in rows(world):
            file.write(json.dumps(WRITERS[name](row)) + "\n")
    (folder / "accounts.parquet").write_bytes((world / "accounts.parquet").read_bytes())
    (folder / "releases.parquet").write_bytes((world / "releases.parquet").read_bytes())
