"""The blind trial of attribution."""

import numpy as np
import pytest

from stillwatch.evaluate.blind import CASES, calibration_slope, summarise_trials, trial
from stillwatch.evaluate.matrix import read_matrix
from stillwatch.evaluate.run import run_cell

pytestmark = pytest.mark.issue(27)


def test_200_blind_cases_meet_the_bars():
    cases = trial(200, 1)
    (row,) = summarise_trials([{"world": "blind", "cases": cases}])
    assert row["false"] == []
    assert row["brier_decided"]["value"] <= 0.05
    assert row["named_where_evident"]["value"] >= 0.5
    assert row["calibration_slope"]["low"] <= 1.1
    assert row["calibration_slope"]["high"] >= 0.9
    assert {one["kind"] for one in row["kinds"]} == set(CASES)
    refused = {one["kind"]: one["refused"] == one["cases"] for one in row["kinds"]}
    assert refused["honest"]
    assert refused["end users"]
    assert refused["false flag"]


def test_the_trial_counts_a_false_accusation():
    case = {
        "kind": "honest",
        "director": "",
        "evident": False,
        "named": "Actor 1",
        "best": "Actor 1",
        "refused": False,
        "decided": True,
        "likeliest": ["actor", "Actor 1", 0.99],
        "actors": [["Actor 1", 0.99, False], ["Actor 2", 0.001, False]],
    }
    (row,) = summarise_trials([{"world": "w", "cases": [case, {**case, "named": ""}]}])
    assert row["false_accusations"]["value"] == 0.5
    assert row["brier_decided"]["value"] == pytest.approx((0.99**2 + 0.001**2) / 2)


def test_the_slope_is_1_for_calibrated_probabilities_and_more_for_timid_ones():
    rng = np.random.default_rng(1)
    p = rng.beta(0.5, 0.5, 20_000)
    outcome = (rng.random(20_000) < p).astype(float)
    slope, low, high = calibration_slope(p, outcome)
    assert low < 1 < high
    assert slope == pytest.approx(1.0, abs=0.05)
    odds = np.sqrt(p / (1 - p))
    assert calibration_slope(odds / (1 + odds), outcome)[0] == pytest.approx(2.0, abs=0.1)


def test_the_matrix_is_built_in():
    (cell,) = read_matrix("attribution")
    assert cell.cases == 200
    assert [one.seed for one in read_matrix("attribution", seeds=3)] == [1, 2, 3]


def test_the_command_runs_a_matrix_of_cases(run, tmp_path):
    (tmp_path / "few.toml").write_text("[worlds.few]\ncases = 12\n")
    (cell,) = read_matrix(str(tmp_path / "few.toml"))
    (tmp_path / "out" / "cells").mkdir(parents=True)
    run_cell(cell, tmp_path / "out" / "cells")  # in this process; the command goes on from there
    code, out, err = run(
        "evaluate", "--matrix", tmp_path / "few.toml", "--out", tmp_path / "out", "--workers", 1, "--quiet"
    )
    assert code == 0, err
    assert "few: 12 blind cases" in out
    assert "Blind cases of attribution" in (tmp_path / "out" / "evaluation.html").read_text()
    (tmp_path / "few.toml").write_text("[worlds.few]\ncases = 12\naccounts = 3\n")
    code, _out, err = run("evaluate", "--matrix", tmp_path / "few.toml", "--out", tmp_path / "out")
    assert code == 1
    assert "has no `accounts`" in err
