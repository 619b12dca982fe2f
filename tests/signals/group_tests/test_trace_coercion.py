import numpy as np
from crowds import load, log10, two_halves

TEST = load("trace_coercion")


def test_thirty_members_who_force_reasoning_out_are_seen():
    rows, member = two_halves(np.full(30, 0.9), np.zeros(300))
    found = TEST.statistic(rows, member)
    assert "30 of 30 members" in found.statement
    assert log10(found) > 12


def test_a_group_of_which_one_in_ten_tries_it_gives_no_evidence():
    rows, member = two_halves(np.repeat([0.9, 0.0], [3, 27]), np.zeros(300))
    assert TEST.statistic(rows, member).log_e < 0


def test_a_group_that_never_tries_it_is_not_spoken_of():
    assert TEST.statistic(*two_halves(np.zeros(30), np.zeros(300))) is None
