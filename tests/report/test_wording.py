import pytest

from stillwatch import foreign
from stillwatch.report import wording


@pytest.mark.parametrize(
    ("given", "shown"),
    [(0.01, "1\u202f%"), (0.0312, "3.1\u202f%"), (0.5, "50\u202f%"), (0, "0\u202f%"), (1, "100\u202f%"),
     (0.00001, "< 0.05\u202f%"), (0.99999, "> 99.9\u202f%"), (0.994, "99.4\u202f%")],
)  # fmt: skip
def test_shares_are_never_rounded_to_a_false_nothing_or_all(given, shown):
    assert wording.percent(given) == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, "not measured"),
        (0.00002, "below 0.01\u202f%"),
        (0.0004, "at most 0.04\u202f%"),
        (0.0093, "at most 0.93\u202f%"),
        (0.0312, "at most 3.2\u202f%"),
        (0.03, "at most 3\u202f%"),
        (0.421, "at most 43\u202f%"),
        (0.9999, "at most 100\u202f%"),
    ],
)
def test_upper_bounds_are_rounded_up(given, shown):
    assert wording.at_most(given) == shown


@pytest.mark.parametrize(("some", "shown"), [(0, "none"), (31, "31 of 73"), (73, "all 73")])
def test_a_part_of_a_group_is_counted(some, shown):
    assert wording.part(some, 73) == shown


@pytest.mark.parametrize(
    ("log10", "shown"),
    [(0.34, "0.3"), (9.94, "9.9"), (9.96, "10"), (15290.2, "15\u202f290"), (float("inf"), "∞")],
)
def test_exponents_have_one_decimal_while_they_are_small(log10, shown):
    assert wording.exponent(log10) == shown


def test_thousands_are_thinly_separated():
    assert wording.count(28_800_000) == "28\u202f800\u202f000"


@pytest.mark.parametrize(
    ("log10", "shown"), [(0, "1 to 1"), (2, "100 to 1"), (12.2, "10¹² to 1"), (-1.6, "1 to 40")]
)
def test_odds_are_read_aloud(log10, shown):
    assert wording.odds(log10) == shown


def test_invisible_letters_are_spelled_out():
    assert foreign.visible("a\u202eb\u200bc\nd\x00") == "a\\u202eb\\u200bc\\x0ad\\x00"


def test_long_values_lose_their_middle():
    assert foreign.visible("a" * 500 + "z", 30) == "a" * 20 + "…" + "a" * 9 + "z"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(3.14, "3.1 seconds"), (600, "10 minutes"), (7200, "2 hours"), (86_400 * 45, "45 days")],
)
def test_durations_have_one_unit(seconds, shown):
    assert wording.duration(seconds) == shown
