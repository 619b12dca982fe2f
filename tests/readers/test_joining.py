"""Exchanges that several records tell of: in one file, over files that lie together, and in bounded
memory.
"""

import json
import random
import time

import pytest

from stillwatch.readers import joining, traces
from stillwatch.readers.discover import discover
from stillwatch.readers.read import check, read
from tests.readers.logs import rows_of
from tests.readers.vendors import CONTENT, LATEST, NANOS, PROMPT, SECONDS, attribute, span, spans


def write(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def by_id(folder, *columns):
    good, bad = rows_of(folder)
    assert bad == []
    return {row["exchange_id"]: tuple(row[name] for name in columns) for row in good.to_pylist()}


def asked(number, name="req"):
    body = {"model": "gpt-x", "messages": [{"role": "user", "content": f"question {number}"}]}
    return {"custom_id": f"{name}-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


def given(number, name="req"):
    body = {
        "created": SECONDS,
        "model": "gpt-x-1",
        "choices": [{"message": {"content": f"answer {number}"}, "finish_reason": "stop"}],
    }
    return {
        "id": f"b{number}",
        "custom_id": f"{name}-{number}",
        "response": {"status_code": 200, "body": body},
        "error": None,
    }


def failed(number):
    return {
        "id": f"b{number}",
        "custom_id": f"req-{number}",
        "response": None,
        "error": {"code": "batch_expired", "message": "late"},
    }


@pytest.mark.issue(23)
@pytest.mark.parametrize("together", [True, False])
def test_a_batch_s_requests_answers_and_errors_are_joined(tmp_path, together):
    requests, answers, errors = [asked(n) for n in range(4)], [given(2), given(0)], [failed(1)]
    if together:
        write(tmp_path / "all.jsonl", [*requests, *answers, *errors])
    else:
        write(tmp_path / "input.jsonl", requests)
        write(tmp_path / "output.jsonl", answers)
        write(tmp_path / "errors.jsonl", errors)
    assert by_id(tmp_path, "prompt", "response", "model", "status", "finish_reason") == {
        "req-0": ("question 0", "answer 0", "gpt-x", 200, "stop"),
        "req-1": ("question 1", None, "gpt-x", 400, "batch_expired"),
        "req-2": ("question 2", "answer 2", "gpt-x", 200, "stop"),
        "req-3": ("question 3", None, "gpt-x", None, None),
    }


@pytest.mark.issue(23)
def test_a_batch_s_file_alone_gives_all_of_its_rows(tmp_path):
    write(tmp_path / "input.jsonl", [asked(n) for n in range(3)])
    write(tmp_path / "output.jsonl", [given(n) for n in range(3)])
    for name in ("input.jsonl", "output.jsonl"):
        assert len(by_id(tmp_path / name)) == 3


@pytest.mark.issue(23)
def test_ids_that_two_batches_share_lose_no_request_and_no_answer(tmp_path):
    for name in ("alpha", "beta"):
        write(tmp_path / f"batch_{name}_input.jsonl", [asked(n) | {"account_id": name} for n in range(3)])
        write(tmp_path / f"batch_{name}_output.jsonl", [given(n) | {"account_id": name} for n in range(3)])
    good, bad = rows_of(tmp_path)
    rows = good.to_pylist()
    assert bad == []
    assert len(rows) == 6
    assert all(row["prompt"] and row["response"] for row in rows)
    assert sorted(row["account_id"] for row in rows) == ["alpha"] * 3 + ["beta"] * 3


@pytest.mark.issue(23)
def test_a_batch_s_halves_are_joined_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(joining, "HELD", 40_000)
    order = list(range(600))
    random.Random(3).shuffle(order)
    write(tmp_path / "input.jsonl", [asked(n) for n in range(600)])
    write(tmp_path / "output.jsonl", [given(n) for n in order])
    found = by_id(tmp_path, "prompt", "response")
    assert found == {f"req-{n}": (f"question {n}", f"answer {n}") for n in range(600)}
    monkeypatch.setattr(joining, "BESIDE", 10_000)
    joining._indexed.cache_clear()
    found = by_id(tmp_path, "response")
    assert found == {f"req-{n}": (f"answer {n}",) for n in range(600)}


def gateway(number, **more):
    return {
        "time": "2026-05-28T10:00:00Z",
        "category": "GatewayLogs",
        "callerIpAddress": "203.0.113.9",
        "correlationId": f"c{number}",
        "resourceId": "/R",
        "properties": {
            "method": "POST",
            "url": "https://gw/openai/deployments/gpt-chat/chat/completions",
            "apimSubscriptionId": f"customer-{number}",
            "responseCode": 200,
        }
        | more,
    }


def llm(number, sequence, asked_for="", said="", **more):
    return {
        "TimeGenerated": "2026-05-28T10:00:01Z",
        "Type": "ApiManagementGatewayLlmLog",
        "CorrelationId": f"c{number}",
        "_ResourceId": "/R",
        "SequenceNumber": sequence,
        "RequestMessages": asked_for,
        "ResponseMessages": said,
        "ModelName": "gpt-x",
        "DeploymentName": "gpt-chat",
    } | more


@pytest.mark.issue(23)
@pytest.mark.parametrize("together", [True, False])
def test_azure_s_log_of_models_is_joined_over_its_rows_and_with_the_gateway_s(tmp_path, together):
    messages = json.dumps([{"role": "user", "content": PROMPT}])
    answer = json.dumps([{"role": "assistant", "content": "So be it."}])
    models = [
        llm(1, 1, messages[20:], answer[15:]),
        llm(1, 0, messages[:20], answer[:15], PromptTokens=40, CompletionTokens=5),
        llm(2, 0, json.dumps([{"role": "user", "content": "two"}])),
    ]
    gateways = [gateway(1), gateway(3, requestBody='{"messages": [{"role": "user", "content": "three"}]}')]
    if together:
        write(tmp_path / "log.jsonl", [models[0], gateways[0], *models[1:], gateways[1]])
    else:
        write(tmp_path / "gatewayllmlogs" / "y=2026" / "PT1H.jsonl", models)
        write(tmp_path / "gatewaylogs" / "y=2026" / "PT1H.jsonl", gateways)
    assert by_id(tmp_path, "account_id", "prompt", "response", "client_ip", "input_tokens", "model") == {
        "c1": ("customer-1", PROMPT, "So be it.", "203.0.113.9", 40, "gpt-chat"),
        "c2": ("/R", "two", None, None, None, "gpt-x"),
        "c3": ("customer-3", "three", None, "203.0.113.9", None, "gpt-chat"),
    }


def traced(number, **more):
    ids = {"traceId": f"{number:032x}", "spanId": f"{number:016x}"}
    said = (
        LATEST | {"gen_ai.response.id": f"x-{number}", "user.id": "a", "client.address": "203.0.113.9"} | more
    )
    return span(said) | ids


def record(number, name, body, **said):
    told = [attribute(key, value) for key, value in said.items()]
    content = [{"key": key, "value": value} for key, value in body.items()]
    return {
        "timeUnixNano": NANOS,
        "eventName": name,
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "attributes": told,
        "body": {"kvlistValue": {"values": content}},
    }


def turns(number):
    message = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": f"answer {number}"}}]}}
    return [
        record(number, "gen_ai.system.message", {"content": {"stringValue": "Be brief."}}),
        record(number, "gen_ai.user.message", {"content": {"stringValue": f"question {number}"}}),
        record(number, "gen_ai.choice", {"message": message, "finish_reason": {"stringValue": "stop"}}),
    ]


def logs(*several):
    return {"resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": [{"logRecords": list(several)}]}]}


@pytest.mark.issue(23)
@pytest.mark.parametrize("place", ["before", "after", "beside"])
def test_prompts_in_log_records_are_joined_to_their_spans(tmp_path, place):
    calls, said = [spans(traced(n)) for n in range(5)], [logs(*turns(n)) for n in range(4)]
    if place == "beside":
        write(tmp_path / "traces.jsonl", calls)
        write(tmp_path / "logs.jsonl", said)
    else:
        write(tmp_path / "otel.jsonl", [*said, *calls] if place == "before" else [*calls, *said])
    found = by_id(tmp_path, "system_prompt", "prompt", "response")
    assert found == {f"x-{n}": ("Be brief.", f"question {n}", f"answer {n}") for n in range(4)} | {
        "x-4": (None, None, None)
    }


@pytest.mark.issue(23)
@pytest.mark.parametrize("beside", [True, False])
def test_a_log_record_of_a_whole_call_and_its_span_are_one_exchange(tmp_path, beside):
    event = record(
        1,
        "gen_ai.client.inference.operation.details",
        {},
        **(LATEST | CONTENT | {"gen_ai.response.id": "x-1"}),
    )
    alone = record(
        2,
        "gen_ai.client.inference.operation.details",
        {},
        **(LATEST | CONTENT | {"gen_ai.response.id": "x-2", "user.id": "b"}),
    )
    if beside:
        write(tmp_path / "logs.jsonl", [logs(event, alone)])
        write(tmp_path / "traces.jsonl", [spans(traced(1))])
    else:
        write(tmp_path / "otel.jsonl", [logs(event, alone), spans(traced(1))])
    assert by_id(tmp_path, "account_id", "prompt") == {"x-1": ("a", PROMPT), "x-2": ("b", PROMPT)}


@pytest.mark.issue(23)
def test_spans_and_their_log_records_are_joined_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(traces, "WAITING", 50)
    write(tmp_path / "traces.jsonl", [spans(traced(n)) for n in range(400)])
    write(tmp_path / "logs.jsonl", [logs(*turns(n)) for n in range(400)])
    traces._tellings.cache_clear()
    assert by_id(tmp_path, "prompt") == {f"x-{n}": (f"question {n}",) for n in range(400)}
    write(
        tmp_path / "one" / "otel.jsonl", [r for n in range(400) for r in (spans(traced(n)), logs(*turns(n)))]
    )
    assert len(by_id(tmp_path / "one", "prompt")) == 400


@pytest.mark.issue(23)
def test_a_sender_who_chooses_one_trace_for_all_of_his_requests_costs_bounded_memory_and_loses_none(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(traces, "WAITING", 50)
    monkeypatch.setattr(traces, "TEXT_HELD", 20_000)
    one = {"traceId": "f" * 32}
    calls = [spans(traced(n) | one) for n in range(300)]
    said = [logs(*(turn | one for turn in turns(n))) for n in range(300)]
    write(tmp_path / "otel.jsonl", [line for pair in zip(calls, said, strict=True) for line in pair])
    held, taken = [], traces.Traces.take

    def watched(self, *given):
        ready = taken(self, *given)
        held.append(sum(map(len, self.rows.values())) + sum(map(len, self.said.values())))
        return ready

    monkeypatch.setattr(traces.Traces, "take", watched)
    assert len(by_id(tmp_path)) == 300
    assert max(held) < 150


@pytest.mark.issue(23)
def test_observations_of_langfuse_have_the_users_of_their_traces(tmp_path):
    call = {
        "type": "GENERATION",
        "startTime": "2026-05-28T10:00:00Z",
        "model": "gpt-x",
        "usageDetails": {"input": 4, "output": 2},
        "projectId": "p",
    }
    write(
        tmp_path / "observations.jsonl",
        [call | {"id": f"o{n}", "traceId": f"t{n % 2}", "input": "hi"} for n in range(4)],
    )
    trace = {"timestamp": "2026-05-28T10:00:00Z", "projectId": "p", "sessionId": "s"}
    write(tmp_path / "traces.jsonl", [trace | {"id": f"t{n}", "userId": f"u{n}"} for n in range(2)])
    assert by_id(tmp_path, "account_id", "conversation_id") == {f"o{n}": (f"u{n % 2}", "s") for n in range(4)}


@pytest.mark.issue(23)
def test_what_another_file_tells_is_counted_once(tmp_path):
    write(tmp_path / "input.jsonl", [asked(n) for n in range(3)])
    write(tmp_path / "output.jsonl", [given(n) for n in range(3)])
    sources = check(discover([str(tmp_path)]), {})
    counts = [(batch.file.name, batch.passed_over) for batch in read(sources, {}) if batch.passed_over]
    assert counts == [("input.jsonl", 3)]


HOSTILE = [
    "",
    "\ud83d",
    "\x00",
    "[" * 3000,
    '{"a":' * 1500,
    '[{"role": ["user"], "content": 7}]',
    '{"messages": 7}',
    "data: {",
    '"',
    "9" * 5000,
    "x" * 50_000,
    "{",
    "[1,",
    '[{"type": "tool_use", "name": {}}]',
    '{"role": {}, "parts": {"text": {"text": {}}}}',
]


@pytest.mark.issue(23)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_call_is_lost_by_what_a_sender_wrote_into_a_part_of_it(tmp_path, text):
    said = [
        record(
            n,
            name,
            {
                "content": {"stringValue": text},
                "message": {"stringValue": text},
                "role": {"stringValue": text},
            },
        )
        for n in range(3)
        for name in ("gen_ai.user.message", "gen_ai.choice", "gen_ai.system.message")
    ]
    write(tmp_path / "otel" / "log.jsonl", [logs(*said), *(spans(traced(n)) for n in range(3))])
    assert len(by_id(tmp_path / "otel")) == 3
    models = [llm(n, sequence, text, text) for n in range(3) for sequence in (0, 1)]
    write(
        tmp_path / "azure" / "log.jsonl",
        [*models, *(gateway(n, requestBody=text, responseBody=text) for n in range(3))],
    )
    assert len(by_id(tmp_path / "azure")) == 3
    body = {"model": text, "messages": [{"role": text, "content": text}], "tools": text, "max_tokens": text}
    asking = [{"custom_id": f"r{n}", "body": body} for n in range(3)]
    answering = [
        {
            "custom_id": f"r{n}",
            "response": {"status_code": 200, "body": {"choices": [{"message": text}], "usage": text}},
        }
        for n in range(3)
    ]
    write(tmp_path / "batch" / "log.jsonl", [*asking, *answering])
    assert len(by_id(tmp_path / "batch")) == 3


@pytest.mark.issue(23)
def test_a_sender_who_uses_one_id_for_all_of_his_requests_loses_none_and_stalls_nothing(tmp_path):
    write(tmp_path / "input.jsonl", [asked(n) | {"custom_id": "one"} for n in range(4000)])
    write(tmp_path / "output.jsonl", [given(n) | {"custom_id": "one"} for n in range(3900)])
    began = time.perf_counter()
    good, bad = rows_of(tmp_path)
    assert (good.num_rows, bad) == (4000, [])
    assert sorted(good["prompt"].to_pylist()) == sorted(f"question {n}" for n in range(4000))
    assert time.perf_counter() - began < 30
