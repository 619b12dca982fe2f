"""Shapes of public logs in which a value once got lost."""

import json

import pytest

from tests.readers.logs import row, rows_of, told_of

pytestmark = pytest.mark.issue(23)

BEDROCK = {
    "schemaType": "ModelInvocationLog",
    "timestamp": "2026-05-04T09:00:01Z",
    "accountId": "111122223333",
    "requestId": "r1",
    "operation": "Converse",
    "modelId": "m",
    "identity.arn": "arn:aws:sts::1:assumed-role/app/s",
    "input.inputBodyJson": {"messages": [{"role": "user", "content": [{"text": "asked"}]}]},
    "input.inputTokenCount": 6,
    "output.outputBodyJson": {
        "output": {"message": {"role": "assistant", "content": [{"text": "said"}]}},
        "stopReason": "end_turn",
    },
    "output.outputTokenCount": 3,
}
TRACE = {
    "id": "t1",
    "timestamp": "2026-05-04T09:00:00Z",
    "userId": "u1",
    "sessionId": "s1",
    "scores": [],
    "observations": [
        {
            "id": "o1",
            "traceId": "t1",
            "type": "GENERATION",
            "startTime": "2026-05-04T09:00:01Z",
            "completionStartTime": None,
            "model": "m",
            "input": [{"role": "user", "content": "asked"}],
            "output": {"role": "assistant", "content": "said"},
        }
    ],
}


def written(folder, *records):
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize(
    ("message", "response"),
    [
        ({"content": "said", "tool_calls": None, "function_call": None}, "said"),
        ({"content": "said", "refusal": None, "reasoning": "thought", "reasoning_details": []}, "said"),
        ({"content": "said", "thinking": "thought"}, "said"),
        ({"content": "said", "audio": None}, "said"),
        ({"content": None, "function_call": {"name": "look_up", "arguments": "{}"}}, "[tool look_up]"),
        ({"content": "", "function_call": {"name": "look_up", "arguments": "{}"}}, "[tool look_up]"),
        ({"content": None, "refusal": "I cannot help"}, "I cannot help"),
    ],
)
def test_an_answer_keeps_its_text_beside_empty_calls_and_beside_reasoning(tmp_path, message, response):
    record = {
        "request_id": "r1",
        "timestamp": "2026-05-04T09:00:01Z",
        "account_id": "a1",
        "request": {"model": "m", "messages": [{"role": "user", "content": "asked"}]},
        "response": {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": "stop"}]},
    }
    good, bad = rows_of(written(tmp_path, record))
    assert bad == []
    assert good["response"].to_pylist() == [response]


def test_a_bedrock_record_that_a_log_store_flattened_is_the_record(tmp_path):
    good, bad = rows_of(written(tmp_path, BEDROCK))
    assert bad == []
    (told,) = good.to_pylist()
    assert (told["account_id"], told["prompt"], told["response"]) == (
        BEDROCK["identity.arn"],
        "asked",
        "said",
    )
    assert (told["input_tokens"], told["output_tokens"]) == (6, 3)


def test_observations_within_a_trace_are_those_of_its_user(tmp_path):
    path = tmp_path / "trace.json"
    path.write_text(json.dumps(TRACE))
    good, bad = rows_of(path)
    assert bad == []
    (told,) = good.to_pylist()
    assert (told["account_id"], told["conversation_id"]) == ("u1", "s1")
    assert (told["prompt"], told["response"]) == ("asked", "said")


@pytest.mark.parametrize("ending", [".jsonl", ".json"])
def test_health_checks_between_rows_of_the_contract_are_passed_over_and_a_row_without_account_is_not(
    tmp_path, ending
):
    records = [
        {"level": "info", "msg": "GET /healthz"},
        {"timestamp": "2026-05-04T09:00:01Z", "level": "info"},
        row(1),
        {name: value for name, value in row(2).items() if name != "account_id"},
    ]
    path = tmp_path / f"log{ending}"
    raw = json.dumps(records) if ending == ".json" else "".join(json.dumps(one) + "\n" for one in records)
    path.write_text(raw)
    good, bad, _nulled = told_of(path)
    assert good["exchange_id"].to_pylist() == ["x1"]
    assert [one["row"] for one in bad] == [4]


@pytest.mark.parametrize(
    ("request_", "answer", "told"),
    [
        (
            {"model": "m", "messages": [{"role": "user", "content": "asked"}]},
            {
                "model": "m",
                "message": {"role": "assistant", "content": "said"},
                "done_reason": "stop",
                "prompt_eval_count": 4,
                "eval_count": 5,
            },
            ("asked", "said", 4, 5, "stop"),
        ),
        (
            {"model": "m", "messages": [{"role": "user", "content": "asked"}]},
            {
                "id": "c",
                "finish_reason": "COMPLETE",
                "message": {"role": "assistant", "content": [{"type": "text", "text": "said"}]},
                "usage": {"tokens": {"input_tokens": 3, "output_tokens": 4}},
            },
            ("asked", "said", 3, 4, "COMPLETE"),
        ),
        (
            {"model": "m", "contents": [{"role": "user", "parts": [{"text": "asked"}]}]},
            {
                "candidates": [
                    {"content": {"parts": [{"text": "a thought", "thought": True}, {"text": "said"}]}}
                ],
                "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2},
            },
            ("asked", "said", 1, 2, None),
        ),
        (
            {"model": "m", "inputs": "asked", "parameters": {"max_new_tokens": 3}},
            {"generated_text": "said", "details": {"finish_reason": "length", "generated_tokens": 3}},
            ("asked", "said", None, 3, "length"),
        ),
        (
            {"model": "m", "input": ["first", "second"]},
            {"object": "list", "data": [], "usage": {"prompt_tokens": 5}},
            ("first\nsecond", None, 5, None, None),
        ),
    ],
    ids=["ollama", "cohere", "gemini", "tgi", "embeddings"],
)
def test_bodies_of_other_providers_keep_their_text_and_their_counts(tmp_path, request_, answer, told):
    record = {"id": "r", "timestamp": "2026-05-04T09:00:01Z", "account_id": "a"}
    good, bad = rows_of(written(tmp_path, record | {"request": request_, "response": answer}))
    assert bad == []
    names = ["prompt", "response", "input_tokens", "output_tokens", "finish_reason"]
    assert tuple(good.select(names).to_pylist()[0].values()) == told
