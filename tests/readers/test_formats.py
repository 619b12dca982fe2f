import csv
import gzip
import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.errors import InputError
from tests.readers.logs import FULL, row, rows_of

MOMENT = datetime(2026, 5, 1, 14, 2, 0, 250000, UTC)


def as_parquet(path, rows):
    ready = [r | {"timestamp": datetime.fromisoformat(r["timestamp"])} for r in rows]
    pq.write_table(pa.Table.from_pylist(ready, EXCHANGES.arrow), path)


def as_jsonl(path, rows):
    text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode()
    if path.suffix == ".gz":
        text = gzip.compress(text)
    elif path.suffix == ".zst":
        text = pa.compress(text, codec="zstd", asbytes=True)
    path.write_bytes(text)


def as_csv(path, rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    for r in rows:
        writer.writerow({k: json.dumps(v) if isinstance(v, list) else v for k, v in r.items()})
    path.write_text(out.getvalue())


@pytest.mark.issue(2)
@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl", "log.ndjson", "log.jsonl.gz", "log.jsonl.zst"])
def test_every_column_of_the_contract_survives(tmp_path, name):
    (as_parquet if name.endswith("parquet") else as_jsonl)(tmp_path / name, [FULL])
    good, bad = rows_of(tmp_path / name)
    assert not bad
    assert good.schema.equals(EXCHANGES.arrow)
    assert good.to_pylist() == [FULL | {"timestamp": MOMENT}]


@pytest.mark.issue(2)
def test_csv_holds_everything_but_lists(tmp_path):
    as_csv(tmp_path / "log.csv", [{k: v for k, v in FULL.items() if k != "tool_names"}])
    good, bad = rows_of(tmp_path / "log.csv")
    assert not bad
    assert good.to_pylist() == [FULL | {"timestamp": MOMENT, "tool_names": None}]


@pytest.mark.issue(2)
def test_a_folder_a_hive_tree_and_a_glob_mean_all_of_their_files(tmp_path):
    for day in ("2026-05-01", "2026-05-02"):
        (tmp_path / f"exchanges/date={day}").mkdir(parents=True)
        as_parquet(tmp_path / f"exchanges/date={day}/part-0.parquet", [FULL | {"exchange_id": day}])
    (tmp_path / "exchanges/date=2026-05-02/_SUCCESS").write_text("")
    as_parquet(tmp_path / "truth.parquet", [FULL])
    expected = {"2026-05-01", "2026-05-02"}
    for path in (tmp_path, tmp_path / "exchanges", tmp_path / "exchanges" / "*" / "*.parquet"):
        assert set(rows_of(path)[0].column("exchange_id").to_pylist()) == expected


@pytest.mark.issue(2)
@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.parquet"])
def test_map_renames_in_every_format(tmp_path, name):
    mine = row(1)
    mine["user"] = mine.pop("account_id")
    if name == "log.parquet":
        mine["timestamp"] = datetime.fromisoformat(mine["timestamp"])
        pq.write_table(pa.Table.from_pylist([mine]), tmp_path / name)
    else:
        (as_jsonl if name == "log.jsonl" else as_csv)(tmp_path / name, [mine])
    with pytest.raises(InputError, match="account_id"):
        rows_of(tmp_path / name)
    good, bad = rows_of(tmp_path / name, names={"account_id": "user"})
    assert (good.column("account_id").to_pylist(), bad) == (["a1"], [])


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-05-01T14:02:00Z", "2026-05-01T14:02:00+00:00"),
        ("2026-05-01 14:02:00+02:00", "2026-05-01T12:02:00+00:00"),
        ("2026-05-01T14:02:00.123456789Z", "2026-05-01T14:02:00.123456+00:00"),
    ],
)
def test_times_are_read_with_their_zone(tmp_path, text, utc):
    as_jsonl(tmp_path / "log.jsonl", [row(1, timestamp=text)])
    good, _bad = rows_of(tmp_path / "log.jsonl")
    assert good.column("timestamp").to_pylist() == [datetime.fromisoformat(utc)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_times_of_any_unit_are_the_same_moment(tmp_path, unit):
    stamps = pa.array([1777644120], pa.timestamp("s", "UTC")).cast(pa.timestamp(unit, "Europe/Berlin"))
    table = pa.table({"exchange_id": ["x"], "timestamp": stamps, "account_id": ["a"], "model": ["m"]})
    pq.write_table(table, tmp_path / "log.parquet")
    good, _bad = rows_of(tmp_path / "log.parquet")
    assert good.column("timestamp").to_pylist() == [datetime(2026, 5, 1, 14, 2, tzinfo=UTC)]


def test_wide_strings_dictionaries_and_narrow_numbers_are_the_contracts_types(tmp_path):
    table = pa.table(
        {
            "exchange_id": pa.array(["x"], pa.large_string()),
            "timestamp": pa.array([MOMENT], pa.timestamp("us", "UTC")),
            "account_id": pa.array(["a"]).dictionary_encode(),
            "model": ["m"],
            "status": pa.array([200], pa.int16()),
            "temperature": pa.array([1], pa.int8()),
            "tool_names": pa.array([["t"]], pa.large_list(pa.large_string())),
        }
    )
    pq.write_table(table, tmp_path / "log.parquet")
    (got,) = rows_of(tmp_path / "log.parquet")[0].to_pylist()
    assert (got["status"], got["temperature"], got["tool_names"], got["account_id"]) == (200, 1.0, ["t"], "a")
