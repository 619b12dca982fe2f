"""Records are taken out of what shippers put around them, in any order and depth."""

import copy
import gzip
import json
import time

import pytest

from stillwatch.errors import InputError
from stillwatch.readers.discover import discover
from stillwatch.readers.envelope import all_envelopes
from stillwatch.readers.limits import Limits
from stillwatch.readers.read import check, read
from tests.readers.logs import row, rows_of
from tests.readers.shippers import SHIPPERS, WRAPS, S, T, packed, shipped, text
from tests.readers.vendors import FIXTURES, VLLM

PAYLOAD = FIXTURES["litellm payload"][1][0]


def payloads(number):
    made = [copy.deepcopy(PAYLOAD) for _ in range(number)]
    for place, one in enumerate(made):
        one["id"] = f"x{place}"
    return made


def told(path, **limits):
    """Rows, quarantine, and the last batch of one file."""
    sources = check(discover([str(path)]), {}, Limits(**limits))
    batches = list(read(sources, {}, Limits(**limits)))
    rows = [one for batch in batches for one in batch.rows.to_pylist()]
    lost = [one for batch in batches for one in batch.quarantine.to_pylist()]
    return rows, lost, batches[-1]


def read_back(folder, raw, name="log.jsonl", **limits):
    (folder / name).write_bytes(raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass"))
    return told(folder / name, **limits)


@pytest.fixture
def plain(tmp_path):
    return read_back(tmp_path, "\n".join(map(json.dumps, payloads(3))), "plain.jsonl")[0]


@pytest.mark.issue(23)
def test_every_envelope_has_a_shipper_that_makes_it():
    assert {one.name for one in all_envelopes()} == set(SHIPPERS)


@pytest.mark.issue(23)
@pytest.mark.parametrize(("name", "wrap"), WRAPS)
def test_records_in_an_envelope_are_the_records(tmp_path, plain, name, wrap):
    ending, raw = shipped(payloads(3), wrap)
    rows, lost, last = read_back(tmp_path, raw, f"log{ending}")
    assert rows == plain
    assert lost == []
    assert name in last.envelopes
    assert last.records == 3


@pytest.mark.issue(23)
@pytest.mark.parametrize(("name", "outer"), WRAPS)
def test_envelopes_in_envelopes_are_opened_in_any_order(tmp_path, plain, name, outer):
    for other, inner in ((other, wraps[len(name) % len(wraps)]) for other, wraps in SHIPPERS.items()):
        if (name, other) == ("prefixed", "logfmt"):  # a prefix stands before an object
            continue
        ending, raw = shipped([inner(one) for one in payloads(3)], outer)
        rows, lost, last = read_back(tmp_path, raw, f"log{ending}")
        assert (rows, lost) == (plain, []), other
        assert other in last.envelopes or name in last.envelopes


@pytest.mark.issue(23)
@pytest.mark.parametrize(("name", "wrap"), WRAPS)
def test_rows_of_the_contract_in_an_envelope_are_rows(tmp_path, name, wrap):
    ending, raw = shipped([row(number) for number in range(3)], wrap)
    rows, lost, _last = read_back(tmp_path, raw, f"log{ending}")
    assert [one["exchange_id"] for one in rows] == ["x0", "x1", "x2"]
    assert lost == []
    bare = [{k: v for k, v in row(number).items() if k != "exchange_id"} for number in range(3)]
    ending, raw = shipped(bare, wrap)
    rows, lost, _last = read_back(tmp_path, raw, f"bare{ending}")
    assert [one["account_id"] for one in rows] == ["a0", "a1", "a2"]
    assert lost == []


@pytest.mark.issue(23)
def test_lines_of_text_in_an_envelope_are_lines_and_have_its_time(tmp_path):
    line = VLLM.split("\n")[1]
    bare = line[line.index("Received request") :]
    made = [{"log": line + "\n", "stream": "stdout", "time": T}] * 2
    made += [{"timestamp": T, "level": "INFO", "name": "vllm.entrypoints.logger", "message": bare}]
    rows, lost, last = read_back(tmp_path, "\n".join(map(json.dumps, made)), "log.log")
    assert len(rows) == 3
    assert lost == []
    assert rows[2]["timestamp"].isoformat() == "2026-05-04T09:00:00.123456+00:00"
    assert last.envelopes == {"docker": 2, "message_field": 1}


def in_pieces(one, size, how):
    whole = json.dumps(one)
    some = [whole[at : at + size] for at in range(0, len(whole), size)]
    if how == "cri":
        return [f"{T} stdout {'F' if piece is some[-1] else 'P'} {piece}" for piece in some]
    end = "\n" if how == "docker" else ""
    return [
        json.dumps({"log": piece + (end if piece is some[-1] else ""), "stream": "stdout", "time": T})
        for piece in some
    ]


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", ["cri", "docker", "docker without line ends"])
def test_a_record_that_a_runtime_cut_into_pieces_is_put_together(tmp_path, plain, how):
    lines = [line for one in payloads(3) for line in in_pieces(one, 300, how)]
    rows, lost, last = read_back(tmp_path, "\n".join(lines), "log.log")
    assert rows == plain
    assert lost == []
    assert last.records == 3


@pytest.mark.issue(23)
def test_pieces_that_exceed_the_limit_of_a_line_cost_their_record_and_no_other(tmp_path):
    large = payloads(1)[0] | {"messages": [{"role": "user", "content": "x" * 50_000}]}
    lines = [line for one in (*payloads(1), large, *payloads(1)) for line in in_pieces(one, 3_000, "cri")]
    rows, lost, _last = read_back(tmp_path, "\n".join(lines), "log.log", line=20_000)
    assert len(rows) == 2
    assert any("--limit line" in one["reason"] for one in lost)


@pytest.mark.issue(23)
def test_a_record_of_which_pieces_are_missing_is_set_aside_and_its_neighbours_are_read(tmp_path, plain):
    first, second, third = (in_pieces(one, 300, "docker") for one in payloads(3))
    rows, lost, _last = read_back(tmp_path, "\n".join([*first, *second[:-1], *third]), "log.log")
    assert rows == [plain[0], plain[2]]
    assert len(lost) == 1


@pytest.mark.issue(23)
def test_what_is_packed_is_unpacked_to_the_limit_of_a_line_and_no_further(tmp_path):
    bomb = {"awslogs": {"data": packed("x" * 30_000_000, zipped=True)}}
    good = {"awslogs": {"data": packed(payloads(1)[0], zipped=True)}}
    raw = "\n".join(map(json.dumps, (good, bomb, good)))
    rows, lost, _last = read_back(tmp_path, raw, line=1_000_000)
    assert len(rows) == 2
    assert len(lost) == 1


@pytest.mark.issue(23)
@pytest.mark.parametrize("ending", [".log", ".jsonl", ".json"])
@pytest.mark.parametrize(
    "head",
    [
        "\n".join(f"INFO:     step {number} of the start: {{'workers': 4}}" for number in range(300)),
        json.dumps({"status": "ok", "path": "/health"}),
        "\n".join(json.dumps({"action": "key.created", "at": number}) for number in range(150)),
        "{\n  'a': 1\n}\n\n=====",
    ],
)
def test_what_is_no_exchange_at_the_head_of_a_file_does_not_make_it_unknown(tmp_path, plain, head, ending):
    raw = head + "\n" + "\n".join(map(json.dumps, payloads(3)))
    rows, _lost, _last = read_back(tmp_path, raw, f"log{ending}")
    assert rows == plain


@pytest.mark.issue(23)
def test_lines_of_text_between_records_are_counted_and_not_quarantined(tmp_path, plain):
    lines = [
        line
        for one in payloads(3)
        for line in ('INFO: 10.0.0.1:5 - "POST /chat" 200 OK', json.dumps(one), "Traceback:")
    ]
    rows, lost, last = read_back(tmp_path, "\n".join(lines), "log.log")
    assert rows == plain
    assert lost == []
    assert last.passed_over == 6


@pytest.mark.issue(23)
def test_text_of_a_sender_within_a_line_is_no_record(tmp_path):
    forged = json.dumps(PAYLOAD | {"id": "forged"})
    lines = [f'INFO: 10.0.0.1:5 - "GET /x?{forged} HTTP/1.1" 404 Not Found', json.dumps(PAYLOAD)]
    lines += [
        json.dumps({"level": "info", "message": f"said:\n{forged}"}),
        json.dumps({"log": f"said\n {forged}\n", "stream": "x", "time": T}),
    ]
    rows, _lost, _last = read_back(tmp_path, "\n".join(lines), "log.log")
    assert len(rows) == 1


@pytest.mark.issue(23)
def test_a_record_that_its_format_knows_is_not_opened(tmp_path):
    record = PAYLOAD | {
        "message": json.dumps(PAYLOAD | {"id": "forged"}),
        "log": json.dumps(PAYLOAD),
        "time": S,
    }
    rows, lost, last = read_back(tmp_path, json.dumps(record))
    assert len(rows) == 1
    assert (lost, last.envelopes) == ([], {})


@pytest.mark.issue(23)
def test_control_messages_and_actions_of_a_bulk_file_hold_nothing(tmp_path, plain):
    lines = [
        json.dumps(
            {"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "timestamp": 1, "message": "CWL"}]}
        )
    ]
    for one in payloads(3):
        lines += [json.dumps({"index": {"_index": "i", "_id": "1"}}), json.dumps(one)]
    rows, lost, _last = read_back(tmp_path, "\n".join(lines))
    assert rows == plain
    assert lost == []


@pytest.mark.issue(23)
@pytest.mark.parametrize("name", ["@message", "_raw", "Content", "log"])
def test_a_column_of_a_csv_file_that_holds_records_is_opened(tmp_path, plain, name):
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["timestamp", name])
    for one in payloads(3):
        writer.writerow([T, text(one)])
    rows, lost, _last = read_back(tmp_path, out.getvalue(), "log.csv")
    assert rows == plain
    assert lost == []


@pytest.mark.issue(23)
def test_a_compressed_file_of_envelopes_is_read_alike(tmp_path, plain):
    _ending, raw = shipped(payloads(3), SHIPPERS["docker"][0])
    rows, _lost, _last = read_back(tmp_path, gzip.compress(raw), "log.jsonl.gz")
    assert rows == plain


@pytest.mark.issue(23)
def test_a_log_in_envelopes_read_in_parts_is_the_log_read_whole(tmp_path, monkeypatch):
    from stillwatch.readers import vendor
    from tests.readers.test_apart import told as both

    monkeypatch.setattr(vendor, "PART", 3_000)
    path = tmp_path / "log.log"
    path.write_text("\n".join(line for one in payloads(30) for line in in_pieces(one, 700, "cri")))
    whole, parts = both(path, "litellm_payload", apart=False), both(path, "litellm_payload", apart=True)
    assert whole[0].num_rows == 30
    assert parts[0].equals(whole[0])


@pytest.mark.issue(23)
def test_an_envelope_of_nothing_known_is_of_no_format(tmp_path):
    (tmp_path / "log.log").write_text(json.dumps({"log": '{"a": 1}\n', "stream": "stdout", "time": T}))
    with pytest.raises(InputError):
        rows_of(tmp_path / "log.log")


@pytest.mark.issue(23)
def test_every_record_is_a_row_or_counted(tmp_path):
    odd = [
        {"events": []},
        {"streams": []},
        {"_raw": "", "_time": T},
        {"log": "\n", "stream": "stdout", "time": T},
        {"hits": {"hits": []}},
        {"messageType": "CONTROL_MESSAGE", "logEvents": []},
        {"data": []},
        {"message": "started"},
    ]
    lines = [json.dumps(one) for one in payloads(9)]
    for place, one in enumerate(odd):
        lines.insert(2 * place + 1, json.dumps(one))
    rows, lost, last = read_back(tmp_path, "\n".join(lines))
    assert len(rows) == 9
    assert len(lost) + last.passed_over == len(odd)


@pytest.mark.issue(23)
def test_a_hostile_record_in_many_envelopes_costs_no_more_than_its_size(tmp_path):
    def nested(deep):
        inner = {"x": "y" * 50} if deep == 0 else nested(deep - 1)
        return {
            "event": inner,
            "time": 1,
            "data": inner,
            "_source": inner,
            "_id": 1,
            "jsonPayload": inner,
            "message": json.dumps(inner),
        }

    began = time.perf_counter()
    hostile = [json.dumps(nested(4)) for _ in range(3)]
    rows, _lost, _last = read_back(tmp_path, "\n".join([*map(json.dumps, payloads(3)), *hostile]))
    assert len(rows) == 3
    assert time.perf_counter() - began < 5 + 4 * sum(map(len, hostile)) / 1e6
