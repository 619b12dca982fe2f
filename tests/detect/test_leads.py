"""Which explained groups become leads, and in which order."""

import numpy as np
import pytest

from stillwatch.detect.leads import (
    MOST_DESCRIBED,
    MOST_LEADS,
    SAME_LEAD_OVERLAP,
    ranked,
    striking,
    worth_describing,
)
from tests.detect.benches import made_judged

FDR = 0.01
BAR = float(np.log(10 / FDR))  # of ten groups


def spans(groups):
    return [(min(one.owners), len(one.owners)) for one in groups]


def ten(*groups):
    """These groups, and others without evidence that make them ten."""
    rest = [made_judged(range(10_000 + 10 * i, 10_003 + 10 * i)) for i in range(10 - len(groups))]
    return [*groups, *rest]


@pytest.mark.issue(20)
def test_what_would_be_reported_without_explanations_comes_first_and_then_the_largest():
    strong = made_judged(range(8), unexplained=BAR + 5, log_e=0.0)
    stronger = made_judged(range(100, 108), unexplained=BAR + 9, log_e=0.0)
    large = made_judged(range(200, 260), unexplained=BAR + 1, log_e=0.0)
    weak = made_judged(range(300, 400), unexplained=1.0)
    chosen = worth_describing(ten(weak, strong, large, stronger), FDR, frozenset())
    assert spans(chosen)[:4] == [(200, 60), (100, 8), (0, 8), (300, 100)]


@pytest.mark.issue(20)
def test_of_views_of_one_group_one_is_described():
    whole = made_judged(range(100), unexplained=50.0)
    view = made_judged(range(50, 120), unexplained=40.0)
    part = made_judged(range(8), unexplained=60.0)
    neighbour = made_judged(range(90, 190), unexplained=30.0)
    chosen = worth_describing(ten(whole, view, part, neighbour), FDR, frozenset())
    assert spans(chosen)[:2] == [(0, 100), (90, 100)]
    for i, one in enumerate(chosen):
        for other in chosen[:i]:
            smaller = min(len(one.owners), len(other.owners))
            assert len(one.owners & other.owners) <= SAME_LEAD_OVERLAP * smaller


@pytest.mark.issue(20)
def test_groups_that_share_many_owners_with_campaigns_are_no_leads():
    many, few = made_judged(range(10), unexplained=50.0), made_judged(range(20, 30), unexplained=50.0)
    taken = frozenset(range(4)) | frozenset(range(20, 23))
    assert spans(worth_describing([many, few], FDR, taken)) == [(20, 10)]


def test_no_more_than_so_many_are_described():
    many = [made_judged(range(10 * i, 10 * i + 5), unexplained=50.0) for i in range(MOST_DESCRIBED + 10)]
    assert len(worth_describing(many, FDR, frozenset())) == MOST_DESCRIBED


@pytest.mark.issue(20)
def test_the_bar_is_that_of_a_report_by_control_or_by_timing_and_purpose_together():
    at_it = made_judged(range(5), unexplained=BAR)
    below = made_judged(range(10, 15), unexplained=BAR - 0.01)
    likeness = made_judged(range(20, 25), timing=BAR, purpose=BAR + 1)
    timing = made_judged(range(30, 35), timing=BAR + 50, purpose=1.0)
    place = made_judged(range(40, 45), place=BAR + 50, habit=BAR + 50)
    assert striking([at_it, below, likeness, timing, place], 10, FDR) == [at_it, likeness]
    assert striking([at_it], 11, FDR) == []


@pytest.mark.issue(20)
def test_leads_are_ranked_by_stake_and_then_by_evidence():
    groups = [made_judged(range(n), unexplained=10.0 + n) for n in (3, 50, 20)]
    leads = ranked(groups, lambda one: -float(len(one.owners)))
    assert [lead.stake for lead in leads] == [-3.0, -20.0, -50.0]
    assert spans(lead.judged for lead in ranked(groups, lambda _one: 1.0)) == [(0, 50), (0, 20), (0, 3)]


def test_no_more_than_so_many_are_written():
    groups = [made_judged(range(10 * i, 10 * i + 5), unexplained=50.0) for i in range(MOST_LEADS + 5)]
    assert len(ranked(groups, lambda one: float(min(one.owners)))) == MOST_LEADS
