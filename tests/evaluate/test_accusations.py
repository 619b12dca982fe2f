import json

import pytest
from scipy.stats import beta

from stillwatch.evaluate.accusations import ORDINARY, of_bounded_mean, summarise_crowds
from stillwatch.evaluate.flow import evaluate
from stillwatch.evaluate.page import percent, render
from stillwatch.signals.registry import all_explanations

NAME = all_explanations()[0].card.name


def outcome(world, crowds, reported=(), leads=(), *, left_out=False):
    rows = [{"group": group, "kind": kind} for group, kind in reported]
    return {
        "world": world, "seed": 1, "tunes": False, "crowds": crowds, "left_out": left_out, "reported": rows,
        "leads": [{"group": group} for group in leads], "accounts": 2000, "exchanges": 90000, "days": 7,
        "elapsed_s": 9.0, "peak_mib": 500,
    }  # fmt: skip


OUTCOMES = [
    outcome("alone", ["a"], [("a", "fleet")], ["a"]),
    outcome("alone", ["a"], [], ["a", None]),
    outcome("alone", ["b"], [(None, "harvest")]),
    outcome("alone", ["b"], [("b", "relay"), ("b", "harvest")]),
    outcome("alone", ["c"]),
    outcome("five", ["a", "b"], [("b", "harvest")]),
    outcome("left-out", ["a"], [("a", "harvest")], left_out=True),
    outcome("left-out", ["b"], left_out=True),
    outcome("left-out", ["c"], left_out=True),
]


@pytest.fixture(scope="module")
def rows():
    return {row["world"]: row for row in summarise_crowds(OUTCOMES)}


def test_a_world_counts_once_for_an_explanation_however_many_reports_it_has(rows):
    told = {
        one["explanation"]: (one["worlds"], one["reported"], one["led"])
        for one in rows["alone"]["explanations"]
    }
    assert told == {"a": (2, 1, 2), "b": (2, 1, 0), "c": (1, 0, 0), ORDINARY: (5, 1, 1)}
    assert rows["alone"]["reported_worlds"] == 3
    assert rows["alone"]["kinds"] == {"fleet": 1, "harvest": 2, "relay": 1}


def test_an_upper_bound_is_exact(rows):
    each = {one["explanation"]: one["share"] for one in rows["alone"]["explanations"]}
    assert each["c"]["high"] == pytest.approx(0.975)
    assert each["a"]["high"] == pytest.approx(beta.ppf(0.975, 2, 1))
    assert rows["five"]["any_report"]["high"] == 1.0


def test_leaving_one_out_is_averaged_over_explanations(rows):
    row = rows["left-out"]
    assert row["left_out"]
    assert row["mean"]["value"] == pytest.approx(1 / 3)
    assert row["mean"]["number"] == 3
    assert (row["reported_explanations"], row["accused"]["number"]) == (1, 3)
    assert rows["alone"]["mean"]["value"] == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert rows["five"]["mean"] is None


def test_the_interval_of_a_mean_has_a_width_where_all_values_are_equal():
    none = of_bounded_mean([0.0] * 42)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 42))
    half = of_bounded_mean([0.5] * 42)
    assert half.low < 0.4 < 0.6 < half.high
    assert of_bounded_mean([]) is None


def test_the_page_shows_the_estimate_for_unknown_causes_and_every_explanation(rows):
    page = render(
        {
            "version": "0",
            "matrix": "honest",
            "prompts": "",
            "times": "",
            "kinds": None,
            "worlds": [],
            "crowds": list(rows.values()),
        }
    )
    assert "Causes nobody thought of" in page
    assert "<b>33 %</b> of worlds on average over 3 explanations" in page
    assert "1 of 3 explanations was reported at least once" in page
    assert "A report of kind <i>fleet</i> counts as a report." in page
    for name in ("alone", "five", "left-out"):
        assert f"<h3>{name}, by explanation</h3>" in page
    assert "<tr><td>c</td><td>1</td><td>0</td><td>0 %</td><td>97.5 %</td><td>0</td></tr>" in page
    assert "By world" not in page


@pytest.mark.parametrize(
    ("share", "told"), [(0.0, "0 %"), (1.0, "100 %"), (0.004, "0.4 %"), (0.333, "33 %"), (0.975, "97.5 %")]
)
def test_shares_near_the_ends_keep_a_decimal(share, told):
    assert percent(share) == told


def test_a_matrix_of_honest_worlds_runs_writes_its_figures_and_resumes(tmp_path):
    (tmp_path / "m.toml").write_text(
        f"[worlds.out]\ncrowds = ['{NAME}']\naccounts = 100\ndays = 4\nleave_out = true\nseeds = 1\n"
    )
    rows = evaluate(str(tmp_path / "m.toml"), tmp_path / "out")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cells").iterdir()}
    assert evaluate(str(tmp_path / "m.toml"), tmp_path / "out") == rows
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cells").iterdir()} == kept
    (row,) = rows
    assert row["left_out"]
    assert [one["explanation"] for one in row["explanations"]] == [NAME, ORDINARY]
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert (written["crowds"], written["worlds"]) == (rows, [])
    assert f"<td>{NAME}</td>" in (tmp_path / "out" / "evaluation.html").read_text()
