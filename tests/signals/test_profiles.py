"""What keeps the comparison of members and others from having a result, and the reason that is returned
for it.
"""

import numpy as np
import pytest

from tests.signals.crowds import load, reason, two_halves

SESSIONS, VOLUMES, LENGTHS = load("sessions"), load("even_volumes"), load("output_length")
PROPOSES, TESTED = (
    "in the half of the hours that proposes the range",
    "in the half of the hours that is tested",
)


def values(members, others, seed=1):
    """Members of nearly one value among others of all values, with rows that are NaN-free on both halves."""
    rng = np.random.default_rng(seed)
    return two_halves(3.0 + 0.001 * rng.random(members), rng.normal(3.0, 3.0, others))


@pytest.mark.issue(21)
def test_seven_members_in_either_half_are_too_few():
    rows, member = values(20, 400)
    for half, where in ((0, PROPOSES), (1, TESTED)):
        dropped = member & (rows["half"] == half) & (rows["account"] >= 7)
        kept = {column: array[~dropped] for column, array in rows.items()}
        expected = f"fewer than 8 members have 2 exchanges {where}"
        assert reason(SESSIONS, kept, member[~dropped]) == expected


@pytest.mark.issue(21)
def test_forty_nine_others_are_too_few():
    expected = f"fewer than 50 other accounts have 2 exchanges {TESTED}"
    assert reason(SESSIONS, *values(20, 49)) == expected


@pytest.mark.issue(21)
def test_members_without_a_value_are_named_by_what_they_lack():
    rows, member = values(20, 400)
    rows["value"] = np.where(member, np.nan, rows["value"])
    assert reason(LENGTHS, rows, member) == (
        f"fewer than 8 members have 2 exchanges, one of them with a known length of the answer, {PROPOSES}"
    )


@pytest.mark.issue(21)
@pytest.mark.parametrize(("test", "share"), [(SESSIONS, 25), (VOLUMES, 35)], ids=["sessions", "even_volumes"])
def test_members_that_spread_as_others_do_are_in_no_narrow_range(test, share):
    rng = np.random.default_rng(2)
    assert reason(test, *two_halves(rng.normal(0, 3, 40), rng.normal(0, 3, 400))) == (
        f"every range that holds 80 % of the members is wide enough for more than {share} % of other accounts"
    )
