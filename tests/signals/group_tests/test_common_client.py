import numpy as np
from crowds import load

TEST = load("common_client")


def rows_of(members, others):
    value = np.concatenate([members, others])
    return {"value": value, "exchanges": np.full(len(value), 5), "account": np.arange(len(value))}, np.arange(
        len(value)
    ) < len(members)


def test_members_of_whom_half_use_one_rare_program_have_a_cause_to_act_alike():
    found = TEST.statistic(*rows_of(np.array([7] * 10 + list(range(20, 30))), np.arange(30, 230)))
    assert found.silences == ("timing",)
    assert "50 %" in found.statement


def test_a_program_that_everybody_uses_explains_nothing():
    assert TEST.statistic(*rows_of(np.zeros(20, int), np.zeros(200, int))) is None
