"""The same values are the same rows in every container, and only a required value may cost one."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from math import inf, nan

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.readers import cast
from stillwatch.readers.times import micros
from tests.readers.logs import row, told_of
from tests.readers.vendors import FIXTURES

NINE = datetime(2026, 5, 4, 9, tzinfo=UTC)
PAYLOAD = FIXTURES["litellm payload"][1][0]


def at(text):
    return datetime.fromisoformat(text)


# What is written, and the moment that it is.
TIMES = {
    "2026-05-04T09:00:00Z": NINE,
    "2026-05-04T09:00:00z": NINE,
    "2026-05-04T09:00:00": NINE,
    "2026-05-04 09:00:00": NINE,
    "2026-05-04 09:00:00 UTC": NINE,
    "2026-05-04 09:00:00.123456 UTC": at("2026-05-04T09:00:00.123456+00:00"),
    "2026-05-04 09:00:00,123": at("2026-05-04T09:00:00.123+00:00"),
    "2026-05-04T09:00:00.123456789Z": at("2026-05-04T09:00:00.123456+00:00"),
    "2026-05-04T09:00:00.1234567Z": at("2026-05-04T09:00:00.123456+00:00"),
    "20260504T090000Z": NINE,
    "20260504090000": NINE,
    "2026-05-04": at("2026-05-04T00:00:00+00:00"),
    "2026/05/04 09:00:00": NINE,
    "2026-05-04T11:00:00+02:00": NINE,
    "2026-05-04T11:00:00+02": NINE,
    "2026-05-04T11:00:00+0200": NINE,
    "2026-05-04 02:00:00-07:00": NINE,
    "2026-05-04 09:00:00.5+00": at("2026-05-04T09:00:00.5+00:00"),
    "2026-05-04 09:00:00 Z": NINE,
    "2026-05-04 05:00:00 America/New_York": NINE,
    "2026-06-30T23:59:60Z": at("2026-07-01T00:00:00+00:00"),
    "Mon, 04 May 2026 09:00:00 GMT": NINE,
    "04/May/2026:11:00:00 +0200": NINE,
    "[04/May/2026:09:00:00 +0000]": NINE,
    "May 4, 2026 @ 09:00:00.000": NINE,
    "Mon May  4 09:00:00 2026": NINE,
    "1777885200": NINE,
    "1777885200.000": NINE,
    "1777885200000": NINE,
    "1777885200000000": NINE,
    "1777885200000000000": NINE,
    "1.7778852E9": NINE,
    "639134820000000000": NINE,
    "134223588000000000": NINE,
}
NO_TIMES = (
    "05/04/2026 09:00:00",
    "5/4/2026 9:00:00 AM",
    "soon",
    "",
    "2026-13-45",
    "٢٠٢٦-05-04",
    "2026-05-04 09:00:00 No/Where",
    "9" * 400,
)
CELLS = {
    ("input_tokens", "5"): 5,
    ("input_tokens", "5.0"): 5,
    ("input_tokens", "1,234"): 1234,
    ("input_tokens", "NULL"): None,
    ("input_tokens", "nan"): None,
    ("max_tokens", "inf"): None,
    ("max_tokens", "100"): 100,
    ("status", "200"): 200,
    ("temperature", "0,7"): 0.7,
    ("temperature", "0.7"): 0.7,
    ("latency_ms", "12ms"): 12.0,
    ("latency_ms", "1.5 s"): 1500.0,
    ("latency_ms", "12"): 12.0,
    ("asn", "AS15169"): 15169,
    ("asn", "15169"): 15169,
    ("asn", "AS15169 Example LLC"): 15169,
    ("stream", "true"): True,
    ("stream", "False"): False,
    ("stream", "1"): True,
    ("stream", "t"): True,
    ("tool_names", '["a","b"]'): ["a", "b"],
    ("tool_names", "['a', 'b']"): ["a", "b"],
    ("tool_names", "{a,b}"): ["a", "b"],
    ("tool_names", "a; b"): ["a", "b"],
    ("tool_names", '[{"type": "function", "function": {"name": "a"}}]'): ["a"],
}
HOW = ("lines", "array", "csv", "parquet", "docker")


def write(folder, rows, how):
    """The rows in one container."""
    path = (
        folder
        / {
            "lines": "log.jsonl",
            "array": "log.json",
            "csv": "log.csv",
            "parquet": "log.parquet",
            "docker": "d.log",
        }[how]
    )
    if how == "lines":
        path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    elif how == "array":
        path.write_text(json.dumps(rows))
    elif how == "docker":
        lines = [json.dumps({"log": json.dumps(one) + "\n", "stream": "stdout", "time": "x"}) for one in rows]
        path.write_text("\n".join(lines))
    elif how == "csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(out.getvalue())
    else:
        columns = {name: [one.get(name) for one in rows] for name in rows[0]}
        big = [
            name for name, values in columns.items() if any(isinstance(v, int) and v >= 2**63 for v in values)
        ]
        made = {k: pa.array(v, pa.uint64() if k in big else None) for k, v in columns.items()}
        pq.write_table(pa.table(made), path)
    return path


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", HOW)
def test_a_time_in_any_form_is_the_same_moment_in_every_container(tmp_path, how):
    rows = [row(place, timestamp=written) for place, written in enumerate(TIMES)]
    good, bad, _nulled = told_of(write(tmp_path, rows, how))
    assert bad == []
    found = dict(zip(TIMES, good.column("timestamp").to_pylist(), strict=True))
    assert found == TIMES


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("written", [w for w in TIMES if "T09:00:00Z" not in w])
def test_a_file_of_one_form_of_time_is_read(tmp_path, how, written):
    good, bad, _nulled = told_of(write(tmp_path, [row(1, timestamp=written), row(2, timestamp=written)], how))
    assert bad == []
    assert good.column("timestamp").to_pylist() == [TIMES[written]] * 2


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", ["lines", "array", "parquet"])
@pytest.mark.parametrize(
    "number", [1777885200, 1777885200.0, 1777885200000, 1777885200000000, 1777885200000000000]
)
def test_a_time_that_is_a_number_is_in_the_unit_that_makes_it_a_time(tmp_path, how, number):
    good, bad, _nulled = told_of(write(tmp_path, [row(1, timestamp=number), row(2, timestamp=number)], how))
    assert bad == []
    assert good.column("timestamp").to_pylist() == [NINE] * 2


@pytest.mark.issue(23)
def test_times_of_other_types_of_parquet_are_read(tmp_path):
    for place, stamps in enumerate(
        [
            pa.array([date(2026, 5, 4)]),
            pa.array([datetime(2026, 5, 4, 9)], pa.timestamp("ns")),  # noqa: DTZ001
            pa.array([Decimal("1777885200.5")]),
            pa.array([NINE], pa.timestamp("ns", "America/New_York")),
            pa.array(["2026-05-04T09:00:00Z"]).dictionary_encode(),
            pa.array([b"2026-05-04T09:00:00Z"]),
        ]
    ):
        table = pa.table({"exchange_id": ["x"], "timestamp": stamps, "account_id": ["a"], "model": ["m"]})
        pq.write_table(table, tmp_path / f"{place}.parquet")
        good, bad, _nulled = told_of(tmp_path / f"{place}.parquet")
        assert bad == []
        (stamp,) = good.column("timestamp").to_pylist()
        assert stamp.date() == NINE.date()


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("written", NO_TIMES)
def test_what_is_no_moment_costs_its_row_and_no_other(tmp_path, how, written):
    good, bad, _nulled = told_of(write(tmp_path, [row(1), row(2, timestamp=written), row(3)], how))
    assert good.num_rows == 2
    assert [one["column"] for one in bad] == ["timestamp"]


@pytest.mark.issue(23)
def test_a_time_in_which_day_and_month_cannot_be_told_apart_is_refused(tmp_path):
    with pytest.raises(InputError):
        told_of(write(tmp_path, [row(1, timestamp="05/04/2026 09:00:00")], "csv"))


@pytest.mark.issue(23)
@settings(max_examples=200)
@given(st.datetimes(datetime(2015, 1, 2), datetime(2099, 12, 30)))  # noqa: DTZ001  made UTC below
def test_every_moment_is_found_again_in_every_unit(moment):
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    seconds = int(whole.timestamp())
    for written in (
        seconds,
        seconds * 10**3,
        seconds * 10**6,
        seconds * 10**9,
        float(seconds),
        str(seconds),
        whole.isoformat(),
        whole,
    ):
        assert micros(written) == seconds * 10**6


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(("column", "written"), CELLS)
def test_a_cell_as_text_is_the_same_value_in_every_container(tmp_path, how, column, written):
    rows = [row(1, **{column: written}), row(2, **{column: written})]
    good, bad, nulled = told_of(write(tmp_path, rows, how))
    assert bad == []
    assert good.column(column).to_pylist() == [CELLS[column, written]] * 2
    assert not nulled


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("column", "written"),
    [
        ("input_tokens", "5.5"),
        ("input_tokens", "many"),
        ("temperature", "hot"),
        ("stream", "perhaps"),
        ("asn", "none of them"),
        ("latency_ms", "12 parsecs"),
    ],
)
def test_a_cell_that_cannot_be_read_is_null_and_counted_in_every_container(tmp_path, how, column, written):
    rows = [row(1, **{column: written}), row(2, **{column: written})]
    good, bad, nulled = told_of(write(tmp_path, rows, how))
    assert bad == []
    assert good.column(column).null_count == 2
    assert {name: count for (name, _why), count in nulled.items()} == {column: 2}


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", ["lines", "array", "parquet"])
@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ([12, 0], ["12", "0"]),
        ([2**63, 2**63 + 1], [str(2**63), str(2**63 + 1)]),
        ([1001.0, 7.5], ["1001", "7.5"]),
    ],
)
def test_ids_that_are_no_text_are_read(tmp_path, how, values, ids):
    for column in ("account_id", "exchange_id", "conversation_id"):
        rows = [row(place, **{column: value}) for place, value in enumerate(values)]
        good, bad, _nulled = told_of(write(tmp_path, rows, how))
        assert bad == []
        assert good.column(column).to_pylist() == ids


@pytest.mark.issue(23)
def test_decimals_are_ids_and_numbers(tmp_path):
    rows = [row(1, account_id=Decimal(1000), input_tokens=Decimal(5), temperature=Decimal("0.70"))]
    good, bad, _nulled = told_of(write(tmp_path, rows, "parquet"))
    assert bad == []
    (one,) = good.to_pylist()
    assert (one["account_id"], one["input_tokens"], one["temperature"]) == ("1000", 5, pytest.approx(0.7))


@pytest.mark.issue(23)
def test_ids_in_csv_never_become_numbers(tmp_path):
    ids = ["7.10", "7.1", "0123", "123", "12.0", "12", "1e5", "100000", "-7", "true", "12345678901234567890"]
    rows = [row(place, exchange_id=one, account_id=one) for place, one in enumerate(ids)]
    good, _bad, _nulled = told_of(write(tmp_path, rows, "csv"))
    assert good.column("account_id").to_pylist() == good.column("exchange_id").to_pylist() == ids
    path = tmp_path / "vendor.csv"
    flat = {
        k: json.dumps(v) if isinstance(v, dict | list) else v
        for k, v in FIXTURES["litellm spend logs"][1][0].items()
    }
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(flat))
        writer.writeheader()
        writer.writerows(flat | {"user": one, "request_id": one} for one in ids)
    good, _bad, _nulled = told_of(path)
    assert good.column("account_id").to_pylist() == good.column("exchange_id").to_pylist() == ids


@pytest.mark.issue(23)
@pytest.mark.parametrize("nothing", ["NULL", "\\N", "None", "nan"])
def test_a_word_for_nothing_in_csv_is_nothing(tmp_path, nothing):
    text = f"exchange_id,timestamp,account_id,model,prompt,input_tokens\nx1,{NINE.isoformat()},a,{nothing},{nothing},{nothing}\n"
    (tmp_path / "log.csv").write_text(text + f"x2,{NINE.isoformat()},{nothing},m,p,5\n")
    good, bad, nulled = told_of(tmp_path / "log.csv")
    (one,) = good.to_pylist()
    assert (one["model"], one["prompt"], one["input_tokens"]) == ("unknown", None, None)
    assert [each["column"] for each in bad] == ["account_id"]
    assert {name for name, _why in nulled} == {"model"}


@pytest.mark.issue(23)
def test_nan_is_no_value_and_costs_no_row(tmp_path):
    rows = [
        row(1, input_tokens=5.0, temperature=nan),
        row(2, input_tokens=nan, temperature=inf),
        row(3, input_tokens=5.5),
    ]
    good, bad, nulled = told_of(write(tmp_path, rows, "parquet"))
    assert bad == []
    assert good.column("input_tokens").to_pylist() == [5, None, None]
    assert dict(nulled) == {("input_tokens", "value is not a whole number"): 1}


@pytest.mark.issue(23)
@pytest.mark.parametrize(
    "text",
    [
        "exchange_id;timestamp;account_id;model;prompt\n{};a,1\n",
        "exchange_id\ttimestamp\taccount_id\tmodel\tprompt\n{}\ta,1\n",
        'sep=,\nexchange_id,timestamp,account_id,model,prompt\n{},"a,1"\n',
        'exchange_id, timestamp, account_id, model, prompt\n{}, "a,1"\n',
        'exchange_id|timestamp|account_id|model|prompt\r\n{}|"a,1"\r\n',
        '\ufeffexchange_id,timestamp,account_id,model,prompt\n{},"a,1"\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_a_csv_file_of_any_dialect_is_read(tmp_path, text, encoding):
    sign = next(sign for sign in ";\t|," if sign in text.split("\n")[-2])
    blank = " " if ", " in text else ""
    written = text.replace("{}", (sign + blank).join(["x1", "2026-05-04T09:00:00Z", "a", "m"]))
    (tmp_path / "log.csv").write_bytes(
        written.removeprefix("\ufeff" if encoding != "utf-8" else "").encode(encoding)
    )
    good, bad, _nulled = told_of(tmp_path / "log.csv")
    (one,) = good.to_pylist()
    assert (one["account_id"], one["prompt"], bad) == ("a", "a,1", [])


@pytest.mark.issue(23)
def test_quotes_after_backslashes_are_read_where_they_are_meant(tmp_path):
    head = "exchange_id,timestamp,account_id,model,prompt,input_tokens\n"
    slashed = (
        head
        + 'x1,2026-05-04T09:00:00Z,a,m,"he said \\"hi, there\\" ok",5\nx2,2026-05-04T09:00:00Z,a,m,"p, 1",5\n'
    )
    doubled = head + 'x1,2026-05-04T09:00:00Z,a,m,"C:\\",5\nx2,2026-05-04T09:00:00Z,a,m,"a \\""b\\"", c",5\n'
    for text, prompts in ((slashed, ['he said "hi, there" ok', "p, 1"]), (doubled, ["C:\\", 'a \\"b\\", c'])):
        (tmp_path / "log.csv").write_text(text)
        good, bad, _nulled = told_of(tmp_path / "log.csv")
        assert good.column("prompt").to_pylist() == prompts
        assert bad == []


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", ["lines", "csv", "parquet"])
def test_a_column_that_hives_folders_name_is_every_rows(tmp_path, how):
    rows = [{k: v for k, v in row(number).items() if k != "model"} for number in range(2)]
    folder = tmp_path / "dt=2026-05-04" / "model=m%2F1"
    folder.mkdir(parents=True)
    good, bad, _nulled = told_of(write(folder, rows, how))
    assert good.column("model").to_pylist() == ["m/1"] * 2
    assert bad == []


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", ["lines", "array", "csv", "parquet"])
def test_rows_without_ids_have_the_same_ids_at_every_reading(tmp_path, how):
    rows = [{k: v for k, v in row(number).items() if k != "exchange_id"} for number in range(3)]
    path = write(tmp_path, rows, how)
    good, bad, _nulled = told_of(path)
    again, _bad, _nulled = told_of(path)
    ids = good.column("exchange_id").to_pylist()
    assert len(set(ids)) == 3
    assert ids == again.column("exchange_id").to_pylist()
    assert bad == []


def test_a_time_that_python_cannot_hold_is_set_aside_with_its_digest():
    rows = pa.table({"timestamp": pa.array([-(2**62), 2**62], pa.timestamp("us", "UTC"))})
    first, second = cast._bytes(rows.column("timestamp"))
    assert first != second
