"""No call that can be told is lost, in any of the shapes that vendors document."""

import gzip
import json
import re

import pytest

from stillwatch.readers import vendor
from stillwatch.readers.addresses import address_in
from stillwatch.readers.content import answer_columns, decoded, request_columns, up_to_the_cut
from stillwatch.readers.discover import discover
from stillwatch.readers.limits import LIMITS
from stillwatch.readers.losses import Losses
from stillwatch.readers.read import check, read
from tests.readers.logs import row as contract_row
from tests.readers.logs import rows_of, told_of
from tests.readers.vendors import (
    ANSWER,
    ANTHROPIC,
    ANTHROPIC_ANSWER,
    FIXTURES,
    OPENAI,
    OPENAI_ANSWER,
    PROMPT,
    SECONDS,
    SYSTEM,
    TIME,
    span,
    spans,
)

pytestmark = pytest.mark.issue(23)


def write(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def only(tmp_path, *records, name="log.jsonl"):
    good, bad = rows_of(write(tmp_path / name, records))
    assert bad == []
    return good.to_pylist()


def passed(path):
    sources = check(discover([str(path)]), {})
    return sum(batch.passed_over for batch in read(sources, {}))


BEDROCK = {
    "schemaType": "ModelInvocationLog",
    "schemaVersion": "1.0",
    "timestamp": TIME,
    "accountId": "1",
    "identity": {"arn": "arn:a"},
    "requestId": "x",
    "operation": "InvokeModel",
    "modelId": "m",
}


@pytest.mark.parametrize(
    ("asked", "given", "wanted"),
    [
        (
            {
                "inputText": PROMPT,
                "textGenerationConfig": {"maxTokenCount": 9, "temperature": 0, "topP": 0.5},
            },
            {
                "inputTextTokenCount": 7,
                "results": [{"tokenCount": 4, "outputText": ANSWER, "completionReason": "FINISH"}],
            },
            {
                "max_tokens": 9,
                "temperature": 0.0,
                "top_p": 0.5,
                "finish_reason": "FINISH",
                "input_tokens": 7,
                "output_tokens": 4,
            },
        ),
        (
            {"inputText": PROMPT},
            [
                {"outputText": ANSWER[:5], "inputTextTokenCount": 7},
                {"outputText": ANSWER[5:], "totalOutputTextTokenCount": 4, "completionReason": "FINISH"},
            ],
            {"finish_reason": "FINISH", "input_tokens": 7, "output_tokens": 4},
        ),
        (
            {"prompt": PROMPT, "max_gen_len": 9},
            {
                "generation": ANSWER,
                "prompt_token_count": 7,
                "generation_token_count": 4,
                "stop_reason": "stop",
            },
            {"max_tokens": 9, "finish_reason": "stop", "input_tokens": 7, "output_tokens": 4},
        ),
        (
            {"message": PROMPT, "chat_history": [], "preamble": SYSTEM, "max_tokens": 9, "p": 0.5},
            {"text": ANSWER, "finish_reason": "COMPLETE"},
            {"system_prompt": SYSTEM, "max_tokens": 9, "top_p": 0.5, "finish_reason": "COMPLETE"},
        ),
        (
            {"prompt": PROMPT, "maxTokens": 9},
            {"completions": [{"data": {"text": ANSWER}, "finishReason": {"reason": "endoftext"}}]},
            {"max_tokens": 9, "finish_reason": "endoftext"},
        ),
        (
            {"prompt": PROMPT, "max_tokens": 9},
            {"outputs": [{"text": ANSWER, "stop_reason": "stop"}]},
            {"max_tokens": 9, "finish_reason": "stop"},
        ),
        (
            {"prompt": PROMPT},
            {"choices": [{"text": ANSWER, "stop_reason": "length"}]},
            {"finish_reason": "length"},
        ),
        (
            {"messages": [{"role": "user", "content": PROMPT}], "max_completion_tokens": 9},
            OPENAI_ANSWER,
            {"max_tokens": 9, "finish_reason": "stop"},
        ),
        (
            {"prompt": PROMPT, "max_tokens_to_sample": 9},
            {"completion": ANSWER, "stop_reason": "stop_sequence"},
            {"max_tokens": 9},
        ),
        (
            {
                "messages": [{"role": "user", "content": [{"text": PROMPT}]}],
                "inferenceConfig": {"max_new_tokens": 9},
            },
            [
                {"messageStart": {"role": "assistant"}},
                {"contentBlockDelta": {"delta": {"text": ANSWER}}},
                {"messageStop": {"stopReason": "end_turn"}},
                {"metadata": {"usage": {"inputTokens": 7, "outputTokens": 4}, "metrics": {"latencyMs": 55}}},
            ],
            {"max_tokens": 9, "finish_reason": "end_turn", "input_tokens": 7, "latency_ms": 55.0},
        ),
    ],
)
def test_every_family_of_models_on_bedrock_is_read(tmp_path, asked, given, wanted):
    (row,) = only(
        tmp_path, BEDROCK | {"input": {"inputBodyJson": asked}, "output": {"outputBodyJson": given}}
    )
    assert (row["prompt"], row["response"]) == (PROMPT, ANSWER)
    assert {name: row[name] for name in wanted} == wanted


def test_bedrock_s_bodies_are_read_where_they_lie_beside_the_log_and_the_row_stays_where_they_do_not(
    tmp_path,
):
    def offloaded(number):
        return BEDROCK | {
            "requestId": f"x{number}",
            "input": {
                "inputBodyS3Path": f"s3://bucket/logs/09/data/{number}_input.json.gz",
                "inputTokenCount": 9,
            },
            "output": {"outputBodyS3Path": f"s3://bucket/logs/09/data/{number}_output.json.gz"},
        }

    folder = tmp_path / "logs" / "09"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "1_input.json.gz").write_bytes(gzip.compress(json.dumps(ANTHROPIC).encode()))
    (folder / "data" / "1_output.json.gz").write_bytes(gzip.compress(json.dumps(ANTHROPIC_ANSWER).encode()))
    (tmp_path / "secret.json").write_text(json.dumps(ANTHROPIC))
    elsewhere = offloaded(3) | {"input": {"inputBodyS3Path": "s3://bucket/../../secret.json"}}
    rows = only(
        folder,
        offloaded(1),
        offloaded(2),
        elsewhere,
        BEDROCK | {"input": {}, "output": {}},
        BEDROCK | {"input": {"inputBodyJson": {}}},
    )
    assert [(row["prompt"], row["response"]) for row in rows] == [(PROMPT, ANSWER)] + [(None, None)] * 4


SSE = (
    'data: {"id": "c", "model": "gpt-x", "choices": [{"delta": {"role": "assistant", "content": "str"}}]}\n\n'
    'data: {"choices": [{"delta": {"content": "eamed"}, "finish_reason": "stop"}]}\n\n'
    'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}\n\ndata: [DONE]\n\n'
)


ANTHROPIC_SSE = (
    'event: message_start\ndata: {"type": "message_start", "message": {"usage": {"input_tokens": 5, '
    '"cache_read_input_tokens": 2}}}\n\n'
    'event: content_block_delta\ndata: {"type": "content_block_delta", "delta": {"type": "text_delta", '
    '"text": "streamed"}}\n\n'
    'event: message_delta\ndata: {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": '
    '{"output_tokens": 2}}\n\n'
)
RESPONSES_SSE = (
    'data: {"type": "response.output_text.delta", "delta": "str"}\n\ndata: {"type": "response.completed", '
    '"response": {"status": "completed", '
    '"output": [{"type": "message", "content": [{"type": "output_text", "text": "streamed"}]}], "usage": '
    '{"input_tokens": 7, "output_tokens": 2}}}\n\n'
)
GEMINI_SSE = (
    'data: {"candidates": [{"content": {"parts": [{"text": "str"}]}}]}\n\ndata: {"candidates": [{"content": '
    '{"parts": [{"text": "eamed"}]}, '
    '"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 2}}\n\n'
)
OLLAMA_LINES = (
    '{"message": {"role": "assistant", "content": "str"}, "done": false}\n{"message": {"content": "eamed"}, '
    '"done": true, "done_reason": "stop", '
    '"prompt_eval_count": 7, "eval_count": 2}'
)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (SSE, ("streamed", "stop", 7, 2)),
        (SSE[:150] + "data: {", ("str", None, None, None)),
        (ANTHROPIC_SSE, ("streamed", "end_turn", 7, 2)),
        (RESPONSES_SSE, ("streamed", "completed", 7, 2)),
        (GEMINI_SSE, ("streamed", "STOP", 7, 2)),
        (OLLAMA_LINES, ("streamed", "stop", 7, 2)),
        ({"streamed_data": SSE}, ("streamed", "stop", 7, 2)),
    ],
)  # fmt: skip
def test_answers_that_were_streamed_are_put_together_with_their_tokens(answer, wanted):
    row = answer_columns(answer)
    assert (row["response"], row["finish_reason"], row["input_tokens"], row["output_tokens"]) == wanted


def test_a_body_that_was_cut_off_is_read_up_to_the_cut():
    body = json.dumps(
        {
            "model": "gpt-x",
            "messages": [{"role": "user", "content": 'a "quoted" {word] \u5b57'}],
            "n": 12,
            "t": True,
            "o": {"a": [1, {}]},
        }
    )
    for end in range(1, len(body)):
        value = up_to_the_cut(body[:end])
        assert isinstance(value, dict), body[:end]
        if end > body.index("word"):
            assert request_columns(value)["prompt"].startswith('a "quoted" {')


def azure(**more):
    told = {
        "apimSubscriptionId": "customer-1",
        "userId": "1",
        "method": "POST",
        "url": "https://gw/openai/deployments/gpt-chat/chat/completions?v=1",
    }
    return {
        "time": TIME,
        "category": "GatewayLogs",
        "callerIpAddress": "203.0.113.9",
        "correlationId": "c",
        "resourceId": "/R",
        "properties": told | more,
    }


@pytest.mark.parametrize(
    ("bodies", "wanted"),
    [
        (
            {
                "requestBody": json.dumps({"messages": [{"role": "user", "content": "hi"}]}),
                "responseBody": SSE,
            },
            ("hi", "streamed"),
        ),
        (
            {
                "requestBody": '{"messages": [{"role": "user", "content": "hi the',
                "responseBody": '{"id": "c", "choices": [{"fini',
            },
            ("hi the", None),
        ),
        ({"requestBody": "", "responseBody": ""}, (None, None)),
        (
            {
                "requestBody": '{"messages": [{"role": "user", "content": "hi"}]}',
                "responseBody": '{"error": {"code": "content_filter"}}',
            },
            ("hi", None),
        ),
        ({}, (None, None)),
    ],
)
def test_azure_s_gateway_names_account_and_model_whatever_became_of_the_body(tmp_path, bodies, wanted):
    (row,) = only(tmp_path, azure(**bodies))
    assert (row["account_id"], row["model"]) == ("customer-1", "gpt-chat")
    assert (row["prompt"], row["response"]) == wanted


def test_azure_s_tables_are_read_like_its_events(tmp_path):
    told = {"objectId": "oid", "modelName": "gpt-x", "streamType": "Non-Streaming"}
    diagnostics = {
        "TenantId": "t",
        "TimeGenerated": TIME,
        "ResourceId": "/R",
        "Category": "RequestResponse",
        "OperationName": "ChatCompletions_Create",
        "ResultSignature": "200",
        "DurationMs": "120",
        "CorrelationId": "x",
        "properties_s": json.dumps(told),
        "Type": "AzureDiagnostics",
    }
    gateway = {
        "TimeGenerated": TIME,
        "Type": "ApiManagementGatewayLogs",
        "CorrelationId": "y",
        "ApimSubscriptionId": "customer-1",
        "Method": "POST",
        "Url": "https://gw/openai/deployments/gpt-chat/chat/completions",
        "RequestBody": json.dumps(OPENAI),
        "ResponseCode": 200,
    }
    one, two = only(tmp_path, diagnostics, gateway)
    assert (one["account_id"], one["model"], one["latency_ms"], one["status"]) == ("oid", "gpt-x", 120.0, 200)
    assert (two["account_id"], two["prompt"], two["status"]) == ("customer-1", PROMPT, 200)


def test_litellm_s_old_payload_redacted_text_and_tags_are_read(tmp_path):
    old = {
        "id": "x",
        "call_type": "acompletion",
        "startTime": SECONDS,
        "endTime": SECONDS + 1,
        "model": "gpt-x",
        "model_group": "gpt-x",
        "response_cost": 0.1,
        "metadata": {"user_api_key_alias": "k", "user_api_key_user_id": "u0"},
        "messages": [{"role": "user", "content": PROMPT}],
        "response": OPENAI_ANSWER,
    }
    tags = {
        "request_tags": ["User-Agent: openai-python", "User-Agent: openai-python/1.70"],
        "hidden_params": {},
    }
    redacted = old | tags | {"id": "y", "messages": "redacted-by-litellm", "response": "redacted-by-litellm"}
    turns = old | {"id": "z", "messages": [{"role": "user", "content": "default-message-value"}]}
    nested = old | {"id": "w", "messages": {"messages": [{"role": "user", "content": PROMPT}]}}
    first, second, third, fourth = only(tmp_path, old, redacted, turns, nested)
    assert (first["account_id"], first["prompt"], first["response"], first["latency_ms"]) == (
        "u0",
        PROMPT,
        ANSWER,
        1000.0,
    )
    assert (second["prompt"], second["response"], second["user_agent"]) == (None, None, "openai-python/1.70")
    assert (third["prompt"], fourth["prompt"]) == (None, PROMPT)


@pytest.mark.parametrize(
    ("name", "value", "account"),
    [
        ("traceloop.association.properties.user_id", "u", "u"),
        ("ai.telemetry.metadata.userId", "u", "u"),
        ("langfuse.user.id", "u", "u"),
        ("langsmith.metadata.user_id", "u", "u"),
        ("metadata.user_api_key_user_id", "u", "u"),
        ("user.id", 12345, "12345"),
    ],
)
def test_every_place_where_instrumentations_name_the_user_is_read(tmp_path, name, value, account):
    (row,) = only(tmp_path, spans(span({"gen_ai.request.model": "gpt-x", name: value})))
    assert row["account_id"] == account


@pytest.mark.parametrize(
    "said",
    [
        {
            "gen_ai.input.messages": [
                json.dumps({"role": "user", "parts": [{"type": "text", "content": PROMPT}]})
            ]
        },
        {
            "gen_ai.input.messages": json.dumps(
                json.dumps([{"role": "user", "parts": [{"type": "text", "content": PROMPT}]}])
            )
        },
        {"gen_ai.request.messages": json.dumps([{"role": "user", "content": PROMPT}])},
        {"ai.prompt.messages": json.dumps([{"role": "user", "content": [{"type": "text", "text": PROMPT}]}])},
        {
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": json.dumps([{"type": "text", "text": PROMPT}]),
        },
        {
            "gcp.vertex.agent.llm_request": json.dumps(
                {"model": "m", "contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}
            )
        },
        {"langfuse.observation.input": json.dumps([{"role": "user", "content": PROMPT}])},
    ],
)
def test_prompts_are_found_wherever_instrumentations_put_them_also_serialised_twice(tmp_path, said):
    (row,) = only(tmp_path, spans(span({"gen_ai.request.model": "gpt-x", "user.id": "u"} | said)))
    assert row["prompt"] == PROMPT


def test_no_limit_of_tokens_is_none_and_costs_no_row(tmp_path):
    _form, (record, _span), _wanted = FIXTURES["langfuse export"]
    rows = only(
        tmp_path,
        *(
            record | {"id": f"x{n}", "model_parameters": {"max_tokens": most}}
            for n, most in enumerate(("inf", "Infinity", None))
        ),
    )
    assert [row["max_tokens"] for row in rows] == [None] * 3


ACCESS = {
    "remote_addr": "203.0.113.9",
    "msec": SECONDS,
    "status": "200",
    "request_id": "x",
    "http_x_user_id": "u",
}


@pytest.mark.parametrize(
    "record",
    [
        ACCESS | {"request_uri": "/v1/chat/completions", "request_body": json.dumps(OPENAI)},
        ACCESS | {"request": "POST /v1/chat/completions HTTP/1.1", "req_body": json.dumps(OPENAI)},
        {
            "ip": "203.0.113.9",
            "@timestamp": TIME,
            "request": "POST /v1/chat/completions HTTP/1.1",
            "req_body": json.dumps(OPENAI),
            "status": "200",
            "ua": "c",
        },
        {
            "client_ip": "203.0.113.9",
            "time_iso8601": TIME,
            "uri": "/v1/chat/completions",
            "method": "POST",
            "request_body": json.dumps(OPENAI),
            "status": 200,
        },
    ],
)
def test_access_logs_are_read_under_the_names_that_operators_give_their_fields(tmp_path, record):
    (row,) = only(tmp_path, record)
    assert (row["prompt"], row["model"], row["client_ip"]) == (PROMPT, "gpt-x", "203.0.113.9")


def test_an_access_log_with_bytes_escaped_as_nginx_does_by_default_is_read(tmp_path):
    body = json.dumps(
        {"model": "gpt-x", "messages": [{"role": "user", "content": "naïve 字"}]}, ensure_ascii=False
    )
    escaped = "".join(
        f"\\x{byte:02X}" if byte in b'"\\' or byte > 126 else chr(byte) for byte in body.encode()
    )
    line = (
        json.dumps(ACCESS | {"request_uri": "/v1/chat/completions"})[:-1]
        + f', "request_body": "{escaped}"}}\n'
    )
    path = tmp_path / "access.log"
    path.write_text(line)
    good, bad = rows_of(path)
    assert (good["prompt"].to_pylist(), bad) == (["naïve 字"], [])


PROBES = {
    "azure": [
        {"time": TIME, "category": "Audit", "operationName": "ListKey", "properties": {}, "resourceId": "/R"},
        {
            "time": TIME,
            "category": "RequestResponse",
            "operationName": "Create_Thread",
            "resourceId": "/R",
            "properties": "{}",
        },
        azure(method="GET", url="https://gw/openai/models"),
    ],
    "nginx": [
        ACCESS | {"request_uri": "/healthz", "request_method": "GET", "request_body": ""},
        ACCESS | {"request": "HEAD / HTTP/1.1", "request_body": "-"},
    ],
    "kong": [
        FIXTURES["kong"][1][0] | {"ai": None, "request": {"method": "GET", "uri": "/health", "headers": {}}}
    ],
    "apisix": [FIXTURES["apisix"][1][0] | {"request": {"method": "GET", "uri": "/status", "headers": {}}}],
    "envoy": [
        {
            "start_time": TIME,
            "method": "GET",
            "x-envoy-origin-path": "/health",
            "response_code": 200,
            "response_flags": "-",
        }
    ],
    "litellm payload": [
        FIXTURES["litellm payload"][1][0]
        | {"metadata": {"user_api_key_alias": "litellm-internal-health-check"}}
    ],
    "langsmith": [{"id": "c", "run_type": "tool", "start_time": TIME, "inputs": {}, "outputs": {}}],
    "openai": [],
}
CALLS = {
    "azure": azure(requestBody=json.dumps(OPENAI)),
    "nginx": ACCESS | {"request_uri": "/v1/chat/completions", "request_body": json.dumps(OPENAI)},
    "openai": FIXTURES["openai chat pair"][1][0],
}


@pytest.mark.parametrize("name", PROBES)
def test_what_is_no_exchange_is_passed_over_and_counted_and_hides_no_call_after_it(tmp_path, name):
    call = CALLS.get(name) or FIXTURES[name][1][0]
    path = write(tmp_path / "log.jsonl", [*PROBES[name], call])
    good, bad = rows_of(path)
    assert (good.num_rows, bad) == (1, [])
    assert passed(path) == len(PROBES[name])


def test_spans_that_are_no_calls_are_counted(tmp_path):
    agent = span({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-x", "user.id": "u"})
    call = span({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-x", "user.id": "u"})
    path = write(tmp_path / "otel.jsonl", [spans(agent, call, span({"db.system": "x"}))])
    assert (rows_of(path)[0].num_rows, passed(path)) == (1, 2)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("[::ffff:1.2.3.4]:443", "1.2.3.4"),
        ("1.2.3.4:8080", "1.2.3.4"),
        ("2001:DB8::0:7", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("1.2.3.4, 10.0.0.1", "1.2.3.4"),
        ('for="[2001:db8::7]:1"', "2001:db8::7"),
        ("unix:", None),
        ("-", None),
        ("unknown", None),
        ("", None),
        ("203.0.113.***", None),
        ("localhost", None),
        ("_hidden", None),
        ("1.2.3", None),
    ],
)
def test_addresses_are_addresses_in_one_spelling(text, address):
    assert address_in(text) == address


def test_addresses_of_the_contract_s_tables_are_addresses_too(tmp_path):
    several = ["::ffff:1.2.3.4", "1.2.3.4", "unix:", "-", None, "2001:DB8::7"]
    path = write(tmp_path / "log.jsonl", [contract_row(n, client_ip=one) for n, one in enumerate(several)])
    good, _bad, nulled = told_of(path)
    assert good["client_ip"].to_pylist() == ["1.2.3.4", "1.2.3.4", None, None, None, "2001:db8::7"]
    assert sum(number for (column, _why), number in nulled.items() if column == "client_ip") >= 1


def test_ids_of_a_vendor_s_csv_stay_as_they_are_written(tmp_path):
    users = ["7.10", "7.1", "0123", "123", "12.0", "1e5", "-7", "12345678901234567890"]
    head = "request_id,call_type,api_key,spend,startTime,endTime,model,user,prompt_tokens,metadata\n"
    lines = [
        f"{user},acompletion,k,0.1,2026-05-28 10:00:00,2026-05-28 10:00:01,gpt-x,{user},20,{{}}\n"
        for user in users
    ]
    (tmp_path / "spend.csv").write_text(head + "".join(lines))
    good, bad = rows_of(tmp_path / "spend.csv")
    assert bad == []
    assert good["account_id"].to_pylist() == good["exchange_id"].to_pylist() == users
    assert good["input_tokens"].to_pylist() == [20] * len(users)
    assert good["latency_ms"].to_pylist() == [1000.0] * len(users)


def test_an_exchange_without_an_id_has_one_of_file_and_row_that_is_the_same_on_every_reading(
    tmp_path, monkeypatch
):
    record = {name: value for name, value in ACCESS.items() if name != "request_id"} | {
        "request_uri": "/v1/messages",
        "request_body": json.dumps(OPENAI),
    }
    path = write(tmp_path / "access.log", [record] * 300)
    good, _bad = rows_of(path)
    names = good["exchange_id"].to_pylist()
    log = names[0].partition("~")[0]
    mark = names[0].rpartition(":")[0]
    assert re.fullmatch("access.log~[0-9a-f]{8}", mark)
    assert names == [f"{mark}:{n}" for n in range(1, 301)]
    monkeypatch.setattr(vendor, "PART", 20_000)
    form = discover([str(path)]).formats[path].format
    parts = list(vendor.vendor_batches(path, form, {}, Losses(path, log), LIMITS, apart=True))
    assert len(parts) > 3
    assert [name for part in parts for name in part["exchange_id"].to_pylist()] == names


@pytest.mark.parametrize("banner", ["", '{"level": "info", "msg": "gateway started"}\n', "gateway 1.2\n\n"])
def test_ids_made_for_logs_of_one_name_differ_though_they_begin_alike(tmp_path, banner):
    """Replicas and days of one gateway write logs of one name, which may open with the same lines."""
    for replica in range(3):
        lines = [
            json.dumps(
                {
                    "timestamp": f"2026-05-01T10:{minute:02}:00Z",
                    "account_id": f"a-{replica}-{minute}",
                    "model": "m",
                    "prompt": "the same question",
                }
            )
            for minute in range(30)
        ]
        (tmp_path / f"gw{replica}").mkdir()
        (tmp_path / f"gw{replica}" / "gw.log").write_text(banner + "\n".join(lines) + "\n")
    good, _bad = rows_of(tmp_path)
    assert good.num_rows == len(set(good["exchange_id"].to_pylist())) == 90


def test_calls_of_one_line_without_ids_have_different_ones(tmp_path):
    entry = {
        name: value
        for name, value in azure(requestBody=json.dumps(OPENAI)).items()
        if name != "correlationId"
    }
    rows = only(tmp_path, {"records": [entry, entry, entry]})
    assert len({row["exchange_id"] for row in rows}) == 3


def test_json_written_twice_is_read_and_quoted_text_stays(tmp_path):
    assert decoded(json.dumps(json.dumps([1]))) == [1]
    assert decoded('"quoted"') == '"quoted"'
    assert decoded('"unfinished') == '"unfinished'


@pytest.mark.parametrize(
    ("fixture", "page"), [("cloudflare", "result"), ("langsmith", "runs"), ("jaeger", "data")]
)
def test_pages_of_a_vendor_s_api_are_read(tmp_path, fixture, page):
    several = FIXTURES[fixture][1] if page != "data" else FIXTURES[fixture][1][0]["data"]
    path = tmp_path / "page.json"
    path.write_text(json.dumps({page: several, "success": True}, indent=1))
    good, bad = rows_of(path)
    assert (good["prompt"].to_pylist(), bad) == ([PROMPT], [])
