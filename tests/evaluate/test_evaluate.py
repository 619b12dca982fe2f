import json

import pytest

from stillwatch.evaluate import run as running
from stillwatch.evaluate.flow import evaluate

MATRIX = """
[worlds.open]
scenario = "stealth-1"
scale = 0.2
seeds = 2
changes = { accounts = 400, exchanges = 12000 }
[worlds.honest]
scenario = "null"
scale = 0.05
seeds = 1
"""


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation")
    (folder / "m.toml").write_text(MATRIX)
    rows = evaluate(str(folder / "m.toml"), folder / "out", workers=2)
    return folder, rows


@pytest.mark.issue(3)
def test_every_figure_has_an_interval_over_seeds(evaluated):
    _folder, rows = evaluated
    by_name = {row["world"]: row for row in rows}
    recall = by_name["open"]["account_recall"]
    assert recall["number"] == 2
    assert 0 <= recall["low"] <= recall["value"] <= recall["high"] <= 1
    assert by_name["open"]["found"]["value"] == 1.0
    assert by_name["honest"]["any_false_campaign"]["value"] == 0.0
    assert by_name["honest"].get("account_recall") is None


@pytest.mark.issue(3)
def test_a_second_run_makes_no_world_again(evaluated, monkeypatch):
    folder, rows = evaluated

    def never(*_given, **_named):
        raise AssertionError("a world was made again")

    monkeypatch.setattr(running, "run_cell", never)
    assert evaluate(str(folder / "m.toml"), folder / "out", workers=1) == rows


@pytest.mark.issue(3)
def test_an_interrupted_run_goes_on_with_the_missing_worlds_only(evaluated):
    folder, rows = evaluated
    lost = sorted((folder / "out" / "cells").glob("honest-*.json"))[0]
    kept = {p: p.stat().st_mtime_ns for p in (folder / "out" / "cells").glob("open-*.json")}
    lost.unlink()
    again = evaluate(str(folder / "m.toml"), folder / "out", workers=1)
    assert all(p.stat().st_mtime_ns == at for p, at in kept.items())
    assert [r["world"] for r in again] == [r["world"] for r in rows]
    assert list((folder / "out" / "cells").glob(".cell-*")) == []


def test_the_page_and_the_table_are_written(evaluated):
    folder, rows = evaluated
    page = (folder / "out" / "evaluation.html").read_text()
    assert "campaign accounts found" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "$0.000000005 (" in page  # a byte through a residential address: no price is rounded to nothing
    written = json.loads((folder / "out" / "evaluation.json").read_text())
    assert [row["account_recall"] for row in written["worlds"] if "account_recall" in row] == [
        rows[0]["account_recall"]
    ]
    assert written["matrix"].endswith("m.toml")
