import pytest

from stillwatch.detect.explain import content, explain
from stillwatch.detect.judge import Judged
from stillwatch.detect.propose import Candidate

USUAL = 0.5


def judged():
    group = Candidate(accounts=frozenset("ab"), graph="links")
    return Judged(candidate=group, findings={}, families={"purpose": 20.0}, log_e=60.0, q_value=1e-6)


def kind(excess, follow_up, told):
    return explain(judged(), content(excess, follow_up, told, USUAL)).kind


@pytest.mark.issue(3)
@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ((0.98, 0.0, 0.95), "harvest"),
        ((0.75, 0.0, 0.72), "harvest"),
        ((0.55, 0.0, 0.50), "harvest"),
        ((0.10, 0.45, 0.004), "relay"),
        # Without conversation ids nothing is known of follow-ups.
        ((0.10, None, 0.005), "relay"),
        # Habits other than the average's are no harvest while no request is told apart.
        ((0.36, None, 0.007), "relay"),
    ],
)
def test_harvests_and_resellers_are_called_what_they_are(seen, expected):
    assert kind(*seen) == expected


@pytest.mark.issue(3)
@pytest.mark.parametrize("excess", [0.15, 0.20, 0.27, 0.45])
def test_a_fifth_of_harvesting_in_ordinary_traffic_is_never_called_a_resellers(excess):
    assert kind(excess, 0.01, 0.18) != "relay"


def test_every_reason_gives_the_shares_it_rests_on():
    found = explain(judged(), content(0.2, None, 0.18, None))
    assert "20 %" in found.reasons["H1"]
    assert "18 %" in found.reasons["H2"]
    assert "no conversation ids" in found.reasons["H2"]
