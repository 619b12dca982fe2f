import hashlib
import json

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
