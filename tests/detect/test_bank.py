"""The rate at which honest groups of the shipped bank reach some evidence."""

import pytest

from stillwatch.detect.bank import empirical_rate
from stillwatch.signals.registry import all_explanations


@pytest.mark.issue(20)
def test_every_explanation_has_groups_in_the_bank_and_high_evidence_is_rarer_than_low():
    for one in all_explanations():
        high, low = (empirical_rate(one.card.name, log_e) for log_e in (100.0, -100.0))
        assert high is not None
        assert low == 1.0
        assert 0.0 < high < 0.5


def test_an_explanation_that_is_not_in_the_bank_has_no_rate():
    assert empirical_rate("nothing of that name", 10.0) is None
