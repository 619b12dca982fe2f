"""A log that is read day by day, twice, late or with interruptions gives what a scan from scratch gives."""

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch.contract import results as contract
from stillwatch.errors import UsageError
from stillwatch.flows.ingest import ingest
from stillwatch.flows.scan import Options, feed, scan
from stillwatch.readers.discover import discover
from stillwatch.readers.read import check
from stillwatch.results.folder import TABLES
from stillwatch.sketch.digest import VERSION
from stillwatch.sketch.keys import fresh
from stillwatch.store.store import Store

CRASHES = 6
KEY = fresh()
SCAN = """
import pathlib, sys
from stillwatch.flows.scan import Options, scan
scan([sys.argv[1]], pathlib.Path(sys.argv[2]), Options(names={}, replay=False))
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory, small_world):
    folder = tmp_path_factory.mktemp("days")
    small_world(folder, {"days": 6, "campaign.first_day": 1.0, "campaign.last_day": 6.0})
    return folder


@pytest.fixture(scope="module")
def whole(world, tmp_path_factory):
    return tables(scanned([world], tmp_path_factory.mktemp("whole") / "results"))


def scanned(paths, out, store=None, **options):
    scan([str(path) for path in paths], out, Options(names={}, store=store, **options))
    return out


def tables(results):
    """What was found; `names` says since when, which depends on the scans before."""
    found = [schema.name for schema in TABLES if schema is not contract.NAMES]
    return {name: pq.read_table(results / f"{name}.parquet") for name in found}


def judged(found):
    """What of the tables a scan without replay writes too."""
    campaigns = found["campaigns"].drop_columns("detected_at")
    return {name: table for name, table in found.items() if name != "timeline"} | {"campaigns": campaigns}


def days(world):
    return sorted((world / "exchanges").iterdir())


def companions(world):
    return {"accounts": world / "accounts.parquet", "releases": world / "releases.parquet"}


def changed_at(store):
    return {
        path: path.stat().st_mtime_ns
        for path in store.rglob("*.parquet")
        if "observations" in str(path) or "summaries" in str(path)
    }


def test_the_world_has_something_to_find(whole):
    assert whole["campaigns"].num_rows >= 1
    assert whole["exchanges"].num_rows > 1000


@pytest.mark.issue(4)
def test_days_added_one_by_one_give_the_results_of_one_scan(world, whole, tmp_path):
    for day in days(world):
        out = scanned(
            [day],
            tmp_path / "results",
            tmp_path / "store",
            replay=day == days(world)[-1],
            **companions(world),
        )
    assert tables(out) == whole


@pytest.mark.issue(4)
def test_a_new_day_reads_and_adds_up_only_that_day_and_a_known_one_nothing(world, tmp_path):
    store = tmp_path / "store"
    scanned(days(world)[:-1], tmp_path / "results", store, replay=False)
    before = changed_at(store)
    scanned(days(world)[-1:], tmp_path / "results", store, replay=False)
    after = changed_at(store)
    assert {path: after[path] for path in before} == before
    new = {path.parent.name for path in set(after) - set(before)}
    assert new == {days(world)[-1].name}
    scanned(days(world), tmp_path / "results", store, replay=False)
    assert changed_at(store) == after


@pytest.mark.issue(4)
def test_a_store_can_be_fed_often_and_judged_once(world, whole, tmp_path):
    options = Options(names={}, store=tmp_path / "store", **companions(world))
    for day in days(world)[:-1]:
        told = feed([str(day)], options)
        assert told["new_rows"] > 0
    assert told["days"] == len(days(world)) - 1
    out = scanned(
        days(world)[-1:], tmp_path / "results", tmp_path / "store", replay=False, **companions(world)
    )
    assert judged(tables(out)) == judged(whole)


@pytest.mark.issue(21)
@pytest.mark.parametrize("files", [0, 1, 3, 6])
def test_a_store_that_was_being_removed_when_its_scan_was_killed_is_gone(tmp_path, monkeypatch, files):
    """Killed after so many files: the next scan must neither take the rest for a store nor refuse it."""
    store = Store(tmp_path / ".out.store", version=1, key_id="k")
    with store:
        for number in range(6):
            (store.folder / "pieces" / f"{number}.txt").write_text("x")
        (store.folder / "accounts.parquet").write_text("x")
    removed = []

    def shaky(path, *given, own=os.unlink, **named):
        if len(removed) >= files:
            raise KeyboardInterrupt
        removed.append(path)
        own(path, *given, **named)

    with monkeypatch.context() as killed:
        killed.setattr(os, "unlink", shaky)
        with pytest.raises(KeyboardInterrupt):
            store.remove()
    with Store(tmp_path / ".out.store", version=1, key_id="other") as again:
        assert again.fits()
    assert [path.name for path in tmp_path.iterdir()] == [".out.store"]


@pytest.mark.issue(21)
def test_exchanges_that_are_delivered_again_are_no_new_ones(tmp_path):
    def log(name, numbers):
        lines = [
            json.dumps(
                {
                    "exchange_id": f"x{n}",
                    "timestamp": f"2026-05-01T10:{n:02}:00Z",
                    "account_id": f"a{n % 3}",
                    "model": "m",
                    "prompt": f"text number {n}",
                }
            )
            for n in numbers
        ]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return feed([str(tmp_path / name)], Options(names={}, store=tmp_path / "store"))

    first = log("a.jsonl", range(20))
    again = log("b.jsonl", range(10, 25))
    once_more = log("c.jsonl", range(25))
    grown = log("a.jsonl", range(30))
    assert [(t["new_exchanges"], t["exchanges"]) for t in (first, again, once_more, grown)] == [
        (20, 20),
        (5, 25),
        (0, 25),
        (5, 30),
    ]
    assert [t["new_rows"] for t in (first, again, once_more, grown)] == [20, 15, 25, 10]


def test_reading_without_a_store_and_without_a_judgement_is_refused(world):
    with pytest.raises(UsageError, match="--store"):
        feed([str(world)], Options(names={}))


@pytest.mark.issue(4)
def test_rows_that_come_late_or_twice_correct_their_day(world, whole, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    late = []
    for day in days(world):
        rows = pq.read_table(day, partitioning=None)
        held = pc.equal(pc.bit_wise_and(pc.cast(rows.column("timestamp"), pa.int64()), 7), 0)
        pq.write_table(rows.filter(pc.invert(held)), logs / f"{day.name}.parquet")
        late += [rows.filter(held), rows.slice(0, 50)]
    scanned([logs], tmp_path / "results", tmp_path / "store", replay=False, **companions(world))
    pq.write_table(pa.concat_tables(late), tmp_path / "late.parquet")
    out = scanned(
        [tmp_path / "late.parquet"],
        tmp_path / "results",
        tmp_path / "store",
        replay=False,
        **companions(world),
    )
    assert judged(tables(out)) == judged(whole)


@pytest.mark.issue(4)
def test_a_file_that_was_mended_counts_as_it_is_now(world, whole, tmp_path):
    logs = tmp_path / "exchanges"
    shutil.copytree(world / "exchanges", logs)
    spoiled = next(days(world)[2].iterdir())
    mended = logs / days(world)[2].name / spoiled.name
    pq.write_table(pq.read_table(spoiled, partitioning=None).slice(0, 10), mended)
    scanned([logs], tmp_path / "results", tmp_path / "store", replay=False, **companions(world))
    shutil.copy(spoiled, mended)
    out = scanned([logs], tmp_path / "results", tmp_path / "store", replay=False, **companions(world))
    assert judged(tables(out)) == judged(whole)


@pytest.mark.issue(4)
@pytest.mark.parametrize("options", [{}, {"seed": 5}])
def test_what_an_interrupted_scan_left_is_not_mixed_with_other_logs(world, tmp_path, options):
    out = tmp_path / "results"
    feed([str(world)], Options(names={}, store=tmp_path / ".results.store"))
    (day, *_others) = days(world)
    scanned([day], out, replay=False, **options)
    told = json.loads((out / "overview.json").read_text())
    rows = pq.read_table(day, columns=["exchange_id"], partitioning=None).num_rows
    assert told["exchanges"] == rows
    assert [Path(one["path"]).parent.name for one in told["inputs"]] == [day.name]
    assert not (tmp_path / ".results.store").exists()


@pytest.mark.issue(4)
def test_a_scan_that_is_killed_at_any_moment_is_taken_up_by_the_next(world, whole, tmp_path):
    rng = random.Random(7)
    out = tmp_path / "results"
    command = [sys.executable, "-c", SCAN, str(world), str(out)]
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    usual = time.monotonic() - began
    shutil.rmtree(out)
    killed = 0
    for _try in range(CRASHES):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        time.sleep(rng.uniform(0.2, 1.0) * usual)
        os.killpg(process.pid, signal.SIGKILL)
        killed += process.wait() != 0
    assert killed >= CRASHES // 2
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert judged(tables(out)) == judged(whole)
    left = [path.name for path in tmp_path.iterdir()]
    assert "results" in left
    assert ".results.store" not in left


def gathered(folder, store):
    """Rows that a store has after the logs of a folder were gathered, and the number of parts that are new."""
    sources = check(discover([str(folder)]), {})
    with Store(store, version=VERSION, key_id="") as kept:
        before = {part.name for part in kept.parts}
        ingest(sources, {}, kept, KEY)
        new = {part.name for part in kept.parts} - before
        assert {kept.rows_of(file) for file in sources.exchanges} == {100}
        return kept.rows, len(new)


@pytest.mark.issue(23)
def test_a_log_that_is_rotated_and_compressed_is_not_read_again(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    day = [
        "".join(
            json.dumps({"timestamp": f"2026-05-{n + 1:02}T10:00:{i % 60:02}Z", "account_id": f"a{i}", "model": "m"})
            + "\n"
            for i in range(100)
        )
        for n in range(4)
    ]  # fmt: skip
    (logs / "gw.log").write_text(day[0])
    assert gathered(logs, tmp_path / "store") == (100, 1)
    (logs / "gw.log").rename(logs / "gw.log.1")
    (logs / "gw.log").write_text(day[1])
    assert gathered(logs, tmp_path / "store") == (200, 1)
    (logs / "gw.log.2.gz").write_bytes(gzip.compress(day[0].encode()))
    (logs / "gw.log").rename(logs / "gw.log.1")
    (logs / "gw.log").write_text(day[2])
    assert gathered(logs, tmp_path / "store") == (300, 1)
    assert gathered(logs, tmp_path / "store") == (300, 0)
    (logs / "gw.log.2.gz").rename(logs / "gw.log.3.gz")
    (logs / "gw.log.2.gz").write_bytes(gzip.compress(day[1].encode()))
    (logs / "gw.log.1").write_text(day[3])
    assert gathered(logs, tmp_path / "store") == (400, 1)
    ids = pq.read_table(tmp_path / "store" / "observations")["exchange_id"].to_pylist()
    assert len(set(ids)) == 400
    fresh_store = tmp_path / "anew"
    gathered(logs, fresh_store)
    assert sorted(pq.read_table(fresh_store / "observations")["exchange_id"].to_pylist()) == sorted(ids)
