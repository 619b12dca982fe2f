import json

import pytest

from stillwatch.cli.main import COMMANDS
from stillwatch.evaluate.matrix import built_in
from stillwatch.simulate.worlds import simulate


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    simulate("stealth-1", seed=5, out=folder, scale=0.3)
    return folder


def test_a_scan_ends_with_0_and_says_where_to_look(run, world, tmp_path):
    code, out, err = run("scan", world, "--out", tmp_path / "r")
    assert code == 0
    assert "C1" in out
    assert str(tmp_path / "r" / "report.html") in out
    assert err == ""


def test_with_fail_on_campaign_it_ends_with_1_and_json_is_json(run, world, tmp_path):
    code, out, _err = run("scan", world, "--out", tmp_path / "r", "--fail-on-campaign", "--json")
    assert code == 1
    assert json.loads(out)["campaigns"][0]["campaign_id"] == "C1"


def test_score_report_and_simulate_work_from_the_shell(run, world, tmp_path):
    assert run("scan", world, "--out", tmp_path / "r", "--quiet")[0] == 0
    code, out, _ = run("score", tmp_path / "r", world / "truth.parquet", "--json")
    assert code == 0
    assert json.loads(out)["false_campaigns"] == 0
    (tmp_path / "r" / "report.html").unlink()
    assert run("report", tmp_path / "r")[0] == 0
    assert (tmp_path / "r" / "report.html").exists()
    code, out, _ = run("simulate", "--scenario", "null", "--scale", "0.01", "--out", tmp_path / "w", "--json")
    assert code == 0
    assert json.loads(out)["campaigns"] == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan",),
        ("scan", "x", "--fdr", "2"),
        ("nothing",),
        ("scan", "x", "--map", "timestamp"),
        ("signals", "nosuch"),
        ("simulate", "--scenario", "nosuch", "--out", "w"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments)[0] == 2


def test_a_failure_ends_with_1_and_names_file_and_fix(run, tmp_path):
    code, _out, err = run("scan", tmp_path / "absent", "--out", tmp_path / "r")
    assert code == 1
    assert "absent" in err
    assert "stillwatch scan" in err


def test_the_cards_can_be_listed_and_shown(run):
    assert "load_balance" in run("signals")[1]
    assert "null" in run("signals", "load_balance")[1]
    assert {c["name"] for c in json.loads(run("signals", "--json")[1])} >= {"asn", "rotation"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert "Example" in out
    assert "\\b" not in out  # click's mark for lines that stay as they are


def test_the_help_of_evaluate_names_every_matrix_that_comes_along(run):
    told = run("evaluate", "--help")[1]
    assert all(f"{name}," in told for name in built_in())
