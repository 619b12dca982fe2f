"""The report's claims follow the tables: where a finding is mutated, what the page says of it changes or
goes.
"""

import re

import pytest

from stillwatch.report.page import render
from tests.package.small_results import tables, write_results

pytestmark = pytest.mark.issue(27)


@pytest.fixture
def page(tmp_path):
    """What the report says of campaigns, as words, after a change to the rows."""

    def made(change=lambda rows: None):
        rows = tables()
        change(rows)
        folder = write_results(tmp_path / str(len(list(tmp_path.iterdir()))) / "results", rows)
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", render(folder)))

    return made


def test_control_is_said_to_be_measured_only_by_a_test_of_control(page):
    def likeness_alone(rows):
        for row in rows["evidence"]:
            if row["kind"] == "shared_payment":
                row["kind"] = "synchrony"

    assert "1 test of control speaks for one party" in page()
    changed = page(likeness_alone)
    assert "test of control speaks for one party" not in changed
    assert "no test of control speaks for it" in changed.lower()


def test_what_a_scan_wrote_as_a_claim_is_not_repeated(page):
    def boast(rows):
        for row in rows["claims"]:
            row["statement"] = "certainly guilty"

    assert "certainly guilty" not in page(boast)


def test_nothing_could_be_known_from_a_moment_at_which_no_look_alerted(page):
    def below_the_bar(rows):
        for row in rows["timeline"]:
            if row["log10_e"] is not None:
                row["log10_e"] = row["log10_alert"] - 1

    assert "already sufficed" in page()
    changed = page(below_the_bar)
    assert "already sufficed" not in changed
    assert "no look showed enough for an alert" in changed


def test_harvesting_goes_where_its_hypothesis_does_not_lead(page):
    def relay(rows):
        for row in rows["hypotheses"]:
            row["log10_likelihood"] = 0.0 if row["hypothesis"] == "H2" else -5.0

    assert "favours harvesting over relaying" in page()
    assert "favours harvesting over relaying" not in page(relay)
