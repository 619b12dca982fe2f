import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.errors import StateError
from stillwatch.store.store import LogFile, Part, Piece, Store

FILE = LogFile(path="/logs/a.jsonl", size=10, changed_ns=1, read_as="contract", pieces=1)
DAY = "2026-05-01"


def opened(folder, version=1, key_id="k"):
    return Store(folder, version=version, key_id=key_id)


def put(store, file=FILE, number=0, rows=3):
    """A piece with one part, as a reader leaves it."""
    store.begin(file)
    path = store.place.part(file, number, DAY, 0)
    pq.write_table(pa.table({"x": list(range(rows))}), path)
    pq.write_table(pa.table({"reason": pa.array([], pa.string())}), store.place.quarantine(file.id, number))
    part = Part(day=DAY, name=path.name, rows=rows, marks=rows)
    piece = Piece(rows=rows, quarantined=0, parts=(part,), filled=("x",), aside={"extra": 1})
    store.finish(file, number, piece)
    return path


def test_what_was_finished_is_known_to_the_next_run(tmp_path):
    with opened(tmp_path / "store") as store:
        path = put(store)
    with opened(tmp_path / "store") as store:
        assert store.rows == 3
        assert [store.path(part) for part in store.parts] == [path]
        assert set(store.begin(FILE)) == {0}
        assert store.filled == {"x"}


@pytest.mark.issue(4)
def test_what_a_crash_left_half_done_is_removed_and_nothing_else(tmp_path):
    with opened(tmp_path / "store") as store:
        whole = put(store)
        half = store.place.part(FILE, 1, DAY, 0)
        half.write_bytes(b"half")
        (store.scratch() / "x").write_text("left")
        stray = store.folder / "summaries" / "activity" / f"date={DAY}" / "y.parquet"
        stray.parent.mkdir(parents=True)
        stray.write_bytes(b"half")
    with opened(tmp_path / "store") as store:
        assert whole.exists()
        assert not half.exists()
        assert not stray.exists()
        assert not list(store.scratch().iterdir())


@pytest.mark.issue(4)
def test_a_store_named_from_the_folder_one_stands_in_keeps_what_it_knows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with opened(Path("kept")) as store:
        path = put(store)
    with opened(Path("kept")) as store:
        assert path.exists()
        assert [table.num_rows for table in store.quarantined()] == [0]


def test_a_file_that_changed_takes_the_place_of_what_it_was(tmp_path):
    later = LogFile(path=FILE.path, size=20, changed_ns=2, read_as="contract", pieces=1)
    with opened(tmp_path / "store") as store:
        old = put(store)
        (store.scratch() / "spilled").write_text("in use")
        new = put(store, later, rows=5)
        assert (store.scratch() / "spilled").exists(), "what the database spilled is still in use"
        assert not old.exists()
        assert new.exists()
        assert store.rows == 5


@pytest.mark.issue(4)
@pytest.mark.parametrize("other", [{"version": 2}, {"key_id": "other"}])
def test_another_sketch_or_key_is_refused_with_the_command_that_rebuilds(tmp_path, other):
    with opened(tmp_path / "store") as store:
        put(store)
    with pytest.raises(StateError) as refused, opened(tmp_path / "store", **other):
        pass
    assert "stillwatch scan" in str(refused.value)
    assert f"rm -r {tmp_path / 'store'}" in str(refused.value)


def test_a_folder_that_is_no_store_is_not_touched(tmp_path):
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(StateError, match="not a store"):
        opened(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_two_runs_do_not_share_a_store(tmp_path):
    with (
        opened(tmp_path / "store"),
        pytest.raises(StateError, match="another run"),
        opened(tmp_path / "store"),
    ):
        pass


def test_the_summaries_of_a_day_stand_until_what_they_were_made_of_changes(tmp_path):
    def keep(store, made_of, thinned):
        made = store.scratch() / "a.parquet"
        pq.write_table(pa.table({"x": [1]}), made)
        store.keep_day(DAY, made_of, thinned, {"activity": [made], "items": []})

    with opened(tmp_path / "store") as store:
        assert store.stale({DAY: "one"}, 2) == [DAY]
        keep(store, "one", 2)
        first = store.summaries("activity")
    with opened(tmp_path / "store") as store:
        assert store.summaries("activity") == first
        assert store.summaries("items") == []
        assert store.stale({DAY: "one"}, 3) == []
        assert store.stale({DAY: "one"}, 1) == [DAY], "more is wanted than was kept"
        assert store.stale({DAY: "two"}, 2) == [DAY]
        keep(store, "two", 2)
        assert len(store.summaries("activity")) == 1
        assert store.stale({}, 2) == []
        assert store.summaries("activity") == []


def test_a_small_table_grows_by_what_each_run_is_told_and_the_latest_counts(tmp_path):
    def accounts(**plans):
        rows = [{"account_id": name, "plan": plan} for name, plan in plans.items()]
        return pa.Table.from_pylist(rows, ACCOUNTS.arrow)

    with opened(tmp_path / "store") as store:
        store.remember(ACCOUNTS, accounts(a="free", b="free"))
    with opened(tmp_path / "store") as store:
        told = store.remember(ACCOUNTS, accounts(b="pro", c="pro"))
    assert {r["account_id"]: r["plan"] for r in told.to_pylist()} == {"a": "free", "b": "pro", "c": "pro"}


def test_the_folder_says_in_plain_words_what_it_is(tmp_path):
    with opened(tmp_path / "store") as store:
        put(store)
    head = json.loads((tmp_path / "store" / "store.json").read_text())
    assert head == {"sketch_version": 1, "key_id": "k"}


@pytest.mark.issue(4)
@pytest.mark.parametrize(
    "left", [[".lock"], [".lock", "observations"], ["files", "pieces", "days"], [".store.json.abc", ".lock"]]
)
def test_a_store_that_was_killed_while_it_was_made_or_removed_is_made_anew(tmp_path, left):
    """Without its head nothing in it counts: not even a piece that says it is finished."""
    folder = tmp_path / "store"
    with opened(folder) as store:
        put(store)
    (folder / "store.json").unlink()
    for path in list(folder.iterdir()):
        if path.name not in left and path.is_dir():
            shutil.rmtree(path)
    for name in left:
        if name.startswith("."):
            (folder / name).touch()
    with opened(folder) as store:
        assert store.rows == 0
        assert store.begin(FILE) == {}
    assert not list(folder.glob("observations/**/*.parquet"))
