"""Do tables and pictures say what the outcomes hold, with one seed and with several?"""

import numpy as np
import pytest

from stillwatch.lab import page, tables

ACCESS = ("open", "open_beside_teacher", "text", "text_beside_teacher")


def traced(share, seed, scale=1.0):
    z = 40 * share**scale + 0.1 * seed
    return {"mark": "gumbel", "share": share, "seed": seed, **{
        one: {"effect": z / 100, "units": 10_000, "log10_p": -z, "rank_p": 0.01} for one in ACCESS
    }}  # fmt: skip


def render(kind, rows, slopes=()):
    whole = {"kind": kind, "title": "A title", "words": "Some words.", "version": "0", "rows": rows}
    return page.render({**whole, "slopes": list(slopes), "teacher": "00"})


@pytest.mark.parametrize("seeds", [1, 3])
def test_traces_have_a_row_a_share_and_the_exponent_that_was_put_in(seeds):
    rows = tables.traces(
        [traced(share, seed, 0.5) for share in (0.0, 0.05, 0.1, 0.5) for seed in range(seeds)]
    )
    assert len(rows) == 4 * len(ACCESS)
    told = tables.slope(rows, "gumbel", "text")
    assert told["exponent"] == pytest.approx(0.5, abs=0.02)
    html = render("traces", rows, [{"mark": "gumbel", "access": "text", **told}])
    assert html.count("<svg") == len(ACCESS)
    assert "inf)" not in html
    assert "nan" not in html


def test_too_few_points_have_no_exponent():
    assert tables.slope(tables.traces([traced(0.1, 0), traced(0.2, 0)]), "gumbel", "text") is None


def test_defences_are_told_against_none_on_the_same_seeds():
    done = [
        {
            "defence": name,
            "dose": dose,
            "seed": seed,
            "honest": {"lists": 0.98 - loss},
            "student": {"lists": 0.8 - 2 * loss},
            "trace_words": 20.0,
            "served": 3_000,
        }
        for seed in (0, 1)
        for name, dose, loss in (("none", 1.0, 0.0), ("withhold", 1.0, 0.1), ("perturb", 2.0, 0.2))
    ]
    rows = {row["defence"]: row for row in tables.defences(done)}
    assert rows["none"]["student_loss"]["value"] == 0
    assert rows["withhold"]["student_loss"]["value"] == pytest.approx(0.2)
    assert rows["perturb"]["honest_loss"]["value"] == pytest.approx(0.2)
    html = render("defences", list(rows.values()))
    assert html.count("<circle") == 3
    assert "inf)" not in html


def test_removal_shows_a_bar_for_weights_and_one_for_text():
    done = [
        {"removal": name, "right": 0.9, **{one: {"log10_p": -p, "effect": 0.1} for one in ACCESS[1::2]}}
        for name, p in (("none", 50.0), ("reword all", 0.0))
    ]
    html = render("removal", tables.removal(done))
    assert html.count("<rect") == 4
    assert "reword all" in html


def test_a_curve_has_a_picture_for_all_and_for_each_capability():
    rng = np.random.default_rng(0)
    done = [
        {
            "way": way,
            "answers": n,
            "accuracy": {"lists": v, "tools": v},
            "teacher": {"lists": 0.99, "tools": 0.99},
        }
        for _ in (0, 1)
        for way in ("answers", "reasoning")
        for n, v in ((100, 0.1 + 0.01 * rng.random()), (1_000, 0.5))
    ]
    rows = tables.curve(done)
    assert len(rows) == 2 * 2 * 3
    assert render("curve", rows).count("<svg") == 3


@pytest.mark.issue(25)
@pytest.mark.parametrize("seeds", [1, 3])
def test_power_is_drawn_against_the_share_and_against_rewording_at_the_largest_share(seeds):
    def job(share, reword, seed):
        z = 20 * share * (1 - reword)
        one = {"effect": z / 100, "units": 10_000, "log10_p": -z}
        return {"mark": "gumbel", "share": share, "reword": reword, "seed": seed, "text": one, "open": one}

    kinds = [(0.0, 0.0), (0.1, 0.0), (0.5, 0.0), (0.5, 0.5), (0.5, 1.0)]
    rows = tables.power([job(*one, seed) for one in kinds for seed in range(seeds)])
    assert {row["access"] for row in rows} == {"text", "open"}
    by = {(row["share"], row["reword"]): row["power"]["1e-05"] for row in rows if row["access"] == "text"}
    assert by[0.5, 0.0] > 0.99 > by[0.5, 0.5] > by[0.1, 0.0] > by[0.0, 0.0]
    assert by[0.5, 1.0] == pytest.approx(1e-5)
    html = render("power", rows)
    assert html.count("<svg") == 2
    assert (
        html.count("<circle") == 2 * 3 + 2 * 3
    )  # three shares and three rewordings, with text and with weights
    assert f"{seeds} of {seeds}" in html
    assert "half a million" not in html
