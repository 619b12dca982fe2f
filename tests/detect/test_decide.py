from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.detect.decide import SAME_CAMPAIGN_OVERLAP, consistent, core, decide
from stillwatch.detect.judge import Bench, Judged
from stillwatch.detect.propose import Candidate
from stillwatch.detect.refine import heard
from stillwatch.stats.fdr import e_bh_q_values
from tests.signals.crowds import traits


def judged(*pairs):
    """Judged candidates from (first account, last account + 1, log10 e)."""
    logs = np.array([e * np.log(10) for _a, _b, e in pairs])
    q_values = e_bh_q_values(logs)
    return [
        Judged(
            candidate=Candidate(accounts=frozenset(f"a{i}" for i in range(a, b)), graph="words"),
            owners=frozenset(range(a, b)),
            findings={},
            families={},
            unexplained=float(log_e),
            trials=(),
            log_e=float(log_e),
            q_value=float(q),
        )
        for (a, b, _e), log_e, q in zip(pairs, logs, q_values, strict=True)
    ]


def spans(chosen):
    return sorted((min(int(a[1:]) for a in j.accounts), len(j.accounts)) for j in chosen)


def test_several_views_of_one_campaign_are_reported_once():
    assert spans(decide(judged((0, 100, 20), (0, 110, 15), (50, 100, 18), (300, 340, -2)), 0.01)) == [
        (0, 100)
    ]


def test_two_campaigns_in_one_candidate_are_told_apart_when_one_is_clearer_alone():
    assert spans(decide(judged((0, 100, 20), (0, 50, 30), (50, 100, 12)), 0.01)) == [(0, 50), (50, 50)]


def test_parts_of_one_campaign_whose_evidence_adds_up_stay_together():
    assert spans(decide(judged((0, 100, 30), (0, 50, 16), (50, 100, 16)), 0.01)) == [(0, 100)]


def test_of_views_with_the_same_evidence_the_largest_stands_for_the_campaign():
    assert spans(decide(judged((0, 400, 10.1), (0, 51, 10.2), (60, 150, 10.1)), 0.01)) == [(0, 400)]


def test_what_is_chosen_is_self_consistent_among_everything_tested():
    many = judged((0, 50, 3.2), *[(100 + 10 * i, 110 + 10 * i, 0) for i in range(99)])
    assert decide(many, 0.01) == []  # 10^3.2 is below 100 / 0.01
    few = judged((0, 50, 3.2), *[(100 + 10 * i, 110 + 10 * i, 0) for i in range(9)])
    (one,) = decide(few, 0.01)
    assert one.q_value == pytest.approx(10 / 10**3.2)


def test_the_core_is_what_most_views_agree_on():
    views = judged((0, 100, 20), (0, 90, 15), (0, 95, 15), (500, 600, 15))
    assert core(views[0], views, 0.01) == frozenset(f"a{i}" for i in range(95))


@pytest.mark.issue(21)
def test_one_view_that_holds_another_campaign_besides_adds_none_of_it_to_the_core():
    views = judged((0, 160, 18), (160, 280, 13), (0, 340, 14))
    assert core(views[0], views, 0.01) == frozenset(f"a{i}" for i in range(160))
    assert core(views[1], views, 0.01) == frozenset(f"a{i}" for i in range(160, 280))


@pytest.mark.issue(21)
def test_the_core_is_of_the_tested_group_whatever_its_views_hold_besides():
    views = judged((0, 100, 20), (0, 130, 15), (0, 130, 15))
    assert core(views[0], views, 0.01) == frozenset(f"a{i}" for i in range(100))


def test_consistent_keeps_the_rate_under_dependence_by_simulation():
    """e-BH on e-values that are all driven by one common cause; false-discovery rate at most the nominal
    0.1.
    """
    rng = np.random.default_rng(4)
    rates, powers = [], []
    for _ in range(1500):
        common = rng.exponential()
        null = np.where(rng.random(15) < 0.5, np.log(common + 1e-12), np.log(rng.exponential(size=15)))
        real = 5 + rng.normal(size=5)
        found = consistent(
            judged(*[(20 * i, 20 * i + 5, v / np.log(10)) for i, v in enumerate([*null, *real])]), 20, 0.1
        )
        false = sum(min(int(a[1:]) for a in j.accounts) < 300 for j in found)
        rates.append(false / max(len(found), 1))
        powers.append((len(found) - false) / 5)
    assert np.mean(rates) <= 0.1
    assert np.mean(powers) > 0.5


def test_a_campaigns_accounts_beside_many_of_one_owner_are_a_view_of_the_campaign():
    whole, glued = judged((0, 500, 60), (400, 490, 25))
    staff = frozenset(f"staff{n}" for n in range(1700))  # of one owner, counted once
    glued = replace(
        glued,
        candidate=Candidate(accounts=glued.accounts | staff, graph="client"),
        owners=glued.owners | {10_000},
    )
    assert spans(decide([whole, glued], 0.01)) == [(0, 500)]
    assert glued.accounts > staff


def test_of_an_owner_with_many_of_the_accounts_one_is_heard():
    staff, others = [f"staff{n:03}" for n in range(60)], [f"a{n}" for n in range(40)]
    teams = [f"team{n}" for n in range(4)]
    owner_of = dict.fromkeys(staff, 0) | dict.fromkeys(teams, 1) | {a: 2 + n for n, a in enumerate(others)}
    names = tuple(sorted(owner_of))
    owners = np.array([owner_of[name] for name in names])
    bench = Bench(
        tests=(), explanations=(), traits_of=lambda: traits(len(names), owner=owners), rows={}, sampled={},
        others=np.ones(len(names), bool), names=names, owners=owners,
    )  # fmt: skip
    assert heard(frozenset(staff + others + teams), bench) == {"staff000", *others, *teams}
    assert heard(frozenset(others), bench) == set(others)


@pytest.mark.issue(22)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(5, 15), st.floats(-5, 11)),
        min_size=1, max_size=12, unique_by=lambda one: one[:2],
    ),
    st.sampled_from([0.001, 0.01, 0.1]),
)  # fmt: skip
def test_campaigns_are_disjoint_and_their_rate_is_kept_whatever_was_judged(groups, fdr):
    every = judged(*((first, first + size, log10_e) for first, size, log10_e in groups))
    reported = decide(every, fdr)
    for place, one in enumerate(reported):
        assert all(one.overlap(other) <= SAME_CAMPAIGN_OVERLAP for other in reported[place + 1 :])
        assert one.log_e >= np.log(len(every) / (len(reported) * fdr)) - 1e-9
