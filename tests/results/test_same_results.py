"""`scripts/same_results.py`, with which results before and after a change are compared."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.scripts import script

pytestmark = pytest.mark.issue(22)
same_results = script("same_results")


@pytest.fixture
def folder(tmp_path):
    def write(name, *, q_values=(0.001, 0.002), more=None, took="23.2 seconds", seed=0, member="a1"):
        place = tmp_path / name
        place.mkdir()
        table = {"campaign_id": ["C1", "C2"], "q_value": list(q_values)} | (more or {})
        pq.write_table(pa.table(table), place / "campaigns.parquet")
        (place / "manifest.json").write_text(json.dumps({"version": name, "seed": seed}))
        (place / "report.html").write_text(f"<p>{member}</p>seed 0; the scan took {took}.")
        return place

    return write


def test_another_time_version_and_a_new_column_are_no_difference(folder):
    after = folder("after", took="1.8 minutes", more={"shape": ["a", "b"]})
    assert list(same_results.differences(folder("before"), after)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"q_values": (0.001, 0.0020000000000000005)},
            "campaigns.parquet: `q_value` differs in 1 rows: row 1",
        ),
        ({"seed": 1}, "manifest.json: .seed: 0, then 1"),
        ({"member": "a2"}, "report.html: differs"),
    ],
)
def test_a_difference_in_the_last_bit_of_a_value_a_setting_or_the_report_is_found(folder, change, said):
    (found,) = same_results.differences(folder("before"), folder("after", **change))
    assert found.startswith(said)


def test_files_columns_and_rows_that_are_gone_are_found(folder):
    before, after = folder("before", more={"kind": ["harvest", "relay"]}), folder("after")
    (after / "report.html").unlink()
    pq.write_table(pq.read_table(after / "campaigns.parquet").slice(0, 1), after / "campaigns.parquet")
    assert list(same_results.differences(before, after)) == [
        "campaigns.parquet: 2 rows, then 1",
        "campaigns.parquet: `kind` is gone",
        "report.html: is gone",
    ]


def test_nulls_and_numbers_that_are_none_are_compared_as_values(folder):
    odd = {"q_values": (float("nan"), None)}
    assert list(same_results.differences(folder("before", **odd), folder("after", **odd))) == []
