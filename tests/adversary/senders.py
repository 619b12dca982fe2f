"""Logs as an operator would fill them who wants to vanish, stall or crash: every field that a client chooses
holds anything.

`log_of` writes one log in one reader's format, of honest rows and of hostile ones between them. A field is
hostile only where a gateway logs what the client sent: in the body of the request, in its headers, in ids,
and in what the model repeats of it.
"""

import copy
import csv
import io
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from tests.readers.shippers import WRAPS, T, text
from tests.readers.vendors import FIXTURES, VLLM

TEXTS = [
    "",
    " ",
    "-",
    "\ud83d",
    "a\udc00b",
    "\x00",
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "\u202egnp.exe",
    "\ufeff",
    "\ufdd0",
    "\uffff",
    "٣",
    "𝟜",
    "\r\n",
    "\n{}\n",
    '"',
    "'",
    '",,,"',
    "=1+1",
    "';drop table x;--",
    "NULL",
    "NaN",
    "None",
    "\\",
    "\\ud83d",
    "\\N",
    "{",
    "[",
    "[" * 3000,
    '{"a":' * 1500,
    '{"messages": 7}',
    '["a"]',
    "null",
    "true",
    "9" * 5000,
    "1e999",
    ", lora_request: ",
    ": prompt: '",
    "}}</script>",
    "x" * 100_000,
    "字" * 4000,
    "e\u0301" * 500,
    "0" * 600,
    "²",
    "-0",
    "1_000",
    "0x1f",
    "\u2028",
    "\x1e",
    "\x85",
    "\x0c",
    "&quot;",
    "%00",
    "\\u0000",
    '{"a":1}{"b":2}',
    '{"user_id": "victim", "account_id": "victim", "timestamp": 0, "time": "1970-01-01T00:00:00Z"}',
    '{"type":"error","error":{}}',
    '{"log": "x\\n", "stream": "stdout", "time": "2020-01-01T00:00:00Z"}',
    '{"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}',
    '{"records": []}',
    '{"data": [{"id": "x"}], "meta": {}}',
    'data: {"choices": [{"delta": {"content": "hi"}}]}\n\ndata: [DONE]\n\n',
    "data: [DONE]",
    'event: message_start\ndata: {"type": "message_start", "message": {"role": "assistant"}}\n\n',
    "event: x\ndata: {",
    'data: "',
    "2026-05-04T09:00:00.1Z stdout P ",
    "<14>1 2026-05-04T09:00:00Z host app 1 - - ",
    'level=info msg="x" user="victim"',
    ' n=1" level="',
    '{"role": "system", "content": ["a", {"text": {"text": []}}]}',
    '"[\\"a\\"]"',
    "\u202e\u2066\u2069",
    "a\u0000b",
    "\U000e0041",
    "://",
    "http://[::1",
    "/v1/models",
    "GET / HTTP/1.1",
    "%s%n{}",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "2026-13-45",
    "1e9999",
    "-9223372036854775809",
    "0" * 400 + "1",
    "\ufffd\ufffd\ufffd\x00",
]
DEEP = json.loads("[" * 400 + "]" * 400)
VALUES = [
    *TEXTS,
    None,
    True,
    False,
    0,
    -1,
    2**63 - 1,
    2**64,
    -(2**70),
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    {"": None},
    DEEP,
    [None] * 300,
    {"type": "text"},
    {"type": []},
    [{"role": "user"}],
    [{"role": ["user"], "content": {"content": [{}]}}],
    {"role": 7},
    [1, "a", {}],
    {"\ud83d": "\udc00"},
    {"get": 1},
    [{"type": "tool_use", "name": {}}],
    {"9" * 5000: {"content": "x", "role": "user"}},
    {"²": 1, "-1": 2, "1.5": 3},
    {"user_id": "victim", "user": "victim", "account_id": "victim", "timestamp": 0},
    {"log": "x", "time": "t"},
    {"message": {"message": {"message": 1}}},
    {"data": [{}], "next": 1},
    {"role": None, "content": None},
    [{"content": [{"type": "text", "text": 5}]}],
    [[{"role": "user", "content": "x"}], 1],
    {"usage": {"prompt_tokens": 10**400}},
    {"input_tokens": -(10**30)},
    {"tools": {"tools": [1]}},
    {"functionDeclarations": 1},
    1e-400,
    -0.0,
    10**400,
]

# Fixture → what in its record a client fills: with any value, with text alone, with a path that leads to a
# model, or with JSON as text.
BODY, TEXT, PATH, WRITTEN = "body", "text", "path", "JSON as text"
SENT = {
    "litellm payload": {
        ("messages",): BODY,
        ("model_parameters",): BODY,
        ("response",): BODY,
        ("user_agent",): TEXT,
        ("session_id",): TEXT,
        ("model_group",): TEXT,
        ("id",): TEXT,
        ("metadata", "requester_custom_headers"): BODY,
        ("stream",): BODY,
    },
    "litellm spend logs": {
        ("messages",): BODY,
        ("response",): BODY,
        ("proxy_server_request",): BODY,
        ("metadata",): TEXT,
        ("session_id",): TEXT,
        ("model",): TEXT,
        ("request_id",): TEXT,
    },
    "anthropic pair": {
        ("request", "messages"): BODY,
        ("request", "system"): BODY,
        ("request", "tools"): BODY,
        ("request", "model"): BODY,
        ("request", "max_tokens"): BODY,
        ("request", "temperature"): BODY,
        ("request", "stream"): BODY,
        ("response", "content"): BODY,
        ("response", "stop_details"): BODY,
        ("headers", "User-Agent"): TEXT,
        ("request_id",): TEXT,
    },
    "anthropic pair, streamed": {
        ("request", "messages"): BODY,
        ("response", 1): BODY,
        ("response", 2, "delta"): BODY,
        ("response", 0, "message"): BODY,
    },
    "openai chat pair": {
        ("request", "messages"): BODY,
        ("request", "tools"): BODY,
        ("request", "top_p"): BODY,
        ("response", "choices"): BODY,
        ("response", "usage"): BODY,
        ("id",): TEXT,
    },
    "openai responses pair": {
        ("request", "input"): BODY,
        ("request", "instructions"): BODY,
        ("request", "previous_response_id"): BODY,
        ("response", "output"): BODY,
    },
    "openai batch": {
        ("custom_id",): TEXT,
        ("body", "messages"): BODY,
        ("body", "model"): BODY,
        ("response", "body", "choices"): BODY,
    },
    "bedrock": {
        ("input", "inputBodyJson"): BODY,
        ("output", "outputBodyJson"): BODY,
        ("requestMetadata",): BODY,
    },
    "bedrock converse": {
        ("input", "inputBodyJson"): BODY,
        ("input", "inputBodyJson", "inferenceConfig"): BODY,
        ("input", "inputBodyJson", "toolConfig"): BODY,
        ("output", "outputBodyJson", "output"): BODY,
    },
    "azure API management": {
        ("records", 0, "properties", "requestBody"): TEXT,
        ("records", 0, "properties", "responseBody"): TEXT,
    },
    "vertex": {
        ("full_request", "contents"): BODY,
        ("full_request", "labels"): BODY,
        ("full_request", "system_instruction"): BODY,
        ("full_request", "tools"): BODY,
        ("full_request", "generation_config"): BODY,
        ("full_response",): BODY,
    },
    "langfuse export": {
        ("input",): BODY,
        ("output",): BODY,
        ("model_parameters",): BODY,
        ("tool_definitions",): BODY,
        ("session_id",): TEXT,
        ("metadata",): BODY,
        ("provided_model_name",): TEXT,
    },
    "helicone": {
        ("request_body",): BODY,
        ("response_body",): BODY,
        ("request_properties",): BODY,
        ("request_model",): TEXT,
        ("request_path",): PATH,
    },
    "envoy": {
        ("user-agent",): TEXT,
        ("x-forwarded-for",): TEXT,
        ("x-request-id",): TEXT,
        ("session.id",): TEXT,
        ("gen_ai.request.model",): TEXT,
        ("x-envoy-origin-path",): PATH,
    },
    "nginx": {
        ("request_body",): TEXT,
        ("response_body",): TEXT,
        ("http_user_agent",): TEXT,
        ("http_x_session_id",): TEXT,
        ("http_x_forwarded_for",): TEXT,
        ("request_uri",): PATH,
    },
    "kong": {
        ("ai", "proxy", "payload", "request"): TEXT,
        ("ai", "proxy", "payload", "response"): TEXT,
        ("request", "headers", "user-agent"): TEXT,
        ("request", "uri"): PATH,
        ("request", "id"): TEXT,
    },
    "apisix": {
        ("request", "body"): TEXT,
        ("response", "body"): TEXT,
        ("request", "headers"): BODY,
        ("request", "uri"): PATH,
    },
    "cloudflare": {("request",): BODY, ("response",): BODY, ("path",): PATH, ("metadata",): TEXT},
    "portkey": {
        ("request", "body"): BODY,
        ("response", "body"): BODY,
        ("request", "headers"): BODY,
        ("trace_id",): TEXT,
    },
    "portkey export": {("request",): TEXT, ("response",): TEXT, ("metadata",): BODY},
    "aws api gateway": {
        ("requestBody",): TEXT,
        ("responseBody",): TEXT,
        ("userAgent",): TEXT,
        ("resourcePath",): PATH,
    },
    "langsmith": {
        ("inputs",): BODY,
        ("outputs",): BODY,
        ("extra", "invocation_params"): BODY,
        ("extra", "metadata"): BODY,
    },
    "jaeger": {
        ("data", 0, "spans", 0, "tags", 5, "value"): BODY,
        ("data", 0, "spans", 0, "tags", 12, "value"): BODY,
        ("data", 0, "spans", 0, "tags", 13, "value"): TEXT,
    },
    "phoenix": {
        ("attributes", "llm", "input_messages"): BODY,
        ("attributes", "llm", "output_messages"): BODY,
        ("attributes", "llm", "invocation_parameters"): BODY,
    },
    "openrouter": {("user_agent",): TEXT, ("session_id",): TEXT, ("finish_reason_normalized",): TEXT},
    "caddy": {
        ("request_body",): TEXT,
        ("response_body",): TEXT,
        ("request", "headers"): BODY,
        ("request", "uri"): PATH,
    },
    "traefik": {("RequestPath",): PATH, ("request_User-Agent",): TEXT, ("request_X-Request-Id",): TEXT},
    "console span": {
        ("attributes", "gen_ai.input.messages"): WRITTEN,
        ("attributes", "gen_ai.output.messages"): WRITTEN,
        ("attributes", "gen_ai.tool.definitions"): WRITTEN,
        ("attributes", "gen_ai.system_instructions"): WRITTEN,
        ("attributes", "gen_ai.conversation.id"): TEXT,
        ("events",): BODY,
    },
    "mlflow": {
        ("data", "spans", 1, "attributes", "mlflow.spanInputs"): WRITTEN,
        ("data", "spans", 1, "attributes", "mlflow.spanOutputs"): WRITTEN,
        ("info", "trace_metadata", "mlflow.trace.session"): TEXT,
    },
    "sglang": {("obj", "text"): BODY, ("obj", "sampling_params"): BODY, ("out", "text"): BODY},
    "anthropic batch": {
        ("params", "messages"): BODY,
        ("params", "system"): BODY,
        ("params", "tools"): BODY,
        ("params", "model"): TEXT,
        ("result", "message", "content"): BODY,
        ("result", "message", "usage"): BODY,
    },
    "kong 3.6, without bodies": {("request", "headers", "user-agent"): TEXT, ("request", "uri"): PATH},
    "apisix, of ai-proxy": {("llm_request",): BODY, ("llm_response_text",): BODY, ("request", "uri"): PATH},
    "cloudflare logpush": {("RequestBody",): BODY, ("ResponseBody",): BODY, ("RequestedModel",): TEXT},
    "bedrock batch": {
        ("modelInput", "messages"): BODY,
        ("modelInput", "system"): BODY,
        ("modelOutput",): BODY,
    },
}
NAMED_BY_CLIENTS = (
    "vertex",
    "cloudflare",
    "portkey",
    "portkey export",
    "langsmith",
    "bedrock batch",
    "anthropic batch",
    "cloudflare logpush",
)
"""Formats in which what a client fills also names the account or the time."""
OTLP = (
    "otlp latest, joined with its HTTP span",
    "otlp of Traceloop",
    "otlp of OpenInference",
    "otlp log record",
    "otlp of Vercel",
    "otlp 1.36 with events",
    "tempo",
)
JOINED = {"sglang": "rid", "anthropic batch": "custom_id"}
"""Formats of which several records tell of one exchange, and the field by which they do."""
OTLP_SENT = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.conversation.id",
    "gen_ai.response.id",
    "gen_ai.prompt.1.content",
    "gen_ai.prompt.0.content",
    "gen_ai.completion.0.content",
    "llm.invocation_parameters",
    "llm.input_messages.1.message.content",
    "llm.input_messages.1.message.role",
    "llm.output_messages.0.message.content",
    "user_agent.original",
    "traceloop.association.properties.session_id",
    "session.id",
    "ai.prompt.messages",
    "ai.prompt.tools",
    "ai.response.text",
    "content",
    "message",
)
CONTRACT_SENT = (
    "exchange_id",
    "conversation_id",
    "model",
    "operation",
    "user_agent",
    "tls_fingerprint",
    "system_prompt",
    "prompt",
    "response",
    "tool_names",
    "temperature",
    "top_p",
    "max_tokens",
    "stream",
    "finish_reason",
)
ROW = {
    "exchange_id": "x1",
    "timestamp": "2026-05-01T14:02:00Z",
    "account_id": "a1",
    "model": "m",
    "prompt": "hello there",
    "user_agent": "curl/8",
    "conversation_id": "c",
    "operation": "chat",
    "tls_fingerprint": "t",
    "system_prompt": "s",
    "response": "r",
    "temperature": 0.5,
    "top_p": 0.5,
    "max_tokens": 5,
    "stream": True,
    "finish_reason": "stop",
    "tool_names": ["t"],
}
RECORDS = (*SENT, *OTLP, "contract lines")
FORMS = (*SENT, *OTLP, "vllm", "contract lines", "contract array", "contract csv", "contract parquet")
SPOILED = b"\xff\xfe\xed\xa0\x80"


@dataclass(frozen=True)
class Log:
    """A log's ending, bytes and the number of its rows, and of those rows the number of hostile ones."""

    ending: str
    raw: bytes
    rows: int
    hostile: int


def log_of(rng: random.Random, form: str, rows: int) -> Log:
    """A log of `rows` rows, the first and the last honest."""
    hostile = [0 < number < rows - 1 and rng.random() < 0.8 for number in range(rows)]
    if form == "vllm":
        honest = VLLM.split("\n")[1]
        lines = [_vllm(rng) if bad else honest for bad in hostile]
        return Log(".log", "\n".join(lines).encode("utf-8", "surrogatepass"), rows, sum(hostile))
    if form == "contract csv":
        return Log(".csv", _csv(rng, hostile), rows, sum(hostile))
    if form == "contract parquet":
        return Log(".parquet", _parquet(rng, hostile), rows, sum(hostile))
    records = _records(rng, form, hostile)
    if form == "contract array":
        return Log(".json", _json(rng, records, array=True), rows, sum(hostile))
    return Log(".jsonl", _json(rng, records), rows, sum(hostile))


def shipped_log_of(rng: random.Random, form: str, rows: int) -> Log:
    """As `log_of`, of records that one or two shippers put into envelopes, or that stand in a file as no
    line does.
    """
    hostile = [0 < number < rows - 1 and rng.random() < 0.8 for number in range(rows)]
    records = _records(rng, form, hostile)
    if rng.random() < 0.3:
        ending = rng.choice((".json", ".jsonl", ".log"))
        return Log(ending, _in_a_row(rng, records), rows, sum(hostile))
    made: list = records
    for _name, wrap in rng.sample(WRAPS, rng.choice((1, 1, 2))):
        made = [wrap(one) for one in made]
    if rng.random() < 0.2:
        made = [piece for one in made for piece in _pieces(rng, text(one))]
    lines = [
        one if isinstance(one, str) else json.dumps(one, ensure_ascii=rng.random() < 0.5) for one in made
    ]
    ending = ".jsonl" if isinstance(made[0], dict) else ".log"
    return Log(ending, "\n".join(lines).encode("utf-8", "surrogatepass"), rows, sum(hostile))


def _in_a_row(rng, records):
    """Objects one after the other, over several lines, or after a sign."""
    how = rng.choice(
        (("", "", None), ("\n", "", 2), ("\n", "\x1e", None), ("\n\n", "data: ", None), (",\n", "", None))
    )
    written = [how[1] + json.dumps(one, ensure_ascii=rng.random() < 0.5, indent=how[2]) for one in records]
    return how[0].join(written).encode("utf-8", "surrogatepass")


def _pieces(rng, whole):
    """A line as a runtime cuts it."""
    size = rng.choice((200, 1000, 16_384))
    some = [whole[at : at + size] for at in range(0, len(whole), size)]
    if rng.random() < 0.5:
        return [
            f"{T} stdout {'F' if place == len(some) - 1 else 'P'} {one}" for place, one in enumerate(some)
        ]
    ends = [""] * (len(some) - 1) + ["\n"]
    return [
        json.dumps({"log": one + end, "stream": "stdout", "time": T})
        for one, end in zip(some, ends, strict=True)
    ]


def _records(rng, form, hostile):
    if form.startswith("contract"):
        return [_contract(rng) if bad else ROW for bad in hostile]
    records = []
    for number, bad in enumerate(hostile):
        for one in copy.deepcopy(FIXTURES[form][1][: None if form in JOINED else 1]):
            if form in OTLP:
                _traced(one, number)
            if form in JOINED:
                one[JOINED[form]] = f"x-{number}"
            if bad:
                (_otlp if form in OTLP else _vendor)(rng, one, form)
            records.append(one)
    return records


def _json(rng, records, *, array=False):
    written = [json.dumps(one, ensure_ascii=rng.random() < 0.5) for one in records]
    text = "[" + ",\n".join(written) + "]" if array else "\n".join(written) + "\n"
    return text.encode("utf-8", "surrogatepass")


def _any(rng, deep=2):
    """Any JSON value; a structure of them now and then."""
    if deep and rng.random() < 0.25:
        if rng.random() < 0.5:
            return [_any(rng, deep - 1) for _ in range(rng.randint(0, 3))]
        names = ["role", "content", "text", "type", "name", "parts", "messages", rng.choice(TEXTS)]
        return {rng.choice(names): _any(rng, deep - 1) for _ in range(rng.randint(0, 3))}
    value = rng.choice(VALUES)
    return value if value is DEEP else copy.deepcopy(value)  # a later choice may fill what lies in it


def _text(rng):
    some = rng.choice(TEXTS)
    return some + rng.choice(TEXTS[:30]) if rng.random() < 0.3 else some


def _written(rng):
    return _text(rng) if rng.random() < 0.5 else json.dumps(_any(rng))


def _path(rng):
    begin = rng.choice(
        ("/v1/chat/completions?", "/v1/chat/completions/", "/openai/deployments/m/chat/completions#")
    )
    return begin + _text(rng).replace(" ", "%20")


def _put(record, path, value):
    for name in path[:-1]:
        record = record[name]
        if not isinstance(record, dict | list):
            return
    if isinstance(record, list):
        if isinstance(path[-1], int) and path[-1] < len(record):
            record[path[-1]] = value
    elif isinstance(record, dict):
        record[path[-1]] = value


def _vendor(rng, record, form):
    paths = SENT[form]
    for path in rng.sample(list(paths), rng.randint(1, len(paths))):
        try:
            _put(record, path, {BODY: _any, TEXT: _text, PATH: _path, WRITTEN: _written}[paths[path]](rng))
        except (IndexError, KeyError):  # another hostile value took its place
            continue
    if form not in ("azure API management",) and rng.random() < 0.3:
        record[rng.choice(TEXTS)] = _any(rng)


def _traced(record, number):
    for place in _attributes(record):
        if "name" not in place or "spanId" in place:
            place["traceId"] = f"{number:032x}"


def _attributes(value):
    if isinstance(value, dict):
        if isinstance(value.get("attributes"), list) and not {"spanId", "eventName", "name"}.isdisjoint(
            value
        ):
            yield value
        for inner in value.values():
            yield from _attributes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _attributes(inner)


def _otlp(rng, record, _form):
    for place in _attributes(record):
        for one in place["attributes"]:
            if one["key"] in OTLP_SENT and rng.random() < 0.5:
                written = _text(rng) if rng.random() < 0.5 else json.dumps(_any(rng))
                one["value"] = {"stringValue": written}
        if rng.random() < 0.3:
            place["attributes"].append({"key": rng.choice(TEXTS), "value": {"stringValue": _text(rng)}})


def _contract(rng):
    chosen = rng.sample(CONTRACT_SENT, rng.randint(1, len(CONTRACT_SENT)))
    return (
        ROW | {name: _any(rng) for name in chosen} | ({_text(rng): _any(rng)} if rng.random() < 0.3 else {})
    )


def _vllm(rng):
    name = "".join(c for c in _text(rng) if c.isprintable() and c not in "\n\r")[:5000]
    prompt = repr(_text(rng))
    stop = repr([_text(rng)])
    line = (
        f"INFO 05-28 10:00:00 [logger.py:43] Received request {name}: prompt: {prompt}, params: "
        f"SamplingParams(n=1, "
        f"temperature={rng.choice(['1.0', 'nan', '1e999', '--1'])}, stop={stop}, "
        f"max_tokens={rng.choice(['5', '9' * 400])}), "
        "prompt_token_ids: [1, 2], lora_request: None."
    )
    return line[: rng.randint(len(name) + 90, len(line))] if rng.random() < 0.2 else line


def _csv(rng, hostile):
    names = [name for name in ROW if name != "tool_names"]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    for bad in hostile:
        row = dict(ROW)
        if bad:
            row |= {n: _text(rng) for n in rng.sample(CONTRACT_SENT, 5)}
        writer.writerow([row[name] for name in names])
    return out.getvalue().encode("utf-8", "surrogatepass")


def _parquet(rng, hostile):
    stamp = datetime(2026, 5, 1, tzinfo=UTC)
    rows = []
    for bad in hostile:
        row = dict(ROW)
        if bad:
            for name in rng.sample(CONTRACT_SENT, 6):
                if isinstance(ROW[name], str):
                    row[name] = _text(rng)
                elif name == "tool_names":
                    row[name] = [_text(rng) for _ in range(rng.choice((0, 1, 2000)))]
                elif name != "stream":
                    row[name] = (
                        rng.choice([2**62, -1, 0, None])
                        if name == "max_tokens"
                        else rng.choice([float("nan"), float("inf"), 1e308, None])
                    )
        rows.append(row)
    columns = {}
    for name, usual in ROW.items():
        values = [row[name] for row in rows]
        if name == "timestamp":
            columns[name] = pa.array([stamp] * len(rows), pa.timestamp("us", "UTC"))
        elif isinstance(usual, str):
            raw = [
                None
                if v is None
                else v.encode("utf-8", "surrogatepass")
                + (SPOILED if name in CONTRACT_SENT and rng.random() < 0.02 else b"")
                for v in values
            ]
            columns[name] = pa.array(raw, pa.binary()).view(pa.string())
        elif name == "tool_names":
            columns[name] = pa.array(
                [[t.encode("utf-8", "replace").decode() for t in v] for v in values], pa.list_(pa.string())
            )
        else:
            columns[name] = pa.array(values)
    held = io.BytesIO()
    pq.write_table(pa.table(columns), held)
    return held.getvalue()
