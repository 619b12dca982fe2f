import gzip
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError, StillwatchError
from stillwatch.readers import records
from tests.readers.logs import row, rows_of, told_of


def lines(*rows):
    return "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows)


@pytest.mark.issue(2)
@pytest.mark.parametrize(
    ("spoiled", "column"),
    [
        (row(5, timestamp="yesterday"), "timestamp"),
        (row(5, timestamp="0001-01-01T00:00:00Z"), "timestamp"),
        (row(5, account_id=None), "account_id"),
        (row(5, account_id=""), "account_id"),
        ("{broken", None),
        ("[1, 2]", None),
        ("\x00\x00", None),
    ],
)
def test_a_bad_line_is_set_aside_with_its_number_and_the_others_are_read(tmp_path, spoiled, column):
    good_rows = [row(i) for i in range(1, 5)]
    (tmp_path / "log.jsonl").write_text(lines(*good_rows, spoiled, row(6)))
    good, bad = rows_of(tmp_path / "log.jsonl")
    assert good.column("exchange_id").to_pylist() == ["x1", "x2", "x3", "x4", "x6"]
    (one,) = bad
    assert (one["row"], one["column"]) == (5, column)
    assert one["reason"]
    assert len(one["raw_sha256"]) == 64
    assert "secret" not in str(bad)


@pytest.mark.issue(5)
@pytest.mark.parametrize("odd", ["null", "null null", " null", "true", '"text"', "17"])
@pytest.mark.parametrize("place", [0, 2])
def test_a_line_that_is_json_and_no_object_costs_itself(tmp_path, odd, place):
    """Arrow's JSON parser ends the process at a `null` before any object (apache/arrow#47409)."""
    every = [row(1), row(2), row(3)]
    every.insert(place, odd)
    (tmp_path / "log.jsonl").write_text(lines(*every))
    good, bad = rows_of(tmp_path / "log.jsonl")
    assert good.column("exchange_id").to_pylist() == ["x1", "x2", "x3"]
    assert [one["row"] for one in bad] == [place + 1]


@pytest.mark.issue(2)
def test_a_csv_row_with_too_few_values_and_a_bad_time_are_set_aside(tmp_path):
    (tmp_path / "log.csv").write_text(
        "exchange_id,timestamp,account_id,model\nx1,2026-05-01T00:00:00Z,a,m\nx2,2026\nx3,soon,a,m\n"
        "x4,2026-05-01T00:00:00Z,a,m\n"
    )
    good, bad = rows_of(tmp_path / "log.csv")
    assert good.column("exchange_id").to_pylist() == ["x1", "x4"]
    assert len(bad) == 2


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    ("column", "value", "read_as"),
    [
        ("status", "fine", None),
        ("status", 2**63 - 1, None),
        ("output_tokens", 2**63 - 1, None),
        ("output_tokens", 10**30, None),
        ("output_tokens", -1, None),
        ("temperature", 1e300, None),
        ("temperature", "hot", None),
        ("latency_ms", "a while", None),
        ("stream", "perhaps", None),
        ("tool_names", {"name": "search"}, ["search"]),
        ("tool_names", 7, ["7"]),
        ("prompt", {"role": "user"}, '{"role":"user"}'),
        ("user_agent", ["curl", "wget"], '["curl","wget"]'),
        ("conversation_id", 17, "17"),
    ],
)
@pytest.mark.parametrize("how", ["lines", "array"])
def test_an_optional_cell_that_cannot_be_read_costs_itself_and_is_counted(
    tmp_path, how, column, value, read_as
):
    rows = [row(1), row(2, **{column: value}), row(3)]
    text = lines(*rows) if how == "lines" else json.dumps(rows)
    (tmp_path / "log.json").write_text(text)
    (tmp_path / "log.json").rename(tmp_path / "log.jsonl")
    good, bad, nulled = told_of(tmp_path / "log.jsonl")
    assert good.column("exchange_id").to_pylist() == ["x1", "x2", "x3"]
    assert bad == []
    assert good.column(column).to_pylist()[1] == read_as
    assert {name: count for (name, _why), count in nulled.items()} == ({} if read_as else {column: 1})


@pytest.mark.issue(21)
def test_what_senders_choose_among_the_required_columns_is_made_where_it_is_missing(tmp_path):
    (tmp_path / "log.jsonl").write_text(lines(row(1), row(2, exchange_id="", model=None), row(3)))
    good, bad, nulled = told_of(tmp_path / "log.jsonl")
    first, made, last = good.column("exchange_id").to_pylist()
    assert (first, last) == ("x1", "x3")
    assert re.fullmatch("log.jsonl~[0-9a-f]{8}:2", made)
    assert good.column("model").to_pylist() == ["m", "unknown", "m"]
    assert bad == []
    assert {name for name, _why in nulled} == {"exchange_id", "model"}


@pytest.mark.issue(21)
def test_bytes_that_are_not_utf8_become_the_character_that_stands_for_them(tmp_path):
    text = lines(row(1), row(2), row(3)).encode().replace(b"secret 2", b"secret \xff\xfe")
    (tmp_path / "log.jsonl").write_bytes(text)
    good, bad = rows_of(tmp_path / "log.jsonl")
    assert good.column("prompt").to_pylist() == ["secret 1", "secret \ufffd\ufffd", "secret 3"]
    assert bad == []


@pytest.mark.issue(21)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["jsonl", "csv", "json"])
def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path, encoding, ending):
    rows = [row(number, prompt="naïve, 字") for number in range(1, 4)]
    text = json.dumps(rows) if ending == "json" else lines(*rows)
    if ending == "csv":
        text = (
            ",".join(rows[0])
            + "\n"
            + "".join(",".join(f'"{v}"' for v in one.values()) + "\n" for one in rows)
        )
    (tmp_path / f"log.{ending}").write_bytes(text.encode(encoding))
    good, bad = rows_of(tmp_path / f"log.{ending}")
    assert good.column("exchange_id").to_pylist() == ["x1", "x2", "x3"]
    assert set(good.column("prompt").to_pylist()) == {"naïve, 字"}
    assert bad == []


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ('"\\ud83d"', "\ufffd"),
        ('"a\\ud83d\\ud83d\\ude00"', "a\ufffd😀"),
        ('"\\\\ud83d"', "\\ud83d"),
        ("NaN", None),
        ("-Infinity", None),
        ("[" * 3000 + "]" * 3000, "["),
    ],
)
@pytest.mark.parametrize("how", ["lines", "array", "large array"])
def test_hostile_json_in_a_prompt_costs_no_row(tmp_path, monkeypatch, how, written, read_as):
    if how == "large array":
        monkeypatch.setattr(records, "WHOLE", 100)
        monkeypatch.setattr(records, "BLOCK", 50)
    many = [json.dumps(row(number)) for number in range(9)]
    many[1] = many[1].replace('"secret 1"', written)
    text = "\n".join(many) if how == "lines" else "[" + ",\n".join(many) + "]"
    (tmp_path / "log.jsonl").write_text(text)
    good, bad = rows_of(tmp_path / "log.jsonl")
    assert good.num_rows == len(many)
    assert bad == []
    prompt = good.column("prompt").to_pylist()[1]
    assert prompt == read_as or prompt.startswith(read_as * 100)


@pytest.mark.issue(2)
@pytest.mark.parametrize("name", ["log.jsonl.gz", "log.csv.gz"])
def test_a_compressed_file_that_is_cut_short_keeps_what_came_before(tmp_path, name):
    many = [row(i) for i in range(3000)]
    if "csv" in name:
        text = "exchange_id,timestamp,account_id,model,prompt\n" + "".join(
            ",".join(r[c] for c in ("exchange_id", "timestamp", "account_id", "model", "prompt")) + "\n"
            for r in many
        )
    else:
        text = lines(*many)
    whole = gzip.compress(text.encode())
    (tmp_path / name).write_bytes(whole[: len(whole) * 2 // 3])
    good, bad = rows_of(tmp_path / name)
    assert any("cut short" in b["reason"] for b in bad)
    assert good.num_rows > 1000


@pytest.mark.issue(2)
def test_a_parquet_file_with_a_damaged_page_is_reported_and_the_rest_is_read(tmp_path):
    table = pa.Table.from_pylist([row(i) for i in range(4000)])
    stamps = pa.array([1777644120] * 4000, pa.timestamp("s", "UTC"))
    table = table.set_column(1, "timestamp", stamps)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=1000, compression="zstd")
    pq.write_table(table.slice(0, 10), tmp_path / "b.parquet")
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    place = pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(1).column(4).data_page_offset
    data[place + 20 : place + 400] = b"\x7f" * 380
    (tmp_path / "a.parquet").write_bytes(data)
    good, bad = rows_of(tmp_path)
    assert any("cannot be read" in b["reason"] for b in bad)
    assert good.num_rows == 3010


@pytest.mark.issue(2)
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("log.parquet", b"PAR1 but no footer", "log.parquet"),
        ("log.jsonl", b"\xff\xfe\x00not text", "log.jsonl"),
        ("log.jsonl", lines({"id": 1, "text": "x"}).encode(), "is not recognised: keys `id`, `text`"),
        ("log.csv", b"a;b;c\n1;2;3\n", "is not recognised: keys `a`, `b`, `c`"),
        ("log.jsonl", lines(*[row(i, timestamp="5 o'clock") for i in range(9)]).encode(), "timestamp"),
        ("log.jsonl.gz", b"this is no gzip", "log.jsonl.gz"),
        ("log.txt", b"hello", "log.txt"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_what_was_expected(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as refused:
        rows_of(tmp_path / name)
    assert told in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_wrong_parquet_type_names_file_column_found_and_expected(tmp_path):
    table = pa.table({"exchange_id": ["x"], "timestamp": [True], "account_id": ["a"], "model": ["m"]})
    pq.write_table(table, tmp_path / "log.parquet")
    with pytest.raises(InputError) as refused:
        rows_of(tmp_path / "log.parquet")
    for word in ("log.parquet", "timestamp", "bool", "found", "expected"):
        assert word in str(refused.value)


def test_every_problem_of_every_file_is_told_at_once(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(lines({"id": name}))
    with pytest.raises(InputError) as refused:
        rows_of(tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert [Path(problem.where).name for problem in refused.value.problems] == ["a.jsonl", "b.jsonl"]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(0, 2000),
    junk=st.binary(min_size=1, max_size=40),
    ending=st.sampled_from(["jsonl", "csv"]),
)
def test_bytes_written_over_a_log_never_crash_and_lose_no_row_in_silence(tmp_path, place, junk, ending):
    many = [row(i) for i in range(20)]
    if ending == "csv":
        head = "exchange_id,timestamp,account_id,model,prompt\n"
        text = head + "".join(",".join(r.values()) + "\n" for r in many)
    else:
        text = lines(*many)
    data = bytearray(text.encode())
    place %= len(data)
    data[place : place + len(junk)] = junk
    file = tmp_path / f"log.{ending}"
    file.write_bytes(bytes(data))
    try:
        good, bad = rows_of(file)
    except StillwatchError:
        return
    written = [part for part in bytes(data).split(b"\n") if part.strip()]
    if ending == "jsonl":  # a line end between two fields is white space: the object is whole, over two lines
        assert len(written) - junk.count(b"\n") <= good.num_rows + len(bad) <= len(written)
    elif not set(junk) & set(b'"\r\n'):  # a quote or a line end legitimately changes what is one row of a CSV
        assert good.num_rows + len(bad) == len(written) - 1
