import hashlib
import json
import os
import stat

import pyarrow as pa
import pytest

from stillwatch.contract import results as contract
from stillwatch.errors import StateError
from stillwatch.results.folder import (
    read_table,
    whole_or_nothing,
    write_json,
    write_manifest,
    write_table,
)


def written(out, text="one"):
    with whole_or_nothing(out) as folder:
        write_json(folder, "overview.json", {"text": text})
        write_manifest(folder, [], {}, 0)


def test_nothing_is_seen_of_results_that_failed(tmp_path):
    def fail():
        with whole_or_nothing(tmp_path / "out") as folder:
            write_json(folder, "overview.json", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_earlier_results_stay_until_the_new_ones_are_whole(tmp_path):
    written(tmp_path / "out")
    with pytest.raises(RuntimeError), whole_or_nothing(tmp_path / "out"):
        raise RuntimeError
    assert json.loads((tmp_path / "out" / "overview.json").read_text()) == {"text": "one"}
    written(tmp_path / "out", "two")
    assert json.loads((tmp_path / "out" / "overview.json").read_text()) == {"text": "two"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_not_a_results_folder_is_not_touched(tmp_path, what):
    out = tmp_path / "out"
    if what == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine").write_text("mine")
    with pytest.raises(StateError, match="not a results folder"), whole_or_nothing(out):
        pass
    assert (out if what == "file" else out / "mine").read_text() == "mine"


def test_the_manifest_has_the_digest_of_every_file(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text("{}")
    with whole_or_nothing(tmp_path / "out") as folder:
        write_table(folder, contract.QUARANTINE, contract.QUARANTINE.empty())
        write_manifest(folder, [log], {"fdr": 0.01}, 7)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["inputs"] == {str(log): hashlib.sha256(b"{}").hexdigest()}
    assert set(manifest["outputs"]) == {"quarantine.parquet"}
    assert (manifest["seed"], manifest["parameters"]) == (7, {"fdr": 0.01})


def test_a_table_is_read_back_as_the_contract_has_it_or_refused_by_name(tmp_path):
    rows = {"campaign_id": ["C1"], "account_id": ["a"], "score": [0.9], "exchanges": [3]}
    write_table(tmp_path, contract.MEMBERS, pa.table(rows))
    assert read_table(tmp_path, contract.MEMBERS).to_pydict() == rows
    (tmp_path / "members.parquet").write_bytes(b"broken")
    with pytest.raises(StateError, match=r"members\.parquet"):
        read_table(tmp_path, contract.MEMBERS)


@pytest.mark.issue(21)
def test_a_file_that_someone_put_into_the_results_is_kept(tmp_path):
    out = tmp_path / "out"
    written(out)
    (out / "notes").mkdir()
    (out / "notes" / "case.txt").write_text("mine")
    (out / "link").symlink_to("overview.json")
    for text in ("two", "three"):
        written(out, text)
        assert (out / "notes" / "case.txt").read_text() == "mine"
        assert (out / "link").is_symlink()
        assert json.loads((out / "overview.json").read_text()) == {"text": text}
    assert {p.name for p in out.iterdir()} == {"notes", "link", "overview.json", "manifest.json"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.issue(21)
def test_a_file_of_the_name_of_a_new_result_is_kept_beside_it(tmp_path):
    out = tmp_path / "out"
    written(out)
    (out / "leads.json").write_text("mine")
    for _run in range(2):
        with whole_or_nothing(out) as folder:
            write_json(folder, "leads.json", {"leads": 1})
            write_manifest(folder, [], {}, 0)
    assert json.loads((out / "leads.json").read_text()) == {"leads": 1}
    assert (out / "leads.json.kept").read_text() == "mine"
    assert {p.name for p in out.iterdir()} == {"leads.json", "leads.json.kept", "manifest.json"}


@pytest.mark.issue(21)
def test_files_that_an_earlier_run_wrote_are_replaced_and_not_kept(tmp_path):
    out = tmp_path / "out"
    with whole_or_nothing(out) as folder:
        write_json(folder, "only_then.json", {})
        write_manifest(folder, [], {}, 0)
    written(out)
    assert {p.name for p in out.iterdir()} == {"overview.json", "manifest.json"}


@pytest.mark.issue(21)
@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"outputs": 3}'])
def test_a_folder_whose_manifest_cannot_be_read_is_refused_and_not_touched(tmp_path, manifest):
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_text(manifest)
    (out / "mine").write_text("mine")
    with pytest.raises(StateError, match=r"manifest\.json"), whole_or_nothing(out):
        pass
    assert (out / "mine").read_text() == "mine"


@pytest.mark.issue(21)
def test_results_that_a_killed_run_had_moved_aside_are_put_back(tmp_path):
    out = tmp_path / "out"
    written(out)
    (out / "mine").write_text("mine")
    aside = tmp_path / ".out.999999999.old.abc"
    aside.mkdir()
    out.rename(aside / "previous")  # killed between two renames
    with pytest.raises(RuntimeError), whole_or_nothing(out):
        raise RuntimeError
    assert (out / "mine").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.issue(21)
@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022])
def test_results_have_the_modes_that_the_umask_leaves(tmp_path, mask):
    before = os.umask(mask)
    try:
        written(tmp_path / "out")
        written(tmp_path / "out", "two")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o777 & ~mask
    assert stat.S_IMODE((tmp_path / "out" / "overview.json").stat().st_mode) == 0o666 & ~mask
