"""Every sentence about a campaign follows the rows that carry it: where a finding changes, the sentence
changes or goes.
"""

import copy

import pytest

from stillwatch.claims.basis import CONTROL_TESTS, LIKENESS_TESTS, basis_of_control
from stillwatch.claims.numbers import text
from stillwatch.claims.statements import claims, known_from
from stillwatch.signals.registry import CONTROL, all_group_tests
from tests.package.small_results import tables

pytestmark = pytest.mark.issue(27)


@pytest.fixture
def rows():
    return copy.deepcopy(tables())


def said(rows, number, name="C1"):
    one = next(one for one in claims(rows, name) if one.number == number)
    return one.basis, text(one.sentence)


def evidence(kind, log10):
    return {
        "campaign_id": "C1",
        "kind": kind,
        "value": "v",
        "accounts": 5,
        "exchanges": 40,
        "log10_likelihood_ratio": log10,
        "statement": "canary",
        "basis": "measured",
        "others": None,
        "network_class": None,
    }


def test_tests_of_control_are_those_of_the_registry():
    families = {one.card.name: one.family for one in all_group_tests()}
    assert {name for name, family in families.items() if family in CONTROL} == CONTROL_TESTS
    assert {name for name, family in families.items() if family not in CONTROL} == LIKENESS_TESTS


def test_control_is_measured_only_where_a_test_of_control_speaks_for_it(rows):
    assert said(rows, 2)[0] == "measured"
    rows["evidence"] = [evidence("synchrony", 9.0), evidence("user_agent", 2.5), evidence("rotation", -18.0)]
    basis, sentence = said(rows, 2)
    assert basis == "inferred"
    assert "no test of control speaks for it" in sentence
    assert "1 test speaks against it" in sentence
    rows["evidence"] = [evidence("rotation", -18.0), evidence("synchrony", -3.0)]
    assert said(rows, 2) == (
        "not shown",
        "nothing that was measured speaks for one party behind these accounts; 2 tests speak against it",
    )


@pytest.mark.parametrize(
    ("number", "table", "column", "change"),
    [
        (1, "members", "exchanges", lambda v: v + 1),
        (2, "evidence", "log10_likelihood_ratio", lambda v: v + 5),
        (2, "explanations", "log10_e", lambda v: v - 3),
        (3, "hypotheses", "log10_likelihood", lambda v: v * 2),
    ],
)
def test_a_changed_finding_changes_the_sentence_that_it_carries_and_no_other(
    rows, number, table, column, change
):
    before = {n: said(rows, n) for n in range(1, 6)}
    for row in rows[table]:
        row[column] = change(row[column])
    after = {n: said(rows, n) for n in range(1, 6)}
    assert [n for n in before if before[n] != after[n]] == [number]


@pytest.mark.parametrize(("number", "table"), [(1, "members"), (2, "evidence"), (3, "hypotheses")])
def test_without_its_rows_a_claim_is_not_shown(rows, number, table):
    assert said(rows, number)[0] != "not shown"
    rows[table] = []
    assert said(rows, number)[0] == "not shown"


def test_a_finding_of_another_campaign_carries_nothing(rows):
    before = said(rows, 2)
    for row in rows["evidence"]:
        if row["campaign_id"] == "C2":
            row["log10_likelihood_ratio"] = 300.0
    assert said(rows, 2) == before


def test_purpose_is_not_shown_where_the_hypotheses_do_not_favour_a_harvest(rows):
    for row in rows["hypotheses"]:
        row["log10_likelihood"] = {"H2": 0.0}.get(row["hypothesis"], -3.0)
    assert said(rows, 3) == (
        "not shown",
        "what is asked and how looks like real end users; harvesting is not shown",
    )


def test_nothing_could_be_known_earlier_where_no_look_alerted(rows):
    mine = [row for row in rows["timeline"] if row["campaign_id"] == "C1"]
    assert known_from(mine) is not None
    for row in mine:
        if row["log10_e"] is not None:
            row["log10_e"] = row["log10_alert"] - 0.1
    assert known_from(mine) is None


def test_model_and_organisation_are_not_shown_without_an_attribution_that_states_them(rows):
    assert [said(rows, n)[0] for n in (4, 5)] == ["not shown", "not shown"]
    told = {"claims": [{"claim": 5, "basis": "not shown", "statement": ""}], "accusation": None}
    assert [one.basis for one in claims(rows, "C1", told)][4] == "not shown"


def test_no_sentence_of_a_table_is_repeated(rows):
    for table in rows.values():
        for row in table:
            if "statement" in row:
                row["statement"] = "canary of a statement"
    assert "canary" not in " ".join(text(one.sentence) for one in claims(rows, "C1"))


def test_a_campaign_of_shared_values_alone_is_inferred():
    assert basis_of_control([evidence("payment_fingerprint", 2.5)]) == "inferred"
    assert basis_of_control([]) == "not shown"
