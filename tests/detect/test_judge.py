"""Evidence beyond every explanation: what an explanation takes away, and what it leaves."""

import numpy as np
import pytest

from stillwatch.detect.judge import (
    LEAST_LOG_E_TRIED,
    PROPOSED_BY_IT,
    SHARE_A_MARK_MISSES,
    Outcomes,
    evidence,
    judge,
)
from stillwatch.detect.propose import ATTRIBUTES
from stillwatch.signals.registry import CONTROL, FAMILIES, LIKENESS
from stillwatch.stats.evalues import binomial_log_e
from tests.detect.benches import group, made_bench, made_explanation, made_test

ACCOUNTS, MEMBERS = 60, 20
ALL, NONE = np.zeros(ACCOUNTS, int), np.full(ACCOUNTS, -1)
LOAD = made_test("loads", "load", lambda places: 0.5 * len(places) if len(places) > 1 else "alone")
DIVISION = made_test("divides", "division", lambda places: 0.4 * len(places) if len(places) > 1 else "alone")
WEAK_LOAD = made_test("loads", "load", lambda places: 0.25 * len(places) if len(places) > 1 else "alone")
PURPOSE = made_test("wants", "purpose", lambda _places: 50.0)


def alone(log_e):
    """Evidence of one family of control without evidence in the others."""
    return np.logaddexp(log_e, np.log(len(CONTROL) - 1)) - np.log(len(CONTROL))


def missed(outside):
    """The most that a bent family counts where so many of the members are outside the largest label."""
    return binomial_log_e(outside, MEMBERS, SHARE_A_MARK_MISSES)


def judged(tests, explanations, places=range(MEMBERS), graph="words", **columns):
    """One group, with every explanation tried."""
    bench = made_bench(ACCOUNTS, tests, explanations, **columns)
    (one,) = judge([group(places, graph)], bench, described=True)
    return one


@pytest.mark.issue(20)
def test_an_explanation_that_all_members_belong_to_leaves_nothing_in_the_families_it_bends():
    one = judged([LOAD], [made_explanation("quota", ["load"], ALL)])
    assert one.unexplained == pytest.approx(alone(10.0))
    (trial,) = one.trials
    assert (trial.marked, trial.effective) == (MEMBERS, 1)
    assert trial.log_e == one.log_e == pytest.approx(alone(missed(0)))
    assert one.log_e <= 0.0


@pytest.mark.issue(20)
def test_families_that_an_explanation_does_not_bend_count_in_full():
    one = judged([LOAD, DIVISION], [made_explanation("quota", ["load"], ALL)])
    families = dict.fromkeys(CONTROL, 0.0) | {"load": 10.0, "division": 8.0}
    assert one.unexplained == pytest.approx(evidence(families))
    assert one.log_e == pytest.approx(evidence(families | {"load": missed(0)}))
    assert one.log_e > 6.0


@pytest.mark.issue(20)
def test_members_without_the_mark_count_in_full_and_those_of_one_label_once():
    labels = NONE.copy()
    labels[:2], labels[2:5] = 0, 7
    one = judged([WEAK_LOAD], [made_explanation("quota", ["load"], labels)])
    (trial,) = one.trials
    assert (trial.marked, trial.effective) == (5, 17)  # 15 unmarked, and one of each label
    assert missed(17) > 0.25 * 17
    assert one.log_e == pytest.approx(alone(0.25 * 17))


@pytest.mark.issue(20)
@pytest.mark.parametrize("marked", [12, 16, 19])
def test_the_few_members_that_a_mark_may_have_missed_carry_no_evidence(marked):
    """However much evidence they carry by themselves: one account with many exchanges can carry much."""
    heavy = made_test("heavy", "load", lambda places: 90.0 if 19 in places else "without the 19th")
    labels = NONE.copy()
    labels[:marked] = 0
    one = judged([heavy], [made_explanation("quota", ["load"], labels)])
    assert one.trials[0].effective == MEMBERS - marked + 1
    assert one.unexplained > 80.0
    assert one.log_e == pytest.approx(alone(missed(MEMBERS - marked)))
    assert one.log_e < LEAST_LOG_E_TRIED


@pytest.mark.issue(20)
def test_two_explanations_do_not_add_up_each_is_the_cause_by_itself():
    parts = [NONE.copy(), NONE.copy()]
    parts[0][:4], parts[1][4:8] = 0, 0
    one = judged([WEAK_LOAD], [made_explanation(f"part_{n}", ["load"], part) for n, part in enumerate(parts)])
    assert [t.effective for t in one.trials] == [17, 17]
    assert one.log_e == pytest.approx(alone(0.25 * 17))


@pytest.mark.issue(20)
@pytest.mark.parametrize("described", [False, True])
def test_a_cause_that_accompanies_others_bends_its_families_in_their_trials_too(described):
    """A sponsor pays, and an app runs by the clock: each alone leaves what the other produces."""
    paid = made_test("paid", "ownership", lambda places: 6.0 if len(places) > 1 else 0.0)
    app = made_explanation("app", ["load"], ALL)
    for accompanies in (False, True):
        sponsor = made_explanation("sponsor", ["ownership"], ALL, accompanies=accompanies)
        bench = made_bench(ACCOUNTS, [LOAD, paid], [app, sponsor])
        (one,) = judge([group(range(MEMBERS))], bench, described=described)
        left = {t.explanation.card.name: t.log_e for t in one.trials}
        assert left["sponsor"] == pytest.approx(evidence(one.families | {"ownership": missed(0)}))
        assert one.log_e == min(left.values())
        assert (one.log_e < 0.0) == accompanies


@pytest.mark.issue(20)
def test_an_explanation_whose_mark_no_member_carries_takes_nothing_away():
    labels = ALL.copy()
    labels[:MEMBERS] = -1
    one = judged([LOAD], [made_explanation("quota", ["load"], labels)])
    assert one.log_e == one.unexplained
    assert one.trials[0].excess == pytest.approx(-(ACCOUNTS - MEMBERS) / ACCOUNTS)


def random_case(seed):
    """Tests whose evidence rises and falls with the members, and explanations that mark some of them, at
    random.
    """
    rng = np.random.default_rng(seed)
    tests = []
    for family in rng.permutation(CONTROL)[: rng.integers(1, 5)].tolist():
        weights, wave = rng.normal(0.5, 1.0, ACCOUNTS), rng.normal(0, 3.0, ACCOUNTS + 1)
        tests.append(made_test(f"test_{family}", family, lambda p, w=weights, v=wave: w[p].sum() + v[len(p)]))
    explanations = [
        made_explanation(
            f"explanation_{n}",
            rng.permutation(FAMILIES)[: rng.integers(1, 8)].tolist(),
            rng.integers(-1, rng.integers(1, 6), ACCOUNTS),
        )
        for n in range(6)
    ]
    return tests, explanations


@pytest.mark.issue(20)
def test_evidence_is_the_least_over_explanations_and_never_above_what_is_unexplained():
    worth = 0
    for seed in range(40):
        one = judged(*random_case(seed))
        worth += one.unexplained > LEAST_LOG_E_TRIED
        assert len(one.trials) == (6 if one.unexplained > LEAST_LOG_E_TRIED else 0)
        assert one.log_e == min([one.unexplained, *(t.log_e for t in one.trials)])
        assert all(t.log_e <= one.unexplained + 1e-9 for t in one.trials)
    assert worth > 20


@pytest.mark.issue(20)
def test_to_leave_an_explanation_out_can_only_raise_the_evidence():
    raised = 0
    for seed in range(40):
        tests, explanations = random_case(seed)
        full = judged(tests, explanations).log_e
        for left_out in explanations:
            without = judged(tests, [e for e in explanations if e is not left_out]).log_e
            assert without >= full
            raised += without > full
    assert raised > 10


@pytest.mark.issue(20)
def test_a_group_that_is_not_described_is_tried_until_it_is_explained_with_the_same_outcome():
    fewer = 0
    for seed in range(40):
        bench = made_bench(ACCOUNTS, *random_case(seed))
        (quick,), (full,) = (judge([group(range(MEMBERS))], bench, described=d) for d in (False, True))
        assert quick.unexplained == full.unexplained
        assert (quick.log_e > LEAST_LOG_E_TRIED) == (full.log_e > LEAST_LOG_E_TRIED)
        if full.log_e > LEAST_LOG_E_TRIED:
            assert quick.log_e == full.log_e
        assert full.log_e <= quick.log_e <= quick.unexplained
        fewer += len(quick.trials) < len(full.trials)
    assert fewer > 5


def test_evidence_that_is_worth_no_explanation_is_not_tried():
    weak = made_test("weak", "load", lambda _places: 2.0)
    one = judged([weak], [made_explanation("quota", ["load"], ALL)])
    assert one.unexplained < LEAST_LOG_E_TRIED
    assert one.trials == ()
    assert one.nearest is None
    assert one.log_e == one.unexplained


@pytest.mark.issue(20)
def test_the_nearest_explanation_is_of_those_that_leave_least_the_one_that_sets_members_apart():
    members_only = NONE.copy()
    members_only[:MEMBERS] = 0
    explanations = [
        made_explanation("everybody", ["load"], ALL),
        made_explanation("members", ["load"], members_only),
        made_explanation("nobody", ["load"], NONE),
    ]
    one = judged([LOAD], explanations)
    assert one.nearest.explanation.card.name == "members"
    assert one.nearest.excess == pytest.approx(1 - MEMBERS / ACCOUNTS)


def test_likeness_never_counts_and_is_tested_on_request_only():
    bench = made_bench(ACCOUNTS, [LOAD, PURPOSE])
    (one,), (described,) = (judge([group(range(MEMBERS))], bench, described=d) for d in (False, True))
    assert "wants" not in one.findings
    assert described.families["purpose"] == 50.0
    assert described.log_e == one.log_e
    assert "purpose" in LIKENESS


def test_accounts_of_one_declared_owner_count_once():
    owner = np.where(np.arange(ACCOUNTS) < 15, 0, np.arange(ACCOUNTS))
    one = judged([LOAD], [], owner=owner)
    assert len(one.accounts) == MEMBERS
    assert one.owners == {0, *range(15, MEMBERS)}
    assert one.families["load"] == pytest.approx(0.5 * 6)


def test_a_group_is_not_tested_on_what_proposed_it_with_or_without_explanations():
    cards = made_test("cards", "ownership", lambda places: 1.0 * len(places))
    spare = made_explanation("spare", ["ownership"], np.where(np.arange(ACCOUNTS) < 3, 0, -1))
    one = judged([LOAD, cards], [spare], graph=ATTRIBUTES)
    assert "cards" not in one.findings
    assert one.families["ownership"] == 0.0
    assert one.log_e == pytest.approx(alone(10.0))
    assert judged([LOAD, cards], []).log_e > 17


def test_q_values_are_those_of_all_candidates_together_strongest_first():
    bench = made_bench(ACCOUNTS, [LOAD])
    found = judge([group(range(4)), group(range(40)), group(range(20))], bench)
    assert [len(one.accounts) for one in found] == [40, 20, 4]
    assert found[0].q_value == pytest.approx(3 * np.exp(-found[0].log_e))
    assert found[0].q_value <= found[1].q_value <= found[2].q_value


SMALL = made_test("loads", "load", lambda places: "fewer than 8 members" if len(places) < 8 else 1.0)
CARDS = made_test("cards", "ownership", lambda places: "no card" if len(places) < 30 else "one card")


@pytest.mark.issue(21)
def test_findings_and_the_reasons_for_none_are_counted_over_candidates():
    bench = made_bench(ACCOUNTS, [SMALL, CARDS, PURPOSE])
    outcomes = Outcomes()
    groups = [group(range(n)) for n in (2, 5, 20, 40, 50)]
    judge([*groups, group(range(9), ATTRIBUTES)], bench, outcomes=outcomes)
    assert outcomes.groups == 6
    assert outcomes.findings == {"loads": 4}
    assert outcomes.reasons == {
        "loads": {"fewer than 8 members": 2},
        "cards": {"no card": 3, "one card": 2, PROPOSED_BY_IT.reason: 1},
    }
    assert outcomes.main_reason("cards") == ("no card", 3)
    assert outcomes.main_reason("wants") is None


@pytest.mark.issue(21)
def test_outcomes_of_smaller_groups_that_explanations_are_tried_on_are_not_counted():
    everybody = made_explanation("quota", ["load"], ALL)
    outcomes = Outcomes()
    (one,) = judge([group(range(MEMBERS))], made_bench(ACCOUNTS, [LOAD], [everybody]), outcomes=outcomes)
    assert one.trials
    assert outcomes.findings == {"loads": 1}
    assert outcomes.reasons == {}


@pytest.mark.issue(21)
def test_of_reasons_that_are_equally_frequent_the_first_in_the_alphabet_is_the_main_one():
    outcomes = Outcomes()
    for size in (2, 40):
        judge([group(range(size))], made_bench(ACCOUNTS, [CARDS]), outcomes=outcomes)
    assert outcomes.main_reason("cards") == ("no card", 1)
