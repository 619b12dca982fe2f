import numpy as np
import pytest

from tests.signals.crowds import load, traits


@pytest.mark.issue(20)
def test_members_with_a_client_string_of_their_own_count_as_one():
    known = traits(6, user_agent=[1, 1, 1, 2, 2, 3])
    assert load("server_program").mark(known, np.arange(4)).tolist()[:3] == [0, 0, 0]


def test_a_client_string_that_other_accounts_show_too_is_no_mark():
    known = traits(6, user_agent=[1, 1, 1, 1, 1, 2])
    assert load("server_program").mark(known, np.arange(3)).tolist() == [-1, -1, -1]


def test_it_bends_load_and_the_mixture_of_work_but_not_turns():
    bends = load("server_program").bends
    assert {"load", "fungible", "division", "coercion"} <= bends
    assert not bends & {"turns", "ownership", "handoff"}
