import gzip
import json
import os
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError, UsageError
from stillwatch.readers.discover import discover
from stillwatch.readers.read import check, read
from stillwatch.readers.recognise import recognise
from stillwatch.readers.registry import Malformed, all_formats, moment
from tests.readers.logs import row as contract_row
from tests.readers.logs import rows_of
from tests.readers.vendors import ANSWER, FIXTURES, LATEST, PROMPT, SECONDS, VLLM, span, spans

NAMES = sorted(FIXTURES)


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.issue(5)
@pytest.mark.parametrize("name", NAMES)
def test_a_vendor_s_record_is_recognised_and_loses_no_mapped_field(tmp_path, name):
    form, records, wanted = FIXTURES[name]
    path = write(tmp_path / "log.jsonl", records)
    told = recognise(path, {})
    assert told.name == form
    assert told.why
    good, bad = rows_of(path)
    assert bad == []
    (row,) = good.to_pylist()
    assert {key: row[key] for key in wanted} == wanted
    assert abs(row["timestamp"].timestamp() - SECONDS) < 1
    assert row["account_id"]
    assert row["exchange_id"]
    assert row["model"]


@pytest.mark.issue(5)
@pytest.mark.parametrize("name", NAMES)
def test_each_fixture_is_of_one_format_only(name):
    form, records, _wanted = FIXTURES[name]
    for record in records:
        exact = {f.name for f in all_formats() if f.recognise(record) and not f.loose}
        assert exact <= {form}
        assert not exact or next(f for f in all_formats() if f.recognise(record)).name == form


@pytest.mark.issue(5)
def test_every_format_has_a_fixture_and_a_documented_mapping():
    others = {"contract_document", "vllm"}  # tested with arrays and with text, below
    assert {form for form, _r, _w in FIXTURES.values()} | others == {f.name for f in all_formats()}
    for form in all_formats():
        assert {"exchange_id", "timestamp", "account_id", "model"} <= form.fields.keys()
        assert form.title
        assert form.source


@pytest.mark.issue(5)
def test_vllm_s_text_is_read_line_by_line_and_other_lines_are_passed_over(tmp_path):
    path = tmp_path / "server.log"
    path.write_text(VLLM)
    moment_of = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
    os.utime(path, (moment_of, moment_of))
    good, bad = rows_of(path)
    assert bad == []
    one, two = good.to_pylist()
    assert one["prompt"] == PROMPT + "\n'quoted'"
    assert (one["temperature"], one["top_p"], one["max_tokens"], one["input_tokens"]) == (0.2, 0.9, 512, 3)
    assert (two["model"], two["prompt"]) == ("sql", None)
    assert one["timestamp"].year == 2026
    os.utime(path, (datetime(2027, 2, 1, tzinfo=UTC).timestamp(),) * 2)
    assert rows_of(path)[0].to_pylist()[0]["timestamp"].year == 2026


@pytest.mark.issue(5)
def test_otlp_protobuf_tells_what_its_json_tells(tmp_path):
    pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    _form, records, wanted = FIXTURES["otlp latest, joined with its HTTP span"]
    message = ExportTraceServiceRequest()
    for given_span in records[0]["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        if not message.resource_spans:
            message.resource_spans.add().scope_spans.add()
        made = message.resource_spans[0].scope_spans[0].spans.add()
        made.trace_id, made.span_id = (
            bytes.fromhex(given_span["traceId"]),
            bytes.fromhex(given_span["spanId"]),
        )
        made.start_time_unix_nano = int(given_span["startTimeUnixNano"])
        made.end_time_unix_nano = int(given_span["endTimeUnixNano"])
        for one in given_span["attributes"]:
            value = made.attributes.add(key=one["key"]).value
            kind, said = next(iter(one["value"].items()))
            if kind == "arrayValue":
                for inner in said["values"]:
                    value.array_value.values.add().string_value = inner["stringValue"]
            else:
                name = {
                    "stringValue": "string_value",
                    "intValue": "int_value",
                    "doubleValue": "double_value",
                    "boolValue": "bool_value",
                }[kind]
                setattr(value, name, int(said) if kind == "intValue" else said)
    raw = message.SerializeToString()
    for name, data in (("one.binpb", raw), ("framed.pb", len(raw).to_bytes(4, "big") + raw)):
        (tmp_path / name).write_bytes(data)
        good, bad = rows_of(tmp_path / name)
        assert bad == []
        (row,) = good.to_pylist()
        assert {key: row[key] for key in wanted} == wanted


@pytest.mark.issue(5)
def test_arrays_documents_and_compressed_files_hold_the_same_rows(tmp_path):
    _form, records, _wanted = FIXTURES["bedrock"]
    several = [record | {"requestId": f"x{n}"} for n, record in enumerate(records * 3)]
    (tmp_path / "a.json").write_text(json.dumps(several, indent=1))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, several)).encode()))
    (tmp_path / "c.json").write_text(json.dumps(several[0], indent=2))
    rows = [rows_of(tmp_path / name)[0] for name in ("a.json", "b.jsonl.gz", "c.json")]
    assert rows[0].equals(rows[1])
    assert rows[2].num_rows == 1


@pytest.mark.issue(5)
def test_csv_and_parquet_exports_are_read_by_their_columns(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    _form, records, wanted = FIXTURES["langfuse export"]
    flat = {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in records[0].items()}
    pq.write_table(pa.Table.from_pylist([flat]), tmp_path / "o.parquet")
    names = list(flat)
    import csv

    with (tmp_path / "o.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerow(flat)
    for name in ("o.parquet", "o.csv"):
        good, bad = rows_of(tmp_path / name)
        assert bad == []
        (row,) = good.to_pylist()
        assert {key: row[key] for key in wanted} == wanted


@pytest.mark.issue(5)
def test_a_spoiled_entry_of_a_batch_costs_itself_and_not_its_neighbours(tmp_path):
    (batch,) = FIXTURES["azure API management"][1]
    (one,) = batch["records"]
    entries = [
        one | {"correlationId": "x1"},
        one | {"time": "soon"},
        "no entry",
        one | {"correlationId": "x2"},
    ]
    good, bad = rows_of(write(tmp_path / "azure.jsonl", [{"records": entries}]))
    assert good.column("exchange_id").to_pylist() == ["x1", "x2"]
    assert len(bad) == 2
    several = [span(LATEST | {"gen_ai.response.id": name, "user.id": "a"}) for name in ("x1", "x2", "x3")]
    several[1]["startTimeUnixNano"] = {"no": "time"}
    good, bad = rows_of(write(tmp_path / "otlp.jsonl", [spans(*several)]))
    assert sorted(good.column("exchange_id").to_pylist()) == ["x1", "x3"]
    assert len(bad) == 1


@pytest.mark.issue(5)
def test_unknown_fields_are_set_aside_and_counted(tmp_path):
    path = write(tmp_path / "log.jsonl", FIXTURES["litellm payload"][1] * 2)
    sources = discover([str(path)])
    check(sources, {})
    aside = [batch.aside for batch in read(sources, {}) if batch.aside]
    assert aside == [{"brand_new_field": 2}]


@pytest.mark.issue(5)
def test_a_field_of_their_own_can_be_mapped_and_a_format_can_be_forced(tmp_path):
    record = FIXTURES["nginx"][1][0] | {"customer": "acct-9"}
    path = write(tmp_path / "log.jsonl", [record])
    good, _bad = rows_of(path, names={"account_id": "customer"})
    assert good.column("account_id").to_pylist() == ["acct-9"]
    forced = discover([str(path)], log_format="bedrock")
    with pytest.raises(InputError, match="none of the first records"):
        check(forced, {})
    with pytest.raises(UsageError, match="otlp"):
        discover([str(path)], log_format="moon")


@pytest.mark.issue(5)
def test_a_folder_s_other_json_files_are_passed_over_and_a_named_one_is_refused(tmp_path):
    write(tmp_path / "log.jsonl", FIXTURES["bedrock"][1])
    (tmp_path / "manifest.json").write_text('{"version": 1}')
    assert [p.name for p in discover([str(tmp_path)]).exchanges] == ["log.jsonl"]
    with pytest.raises(InputError, match="not recognised: keys `version`"):
        discover([str(tmp_path / "manifest.json")])


@pytest.mark.issue(22)
def test_results_of_a_scan_among_the_logs_are_passed_over_and_a_folder_that_lacks_one_of_their_files_is_read(
    tmp_path,
):
    write(tmp_path / "log.jsonl", FIXTURES["bedrock"][1])
    found = tmp_path / "found"
    found.mkdir()
    for name in ("manifest.json", "overview.json", "campaigns.parquet", "more.jsonl"):
        write(found / name, FIXTURES["bedrock"][1])
    assert [one.name for one in discover([str(tmp_path)]).exchanges] == ["log.jsonl"]
    (found / "overview.json").unlink()
    (found / "campaigns.parquet").unlink()
    assert {one.name for one in discover([str(tmp_path)]).exchanges} >= {"log.jsonl", "more.jsonl"}


@pytest.mark.issue(5)
@pytest.mark.parametrize(
    ("given_time", "micros"),
    [
        (1779962400, 1779962400_000000),
        (1779962400.25, 1779962400_250000),
        (1779962400250, 1779962400_250000),
        ("1779962400.250", 1779962400_250000),
        ("2026-05-28T10:00:00Z", 1779962400_000000),
        ("2026-05-28 12:00:00+02:00", 1779962400_000000),
        ("2026-05-28 10:00:00.000000 UTC", 1779962400_000000),
        (1779962400000000000, 1779962400_000000),
    ],
)
def test_times_are_read_in_every_unit_that_logs_use(given_time, micros):
    assert moment(given_time) == micros


@pytest.mark.parametrize("wrong", [None, True, "soon", [], {}])
def test_what_is_no_time_is_said_so(wrong):
    with pytest.raises(Malformed):
        moment(wrong)


HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.just("\x00" * 3)
    | st.just("9" * 400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _paths(value, at=()):
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*at, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _paths(inner, (*at, place))


def _with(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], new)
    return copy


@pytest.mark.issue(5)
@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_mutated_record_is_read_or_quarantined_and_its_neighbours_are_read(tmp_path, name, data):
    """Any one value replaced by anything: no crash, every record accounted for, the good one beside it
    untouched.
    """
    form, records, _wanted = FIXTURES[name]
    one = data.draw(st.sampled_from(records))
    path = data.draw(st.sampled_from(list(_paths(one))[1:]))
    spoiled = _with(one, path, data.draw(HOSTILE))
    file = write(tmp_path / "log.jsonl", [*records, spoiled])
    sources = discover([str(file)], log_format=form)
    batches = list(read(sources, {}))
    good = sum(batch.rows.num_rows for batch in batches)
    bad = [row for batch in batches for row in batch.quarantine.to_pylist()]
    assert good >= 1
    assert good + len(bad) <= 2 * len(records) + 2
    assert all(row["reason"] and row["row"] >= 1 for row in bad)
    assert PROMPT not in str(bad)
    assert ANSWER not in str(bad)


@pytest.mark.issue(5)
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", ["log.json", "log.jsonl", "log.json.gz"])
def test_rows_of_the_contract_in_a_json_array_are_read_like_lines(tmp_path, name, indent):
    every = [contract_row(number) for number in range(1, 6)]
    every[2]["timestamp"] = "yesterday"
    raw = json.dumps([*every, 17], indent=indent).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    good, bad = rows_of(path)
    lines, spoiled = rows_of(write(tmp_path / "same.jsonl", every))
    assert good.equals(lines)
    assert [one["row"] for one in spoiled] == [3]
    assert sorted(one["row"] for one in bad) == [3, 6]


@pytest.mark.issue(5)
def test_a_time_that_map_names_is_read_in_any_unit(tmp_path):
    form, records, _wanted = FIXTURES["litellm payload"]
    path = write(tmp_path / "log.jsonl", [record | {"seen": SECONDS * 1000} for record in records])
    (batch,) = [
        b for b in read(discover([str(path)], log_format=form), {"timestamp": "seen"}) if b.rows.num_rows
    ]
    assert abs(batch.rows["timestamp"][0].as_py().timestamp() - SECONDS) < 1
