import ibis
import numpy as np
from crowds import load, log10, two_halves

from stillwatch.detect.fold import refused

TEST = load("refused_extraction")


def test_thirty_members_whose_requests_are_refused_are_seen():
    rows, member = two_halves(np.full(30, 0.3), np.zeros(300))
    found = TEST.statistic(rows, member)
    assert "30 of 30 members" in found.statement
    assert log10(found) > 12


def test_a_group_of_which_one_in_ten_is_refused_gives_no_evidence():
    rows, member = two_halves(np.repeat([0.3, 0.0], [3, 27]), np.zeros(300))
    assert TEST.statistic(rows, member).log_e < 0


def test_a_group_that_is_never_refused_is_not_spoken_of():
    assert TEST.statistic(*two_halves(np.zeros(30), np.zeros(300))) is None


def test_only_refusals_as_extraction_count():
    table = ibis.memtable(
        {"r": ["refusal:reasoning_extraction", "refusal:Distillation", "refusal:violence", "stop", None]}
    )
    assert table.select(x=refused(table.r)).execute()["x"].tolist() == [True, True, False, False, False]
