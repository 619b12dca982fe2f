"""Does the page show the first facts and the trial of a group, evenly for and against?"""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.report import page
from stillwatch.report.reading import read
from stillwatch.report.trial import explanations_tried, glance, trial
from tests.report import results_folder
from tests.report.results_folder import build


def card_of(text, name):
    """The HTML of one campaign's card."""
    return next(part for part in text.split("<article")[1:] if f"<h2>{name}</h2>" in part).split(
        "</article>"
    )[0]


def test_what_speaks_for_and_against_stands_in_two_boxes_below_the_facts(tmp_path):
    card = card_of(page.render(build(tmp_path)), "C1")
    assert (
        card.index("</dl>") < card.index("At first glance") < card.index("The trial of innocent explanations")
    )
    assert card.index("The trial of innocent explanations") < card.index("When it happened")
    for_one, against = re.findall(r"<section class=\"(?:for|against)-one\">.*?</section>", card, re.DOTALL)
    assert "<h4>Speaks for one control</h4>" in for_one
    assert "9 cards pay for all accounts." in for_one
    assert "<h4>Speaks against it</h4>" in against
    assert "<b>sign-up days</b><span>Accounts were opened on 58 different days.</span>" in against
    assert "Speaks for neither: Accounts are 1 to 14 months old." in card


def test_the_two_boxes_have_one_size(tmp_path):
    style = re.search(r"<style>(.*?)</style>", page.render(build(tmp_path)), re.DOTALL).group(1)
    rule = re.search(r"\.glance \{(.*?)\}", style).group(1)
    assert "repeat(2, minmax(0, 1fr))" in rule
    assert "grid-auto-rows: 1fr" in rule  # holds where they stand below each other


def test_an_empty_box_says_so(tmp_path):
    card = card_of(page.render(build(tmp_path)), "C3")
    assert "Nothing that was counted speaks against one control." in card
    assert "Nothing that was counted speaks for one control." not in card


def test_facts_of_an_unknown_sort_speak_for_neither(tmp_path):
    path = build(tmp_path) / "glance.parquet"
    table = pq.read_table(path)
    speaks = table.column_names.index("speaks")
    pq.write_table(table.set_column(speaks, "speaks", pa.array(["perhaps"] * len(table))), path)
    shown = glance(read(tmp_path), "C1")
    assert (len(shown.for_one), len(shown.against), len(shown.neither)) == (0, 0, 5)


def test_the_nearest_explanation_stands_first_and_the_rest_are_folded(tmp_path):
    shown = trial(read(build(tmp_path)), "C1", 340)
    remain = [line.log10_e for line in (*shown.nearest, *shown.more)]
    assert remain == sorted(remain)
    assert (len(shown.nearest), len(shown.more)) == (6, 5)
    assert shown.nearest[0].name == "scheduled_app"
    card = card_of(page.render(tmp_path), "C1")
    folded = card.index("<summary>5 more explanations, against which more remains</summary>")
    assert card.index(">shared client<") < folded < card.index(">contest<")


def test_a_row_of_the_trial_has_the_mark_the_statement_and_what_remains(tmp_path):
    card = card_of(page.render(build(tmp_path)), "C1")
    rows = re.findall(r"<tr><th scope=\"row\" class=\"name\">.*?</tr>", card, re.DOTALL)
    assert ">scheduled app</th>" in rows[0]
    assert ">all 340</span></td>" in rows[0]
    assert "no text is sent twice remains." in rows[0]
    assert "<b>10<sup>8.2</sup></b><svg" in rows[0]
    assert ">143 of 340</span><small>42\u202f%</small></td>" in rows[1]
    assert ">none</span></td>" in rows[4]


def test_the_trial_says_what_its_numbers_mean(tmp_path):
    card = card_of(page.render(build(tmp_path)), "C1")
    assert (
        "the accounts that carry its mark count as one account in the kinds of evidence that it can produce"
        in card
    )
    assert "reported only because something remains against every one of them" in card


def test_nothing_remains_is_said_in_words(tmp_path):
    path = build(tmp_path) / "explanations.parquet"
    table = pq.read_table(path)
    none = pc.multiply(table["log10_e"], 0.0)
    pq.write_table(table.set_column(table.column_names.index("log10_e"), "log10_e", none), path)
    card = card_of(page.render(tmp_path), "C1")
    assert "<b>nothing</b></td>" in card
    assert "10<sup>0.0</sup>" not in card


def test_different_explanations_are_counted_once(tmp_path):
    assert explanations_tried(read(build(tmp_path / "new"))) == len(results_folder.EXPLANATIONS)
    assert explanations_tried(read(build(tmp_path / "old", old=True))) is None
