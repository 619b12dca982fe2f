"""Which graph the links of an indicator belong to."""

import pytest

from stillwatch.detect.propose import ATTRIBUTES, KINDS
from stillwatch.signals.registry import all_indicators


@pytest.mark.issue(28)
def test_what_has_no_time_is_clustered_apart_since_it_cannot_be_tested_on_a_second_half():
    of_accounts = {one.card.name for one in all_indicators() if one.card.table == "accounts"}
    assert "peer_match" in of_accounts
    assert set(KINDS[ATTRIBUTES]) == of_accounts
