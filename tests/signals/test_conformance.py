"""What every signal has to keep, whoever wrote it: enrolled by the registry, without any work of theirs."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from stillwatch.signals.registry import (
    CONTROL,
    FAMILIES,
    FORBIDDEN,
    LIKENESS,
    Finding,
    NoFinding,
    all_explanations,
    all_group_tests,
    all_indicators,
)

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/stillwatch"
TESTS = all_group_tests()
UNITS = [("indicators", u) for u in all_indicators()] + [("group_tests", t) for t in TESTS]
WORLDS = 300
SHOWN = 300  # characters of a reason that the report shows


def name(unit):
    return unit[1].card.name if isinstance(unit, tuple) else unit.card.name


@pytest.mark.parametrize("unit", UNITS, ids=name)
def test_its_card_says_everything_and_it_reads_no_text(unit):
    card = unit[1].card
    assert card.measures
    assert card.null
    assert card.innocent
    assert card.evaded_by
    assert card.source
    assert card.reads
    assert all(column not in FORBIDDEN for column in card.columns)


@pytest.mark.parametrize("unit", UNITS, ids=name)
def test_it_has_a_test_and_a_page_of_its_own(unit):
    kind, signal = unit
    assert (ROOT / "tests/signals" / kind / f"test_{signal.card.name}.py").exists()
    page = ROOT / "docs/signals" / f"{signal.card.name}.md"
    assert page.exists()
    text = page.read_text()
    for sentence in (signal.card.measures, signal.card.null, signal.card.source, *signal.card.innocent):
        assert sentence in text, f"{page.name} does not say what its card says: {sentence}"


OWN_NOTES = re.compile(
    r"\b(peers|science|design|ecosystem|honest crowds|contract\.md)\b.*?(\d|section|flow)|contract\.md|and "
    r"design"
)


@pytest.mark.issue(22)
@pytest.mark.parametrize(
    "card", [unit.card for unit in (*all_indicators(), *TESTS, *all_explanations())], ids=lambda c: c.name
)
def test_its_source_is_one_that_a_reader_can_find_and_no_note_of_ours(card):
    assert not OWN_NOTES.search(card.source), card.source


def test_control_and_likeness_are_all_families_once():
    assert sorted(CONTROL + LIKENESS) == sorted(FAMILIES)
    assert {t.family for t in TESTS} == set(FAMILIES)


@pytest.mark.issue(2)
@pytest.mark.parametrize("test", TESTS, ids=name)
def test_under_its_own_null_its_e_value_has_mean_at_most_one_and_rarely_exceeds_twenty(test):
    rng = np.random.default_rng(20261121)
    values = []
    for _ in range(WORLDS):
        rows, member = test.sample_null(rng, 24)
        found = test.statistic(rows, member)
        values.append(np.exp(min(found.log_e, 50.0)) if isinstance(found, Finding) else 0.0)
    values = np.array(values)
    # Ville and Markov: P(e >= 20) <= 1/20; 300 worlds have at most 27 of them with probability 0.999
    assert (values >= 20).sum() <= 27
    assert values.mean() - 3 * values.std() / np.sqrt(WORLDS) <= 1.0


@pytest.mark.parametrize("test", TESTS, ids=name)
def test_an_empty_and_a_lonely_group_give_no_evidence(test):
    rows, member = test.sample_null(np.random.default_rng(1), 24)
    nobody = test.statistic(rows, np.zeros_like(member))
    alone = test.statistic(rows, np.isin(account_of(rows, member), [0]))
    for found in (nobody, alone):
        assert isinstance(found, NoFinding) or found.log_e <= 0


def account_of(rows, member):
    """Whose each row is; where rows have no account they are of all accounts in turn, in each half of the
    data.
    """
    accounts = len(member) // 2 if "half" in rows else len(member)
    return np.asarray(rows.get("account", np.arange(len(member)) % accounts))


def without_evidence(test):
    """What the test returns about groups of no, one, two and three accounts, and about a log with no rows
    at all.
    """
    rows, member = test.sample_null(np.random.default_rng(1), 24)
    account = account_of(rows, member)
    found = [test.statistic(rows, np.isin(account, np.unique(account[member])[:size])) for size in range(4)]
    empty = {column: np.asarray(values)[:0] for column, values in rows.items()}
    return [*found, test.statistic(empty, np.zeros(0, bool))]


@pytest.mark.issue(21)
@pytest.mark.parametrize("test", TESTS, ids=name)
def test_where_it_has_no_evidence_it_returns_a_reason_that_can_be_counted(test):
    """The reason is a clause with the limits of the test: equal for groups of different sizes, without
    names of columns.
    """
    nobody, one, two, three, empty = without_evidence(test)
    assert one == two == three
    for found in (nobody, one, empty):
        assert isinstance(found, NoFinding)
        assert len(found.reason.split()) >= 4
        assert found.reason[0].islower()
        assert not found.reason.endswith((".", ","))
        assert "`" not in found.reason
        assert not any(column in found.reason for column in test.card.reads)
        assert len(f"of 10000 groups described, 10000 times: {found.reason}") <= SHOWN


@pytest.mark.issue(21)
@pytest.mark.parametrize("test", TESTS, ids=name)
def test_it_returns_a_finding_or_a_reason_and_nothing_else(test):
    for seed, accounts in ((1, 24), (2, 7), (3, 60)):
        assert isinstance(
            test.statistic(*test.sample_null(np.random.default_rng(seed), accounts)), Finding | NoFinding
        )


@pytest.mark.parametrize("test", [t for t in TESTS if t.alone], ids=name)
def test_what_reads_members_alone_says_the_same_without_all_others(test):
    for seed in range(5):
        rows, member = test.sample_null(np.random.default_rng(seed), 40)
        mine = {column: np.asarray(values)[member] for column, values in rows.items()}
        assert test.statistic(mine, member[member]) == test.statistic(rows, member)


@pytest.mark.parametrize("test", TESTS, ids=name)
def test_its_sentence_names_no_account(test):
    rows, member = test.sample_null(np.random.default_rng(2), 24)
    found = test.statistic(rows, member)
    assert "acct" not in (found.statement if isinstance(found, Finding) else found.reason)


@pytest.mark.issue(20)
def test_the_table_of_signals_is_the_registry():
    rows = [
        line
        for line in (ROOT / "docs/signals/README.md").read_text().splitlines()
        if "](" in line and line.startswith("|")
    ]
    families = {t.card.name: t.family for t in TESTS}
    assert rows == [
        f"| [{unit.card.name}]({unit.card.name}.md) | {families.get(unit.card.name, 'indicator')} | "
        f"{unit.card.measures} |"
        for _kind, unit in UNITS
    ]


@pytest.mark.issue(20)
@pytest.mark.parametrize("test", TESTS, ids=name)
def test_its_page_names_its_family_and_says_whether_it_counts(test):
    text = (ROOT / "docs/signals" / f"{test.card.name}.md").read_text()
    assert f"family *{test.family}*" in text
    assert ("(../explanations/README.md)" in text) == (test.family in CONTROL)
    assert ("never counts" in text) == (test.family in LIKENESS)


@pytest.mark.issue(22)
@pytest.mark.parametrize(
    "module",
    ["detect/propose", "detect/weigh", "detect/attribute", "detect/explain", "detect/judge", "detect/refine",
     "flows/scan", "flows/campaign_tables"],
)  # fmt: skip
def test_what_a_signal_is_stands_on_its_card_and_no_step_knows_one_by_name(module):
    names = {one.card.name for one in (*all_indicators(), *all_group_tests(), *all_explanations())}
    names -= set(FAMILIES)  # `handoff` is a family too
    tree = ast.parse((SOURCE / f"{module}.py").read_text(encoding="utf-8"))
    words = {
        one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
    assert words & names == set()
