import pytest

from stillwatch.detect.explain import content, explain
from stillwatch.detect.judge import Judged
from stillwatch.detect.propose import Candidate
from stillwatch.signals.registry import Finding

USUAL = 0.5


def judged(findings=None):
    group = Candidate(accounts=frozenset("ab"), graph="links")
    return Judged(
        candidate=group,
        voices=frozenset({0, 1}),
        findings=findings or {},
        families={"purpose": 20.0},
        log_e=60.0,
        q_value=1e-6,
    )


def kind(told, follow_up):
    return explain(judged(), content(told, follow_up, USUAL)).kind


@pytest.mark.issue(3)
@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ((0.95, 0.0), "harvest"),
        ((0.50, 0.0), "harvest"),
        ((0.18, 0.01), "harvest"),
        ((0.18, None), "harvest"),
        ((0.10, 0.01), "undetermined"),
        ((0.01, 0.45), "relay"),
        ((0.01, None), "relay"),
        # What is conversation is no harvest, however seldom others ask for it.
        ((0.40, 0.48), "relay"),
    ],
)
def test_harvests_and_resellers_are_called_what_they_are(seen, expected):
    assert kind(*seen) == expected


@pytest.mark.issue(3)
def test_a_pool_whose_conversations_pass_between_accounts_and_that_harvests_is_mixed():
    handed = {"handoff": Finding(log_e=8.0, value="", accounts=2, exchanges=9, statement="")}
    assert explain(judged(handed), content(0.5, 0.01, USUAL)).kind == "mixed"


def test_the_reasons_give_the_shares_they_rest_on():
    found = explain(judged(), content(0.18, None, None))
    assert "18 %" in found.reasons["H1"]
    assert "no conversation ids" in found.reasons["H2"]
