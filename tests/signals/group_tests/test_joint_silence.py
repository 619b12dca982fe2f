import numpy as np
import pytest

from tests.signals.crowds import load, log10, reason

TEST = load("joint_silence")


def rows_of(counts, members):
    who, hour = np.nonzero(counts)
    return {"account": who, "hour": hour, "exchanges": counts[who, hour]}, who < members


def test_members_that_all_stop_for_six_hours_are_seen():
    rng = np.random.default_rng(1)
    counts = rng.poisson(1.0, (300, 144))
    counts[:60, 80:86] = 0
    found = TEST.statistic(*rows_of(counts, 60))
    assert "in 6 hours" in found.statement
    assert log10(found) > 4


@pytest.mark.issue(21)
def test_members_without_a_common_pause_are_not_spoken_of():
    counts = np.random.default_rng(2).poisson(1.0, (300, 144))
    assert reason(TEST, *rows_of(counts, 60)) == (
        "half of the group has no hour, between hours of activity, with at most 10 % of 8 or more expected "
        "exchanges"
    )


@pytest.mark.issue(21)
def test_members_that_hardly_send_anything_cannot_be_seen_to_pause():
    counts = np.random.default_rng(3).poisson(1.0, (300, 144))
    counts[1:120:2] = np.arange(144) % 12 == 0
    counts[:120, 80:86] = 0
    assert reason(TEST, *rows_of(counts, 120)) == (
        "fewer than 8 members have 2 expected exchanges in the hours in which half of the group paused"
    )


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    ("hours", "members", "accounts", "expected"),
    [
        (40, 60, 300, "the members' exchanges span fewer than 48 hours"),
        (144, 15, 300, "fewer than 16 members have 8 exchanges"),
        (
            144,
            60,
            109,
            "fewer than 50 other accounts have 8 exchanges between the members' first and last hour",
        ),
    ],
)
def test_what_is_too_little_is_named(hours, members, accounts, expected):
    counts = 1 + np.random.default_rng(5).poisson(1.0, (accounts, hours))
    assert reason(TEST, *rows_of(counts, members)) == expected
    assert reason(load("synchrony"), *rows_of(counts, members)) == expected
