"""The set that e-BH rejects is self-consistent, the largest such set, and depends on the e-values alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.stats.fdr import e_bh_q_values

pytestmark = pytest.mark.issue(22)
LOGS = st.lists(st.floats(-20, 40), min_size=1, max_size=30).map(np.array)
RATES = st.floats(0.001, 0.9)
ROUNDING = 1e-9  # of natural-log e-values


@given(LOGS, RATES)
@settings(deadline=None)
def test_the_rejected_set_is_self_consistent_and_no_larger_set_is(logs, rate):
    rejected = e_bh_q_values(logs) <= rate
    size, tested = int(rejected.sum()), len(logs)
    if size:
        assert (logs[rejected] >= np.log(tested / (size * rate)) - ROUNDING).all()
        assert logs[rejected].min() >= logs[~rejected].max(initial=-np.inf)
    for larger in range(size + 1, tested + 1):
        assert np.sort(logs)[-larger] < np.log(tested / (larger * rate)) + ROUNDING


@given(LOGS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_hypotheses_changes_nothing(logs, random):
    order = np.array(random.sample(range(len(logs)), len(logs)))
    np.testing.assert_array_equal(e_bh_q_values(logs[order]), e_bh_q_values(logs)[order])


@given(LOGS, st.data())
@settings(deadline=None)
def test_more_evidence_for_one_hypothesis_raises_no_q_value(logs, data):
    place = data.draw(st.integers(0, len(logs) - 1))
    more = logs.copy()
    more[place] += data.draw(st.floats(0, 10))
    assert (e_bh_q_values(more) <= e_bh_q_values(logs) + ROUNDING).all()
