"""What a file costs is bounded by its size, whatever it expands to, and what a limit cuts off is told
with the option that changes it.
"""

import gzip
import json
import subprocess
import sys
import time
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import UsageError
from stillwatch.readers.formats.vllm import vllm
from stillwatch.readers.limits import Limits, limits_of
from stillwatch.readers.pages import page_sizes
from stillwatch.signals.group_tests.synchrony import synchrony
from tests.readers.logs import row, rows_of, told_of

# chosen: a third of what the files below took before, and above what the libraries take by themselves
MOST_MB = 700
READ = """
import json, sys, time
from pathlib import Path
from stillwatch.readers.discover import discover
from stillwatch.readers.read import check, read
for path in sys.argv[1:]:
    began, rows, lost = time.perf_counter(), 0, []
    for batch in read(check(discover([path]), {}), {}):
        rows += batch.rows.num_rows
        lost += batch.quarantine.to_pylist()
    print(json.dumps({"rows": rows, "quarantined": sum(one["rows"] for one in lost), "listed": len(lost),
        "reasons": sorted({one["reason"] for one in lost}), "seconds": time.perf_counter() - began,
        "megabytes": int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) >> 10}))
"""
LINE = (json.dumps(row(1)) + "\n").encode()
STAMP = datetime(2026, 5, 1, tzinfo=UTC)


def table(prompts):
    n = len(prompts)
    columns = {"exchange_id": [f"x{i}" for i in range(n)], "account_id": ["a"] * n, "model": ["m"] * n}
    return pa.table(
        columns | {"timestamp": pa.array([STAMP] * n, pa.timestamp("us", "UTC")), "prompt": prompts}
    )


def read_apart(*paths):
    """What each file gave, read in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", READ, *map(str, paths)], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.issue(21)
def test_files_that_expand_a_thousandfold_are_read_in_bounded_memory(tmp_path):
    empty, nested, coded, page, long, cell = (
        tmp_path / name for name in ("a.jsonl.gz", "b.json.gz", "c.parquet", "d.parquet", "e.jsonl", "f.csv")
    )
    empty.write_bytes(gzip.compress(LINE + b'{"model":"m"}\n' * 300_000, 9))
    nested.write_bytes(gzip.compress(b"[" + LINE + b',{"model":"m"}' * 150_000 + b"]", 9))
    words = pa.array(["x y " * 250_000])
    pq.write_table(table(pa.DictionaryArray.from_arrays(pa.array(np.zeros(1500, np.int32)), words)), coded)
    pq.write_table(table(pa.array(["x y " * 250_000] * 600)), page, compression="zstd", use_dictionary=False)
    long.write_bytes(LINE + LINE.replace(b"secret 1", b"y" * (100 << 20)) + LINE)
    head = b"exchange_id,timestamp,account_id,model,prompt\n"
    cells = b"".join(b"x,2026-05-01T00:00:00Z,a,m," + b"z" * size + b"\n" for size in (1, 40_000_000, 1))
    cell.write_bytes(head + cells)
    told = read_apart(empty, nested, coded, page, long, cell)
    assert [(one["rows"], one["quarantined"]) for one in told] == [
        (1, 300_000), (1, 150_000), (1500, 0), (0, 600), (2, 1), (3, 0),
    ]  # fmt: skip
    assert told[0]["listed"] <= 10_001
    assert all("--limit line" in told[place]["reasons"][0] for place in (3, 4))
    assert max(one["megabytes"] for one in told) < MOST_MB
    assert max(one["seconds"] for one in told) < 60


@pytest.mark.issue(21)
def test_more_text_than_one_arrow_array_holds_loses_no_row(tmp_path):
    rows = 62_000
    prompts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["word " * 7000]))
    pq.write_table(table(prompts), tmp_path / "a.parquet", row_group_size=rows)
    (told,) = read_apart(tmp_path / "a.parquet")
    assert (told["rows"], told["quarantined"]) == (rows, 0)


@pytest.mark.issue(21)
def test_rows_that_cannot_be_read_cost_microseconds(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE + b'{"model":"m"}\n' * 200_000)
    began = time.perf_counter()
    good, bad = rows_of(path)
    assert time.perf_counter() - began < 200_000 * 50e-6
    assert good.num_rows == 1
    assert sum(one["rows"] for one in bad) == 200_000


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    "line",
    [
        "prompt: '" + "prompt: params: , lora_request: " * 8000,
        "prompt: '" + "\\'" * 120_000,
        "params: " + ", prompt_token_ids: [" * 12_000,
        ": " * 120_000,
    ],
)
def test_a_cut_line_of_vllm_is_read_in_linear_time(line):
    text = f"INFO 05-28 10:00:00 [logger.py:43] Received request chatcmpl-1: {line}"
    began = time.perf_counter()
    list(vllm.read(iter([(1, {"line": text, "modified": 1.77e9})])))
    assert time.perf_counter() - began < 2


@pytest.mark.issue(21)
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.json", "a.log"])
def test_every_limit_is_told_with_the_option_that_changes_it(tmp_path, name):
    rows = [row(number, prompt="p" * (5000 if number == 3 else 5)) for number in range(1, 6)]
    text = "".join(json.dumps(one) + "\n" for one in rows).encode()
    if name.endswith(".csv"):
        names = list(rows[0])
        text = "".join(
            ",".join(line) + "\n" for line in [names, *([one[n] for n in names] for one in rows)]
        ).encode()
    elif name.endswith(".json"):
        text = json.dumps(rows).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    good, bad, nulled = told_of(tmp_path / name, limits=Limits(line=2000))
    assert good.num_rows + len(bad) == 5
    assert {"x1", "x2", "x4", "x5"} <= set(good.column("exchange_id").to_pylist())
    assert bad == [] or "--limit line" in bad[0]["reason"]
    assert bad or nulled  # a row may keep what else it says
    good, bad, _nulled = told_of(tmp_path / name, limits=Limits(file=len(text) // 2))
    assert 0 < good.num_rows < 5
    assert any("--limit file" in one["reason"] for one in bad)
    assert len(rows_of(tmp_path / name, limits=limits_of(["line=1MB", "file=1G"]))[1]) == 0


@pytest.mark.parametrize("wrong", ["line", "line=", "line=-1", "line=0", "row=5", "file=many"])
def test_a_limit_that_is_none_is_refused(wrong):
    with pytest.raises(UsageError, match="--limit"):
        limits_of([wrong])


@pytest.mark.issue(21)
def test_the_sizes_of_pages_are_those_that_were_written(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(
        table(pa.array(["x" * 1000] * 5000)),
        path,
        use_dictionary=False,
        compression="zstd",
        data_page_size=100_000,
    )
    group = pq.read_metadata(path).row_group(0)
    (place,) = [n for n in range(group.num_columns) if group.column(n).path_in_schema == "prompt"]
    column = group.column(place)
    with path.open("rb") as file:
        sizes = list(page_sizes(file, column.data_page_offset, column.total_compressed_size))
        assert sum(sizes) <= column.total_uncompressed_size
        assert sum(sizes) >= 5000 * 1004
        with pytest.raises(ValueError, match="page"):
            list(page_sizes(file, 0, 100))


@pytest.mark.issue(21)
def test_hours_cost_memory_by_the_rows_and_not_by_the_years_between_them():
    import tracemalloc

    rng = np.random.default_rng(3)
    account = np.repeat(np.arange(400), 60)
    hour = rng.integers(490_000, 490_000 + 24 * 20, len(account))
    member = account < 60
    rows = {"account": account, "hour": hour, "exchanges": np.ones(len(account), np.int64)}
    usual = synchrony.statistic(rows, member)
    stray = {name: values.copy() for name, values in rows.items()}
    for name, value in (("account", 0), ("exchanges", 1)):
        stray[name] = np.append(stray[name], [value, value])
    stray["hour"] = np.append(stray["hour"], [394_000, 1_130_000])
    tracemalloc.start()
    found = synchrony.statistic(stray, np.append(member, [True, True]))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 600e6
    assert type(usual) is type(found)
