import numpy as np
import pytest

from stillwatch.signals.registry import NoFinding
from tests.signals.crowds import load, log10, reason

TEST = load("succession")


def rows_of(first, last, members):
    return {
        "first": np.array(first),
        "last": np.array(last),
        "exchanges": np.full(len(first), 9),
        "account": np.arange(len(first)),
    }, np.arange(len(first)) < members


def test_twenty_members_that_begin_as_twenty_fall_silent_are_seen():
    rng = np.random.default_rng(1)
    others = rng.integers(0, 600, 200)
    first = [0] * 20 + [303] * 20 + others.tolist()
    last = [300] * 20 + [720] * 20 + np.minimum(others + rng.integers(1, 400, 200), 720).tolist()
    found = TEST.statistic(*rows_of(first, last, 40))
    assert "20 of 20" in found.statement
    assert log10(found) > 6


def test_members_that_come_and_go_on_their_own_give_no_evidence():
    rng = np.random.default_rng(2)
    first = rng.integers(0, 600, 240)
    found = TEST.statistic(*rows_of(first, np.minimum(first + rng.integers(1, 400, 240), 720), 40))
    assert isinstance(found, NoFinding) or log10(found) < 1


LEFT, STAYED, NEW = (0, 300), (0, 720), (303, 720)


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    ("members", "others", "expected"),
    [
        (
            [LEFT] * 7 + [NEW] * 9,
            [STAYED] * 90,
            "fewer than 8 members ended more than 48 hours before the end of the log",
        ),
        (
            [(0, 100 + 10 * k) for k in range(20)] + [NEW] * 9,
            [STAYED] * 90,
            "no hour is the last one of at least 3 members and 2 % of those that ended",
        ),
        (
            [LEFT] * 9 + [NEW] * 7,
            [STAYED] * 90,
            "fewer than 8 members began after members of the group had ended",
        ),
        (
            [LEFT] * 9 + [NEW] * 9,
            [STAYED] * 90,
            "fewer than 8 other accounts began after members of the group had ended",
        ),
        (
            [LEFT] * 9 + [NEW] * 9,
            [NEW] * 90,
            "more than 45 % of other new accounts began within 12 hours of an end of members",
        ),
    ],
)
def test_what_is_missing_is_named(members, others, expected):
    first, last = np.array(members + others).T
    assert reason(TEST, *rows_of(first, last, len(members))) == expected
