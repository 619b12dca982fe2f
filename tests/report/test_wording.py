import pytest

from stillwatch.report import wording


@pytest.mark.parametrize(
    ("given", "shown"),
    [(0.01, "1\u202f%"), (0.0312, "3.1\u202f%"), (0.5, "50\u202f%"), (0, "0\u202f%"), (1, "100\u202f%"),
     (0.00001, "< 0.05\u202f%"), (0.99999, "> 99.9\u202f%"), (0.994, "99.4\u202f%")],
)  # fmt: skip
def test_shares_are_never_rounded_to_a_false_nothing_or_all(given, shown):
    assert wording.percent(given) == shown


def test_thousands_are_thinly_separated():
    assert wording.count(28_800_000) == "28\u202f800\u202f000"


@pytest.mark.parametrize(
    ("log10", "shown"), [(0, "1 to 1"), (2, "100 to 1"), (12.2, "10¹² to 1"), (-1.6, "1 to 40")]
)
def test_odds_are_read_aloud(log10, shown):
    assert wording.odds(log10) == shown


def test_invisible_letters_are_spelled_out():
    assert wording.visible("a\u202eb\u200bc\nd\x00") == "a\\u202eb\\u200bc\\x0ad\\x00"


def test_long_values_lose_their_middle():
    assert wording.visible("a" * 500 + "z", 30) == "a" * 20 + "…" + "a" * 9 + "z"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(3.14, "3.1 seconds"), (600, "10 minutes"), (7200, "2 hours"), (86_400 * 45, "45 days")],
)
def test_durations_have_one_unit(seconds, shown):
    assert wording.duration(seconds) == shown
