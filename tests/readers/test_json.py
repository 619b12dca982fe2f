"""JSON as loggers and senders write it is read, whatever it stands in."""

import json
import random

import pytest

from stillwatch.readers import records
from stillwatch.readers.limits import Limits
from stillwatch.readers.tolerant import objects
from tests.readers.logs import row, rows_of, told_of
from tests.readers.vendors import FIXTURES, VLLM

PAYLOAD = FIXTURES["litellm payload"][1][0]
ROWS = [row(number, prompt='a "}{" [b], naïve 字\n{c') for number in range(4)]
PAYLOADS = [PAYLOAD | {"id": f"x{number}"} for number in range(4)]
IDS = ["x0", "x1", "x2", "x3"]


def joined(ones, sign, indent=None, before=""):
    return sign.join(before + json.dumps(one, indent=indent) for one in ones)


WAYS = {
    "lines": lambda ones: joined(ones, "\n"),
    "lines of DOS": lambda ones: joined(ones, "\r\n"),
    "lines of old Macs": lambda ones: joined(ones, "\r"),
    "without anything between": lambda ones: joined(ones, ""),
    "two a line": lambda ones: joined(ones[:2], "") + "\n" + joined(ones[2:], " "),
    "over several lines": lambda ones: joined(ones, "\n", 2),
    "over several lines, without anything between": lambda ones: joined(ones, "", 1),
    "an array": json.dumps,
    "columns of pandas": lambda ones: json.dumps(
        {name: {str(n): one[name] for n, one in enumerate(ones)} for name in ones[0]}
    ),
    "an array over several lines": lambda ones: json.dumps(ones, indent=2),
    "an array of lines": lambda ones: "[\n" + joined(ones, ",\n") + "\n]\n",
    "lines with commas": lambda ones: joined(ones, ",\n") + ",\n",
    "arrays in lines": lambda ones: json.dumps(ones[:2]) + "\n" + json.dumps(ones[2:]),
    "arrays one after the other": lambda ones: (
        json.dumps(ones[:2], indent=1) + "\n" + json.dumps(ones[2:], indent=1)
    ),
    "a sequence with its signs": lambda ones: joined(ones, "\n", before="\x1e"),
    "events of a stream": lambda ones: joined(ones, "\n\n", before="data: ") + "\n\ndata: [DONE]\n",
    "as texts in lists": lambda ones: "\n".join(json.dumps([json.dumps(one)]) for one in ones),
    "after a tag and a time": lambda ones: "\n".join(json.dumps(["tag", 1777885200, one]) for one in ones),
    "in a list after their times": lambda ones: joined([[[1777885200.5, one]] for one in ones], "\n"),
    "objects between lines of text": lambda ones: (
        "Starting.\n" + joined(ones, "\n2026-05-04 INFO said\n", 2) + "\nBye"
    ),
}


@pytest.mark.issue(23)
@pytest.mark.parametrize(
    ("ending", "encoding"),
    [
        ("jsonl", "utf-8"),
        ("json", "utf-8"),
        ("log", "utf-8"),
        ("jsonl", "utf-8-sig"),
        ("json", "utf-16"),
        ("log", "utf-16-be"),
    ],
)
@pytest.mark.parametrize("how", WAYS)
def test_objects_are_read_however_they_stand_in_a_file(tmp_path, how, encoding, ending):
    for ones in (ROWS, PAYLOADS):
        path = tmp_path / f"log.{ending}"
        path.write_bytes(WAYS[how](ones).encode(encoding))
        good, bad = rows_of(path)
        assert good.column("exchange_id").to_pylist() == IDS
        assert bad == []
        assert ones is PAYLOADS or good.column("prompt").to_pylist() == [ROWS[0]["prompt"]] * 4


@pytest.mark.issue(23)
@pytest.mark.parametrize(
    "how", [way for way in WAYS if not way.endswith(("time", "times", "pandas", "in lists"))]
)
def test_objects_of_a_large_file_are_read_in_pieces(tmp_path, monkeypatch, how):
    for name, size in (("WHOLE", 100), ("BLOCK", 64), ("PEEK", 512), ("LINES", 64)):
        monkeypatch.setattr(records, name, size)
    path = tmp_path / "log.json"
    path.write_text(WAYS[how](PAYLOADS))
    good, bad = rows_of(path)
    assert good.column("exchange_id").to_pylist() == IDS
    assert bad == []


@pytest.mark.issue(23)
@pytest.mark.parametrize(
    "how", ["over several lines", "an array over several lines", "an array of lines", "lines"]
)
@pytest.mark.parametrize("size", [64, 1 << 20])
def test_a_broken_object_costs_itself(tmp_path, monkeypatch, how, size):
    monkeypatch.setattr(records, "BLOCK", size)
    monkeypatch.setattr(records, "WHOLE", size)
    text = WAYS[how]([one | {"mark": f"mark {place}"} for place, one in enumerate(PAYLOADS)])
    spoiled = text.replace('"mark": "mark 1"', '"mark": {"mark 1')
    (tmp_path / "log.json").write_text(spoiled)
    good, bad = rows_of(tmp_path / "log.json")
    assert good.column("exchange_id").to_pylist() == ["x0", "x2", "x3"]
    assert len(bad) == 1


@pytest.mark.issue(23)
def test_an_object_beyond_the_limit_costs_itself_in_every_way(tmp_path):
    ones = [
        *PAYLOADS[:2],
        PAYLOAD | {"messages": [{"role": "user", "content": "x" * 200_000}]},
        *PAYLOADS[2:],
    ]
    for how in ("lines", "over several lines", "an array over several lines"):
        (tmp_path / "log.json").write_text(WAYS[how](ones))
        good, bad = rows_of(tmp_path / "log.json", limits=Limits(line=100_000))
        assert good.column("exchange_id").to_pylist() == IDS, how
        assert any("--limit line" in one["reason"] for one in bad)


@pytest.mark.issue(23)
@pytest.mark.parametrize(
    "written",
    [
        '"\\ud83d"',
        '"a\\udc00b"',
        "NaN",
        "-Infinity",
        '"\\u0000\\ud800"',
        "[" * 400 + "]" * 400,
        "1e999",
        "9" * 400,
        '"\x01\x02"',
    ],
)
@pytest.mark.parametrize("how", WAYS)
def test_hostile_json_costs_no_row_however_it_stands_in_a_file(tmp_path, how, written):
    for ones in (ROWS, PAYLOADS):
        made = [one | {"user_agent": "HERE"} for one in ones]
        (tmp_path / "log.json").write_text(WAYS[how](made).replace('"HERE"', written))
        good, bad = rows_of(tmp_path / "log.json")
        assert good.num_rows == 4
        assert bad == []


@pytest.mark.issue(23)
def test_bytes_that_are_not_utf8_in_protobuf_cost_no_row(tmp_path):
    pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in range(3):
        one = spans.add(trace_id=bytes([number] * 16), span_id=bytes([number] * 8), name="chat m")
        one.start_time_unix_nano = 1_777_885_200_000_000_000
        said = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "user.id": f"a{number}",
            "gen_ai.response.id": f"x{number}",
            "gen_ai.input.messages": json.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": f"SPOIL{number}"}]}]
            ),
        }
        for key, value in said.items():
            one.attributes.add(key=key).value.string_value = value
    raw = request.SerializeToString()
    spoiled = raw.replace(b"SPOIL1", b"\xff\xfe\xed\xa0\x801")
    (tmp_path / "log.pb").write_bytes(len(spoiled).to_bytes(4, "big") + spoiled)
    (tmp_path / "good.pb").write_bytes(len(raw).to_bytes(4, "big") + raw)
    good, bad = rows_of(tmp_path / "log.pb")
    plain, _bad = rows_of(tmp_path / "good.pb")
    assert bad == []
    assert good.drop_columns(["prompt"]).equals(plain.drop_columns(["prompt"]))
    assert good.column("prompt").to_pylist() == ["SPOIL0", "\ufffd\ufffd\ufffd\ufffd\ufffd1", "SPOIL2"]


@pytest.mark.issue(23)
def test_lines_of_text_in_rows_of_the_contract_are_passed_over_and_broken_ones_are_not(tmp_path):
    lines = [
        "Starting the server",
        json.dumps(ROWS[0]),
        "done.",
        '{"exchange_id": "x9", "time',
        json.dumps(ROWS[1]),
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    good, bad, _nulled = told_of(tmp_path / "log.jsonl")
    assert good.column("exchange_id").to_pylist() == IDS[:2]
    assert [one["row"] for one in bad] == [4]


@pytest.mark.issue(23)
@pytest.mark.parametrize(
    "said", ["\ufffd\ufffd\ufffd", "\x00", '{"a": 1}', "[[", "\u2028", "\x85", "data: {}", "}"]
)
def test_no_sign_in_a_line_of_text_costs_it_where_a_format_reads_lines(tmp_path, said):
    honest = VLLM.split("\n")[1]
    lines = [honest, honest.replace("prompt: '", f"prompt: '{said}"), honest]
    for name, some in (
        ("log.log", lines),
        ("d.log", [json.dumps({"log": one, "stream": "stdout", "time": "x"}) for one in lines]),
    ):
        (tmp_path / name).write_text("\n".join(some))
        good, bad = rows_of(tmp_path / name)
        assert good.num_rows == 3
        assert bad == []


@pytest.mark.issue(23)
def test_what_is_made_of_random_cuts_of_objects_is_the_objects_or_nothing():
    rng = random.Random(23)
    for _ in range(300):
        some = [
            {"a": rng.choice(["}{", "\\", '"', "{", "]", "x"]) * 3, "b": [1, {"c": None}]}
            for _ in range(rng.randint(1, 4))
        ]
        text = rng.choice(["", "\n", "\r", " , ", "\x1e"]).join(map(json.dumps, some))
        assert objects(text) == some
        assert objects(text.encode()) == some
        assert objects(text[: -rng.randint(1, 5)]) is None
