import pytest

from stillwatch.detect.explain import content, explain
from stillwatch.detect.judge import Judged
from stillwatch.detect.propose import Candidate
from stillwatch.signals.registry import Finding

USUAL = 0.5


def judged(findings=None, **families):
    group = Candidate(accounts=frozenset("ab"), graph="links")
    return Judged(
        candidate=group,
        owners=frozenset({0, 1}),
        findings=findings or {},
        families={"purpose": 20.0} | families,
        unexplained=60.0,
        trials=(),
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


@pytest.mark.issue(20)
@pytest.mark.parametrize(
    ("novelty", "nights", "expected"),
    [
        (1.0, 0.0, "harvest"),
        (1.0, None, "harvest"),
        (None, 0.0, "harvest"),
        (0.95, 0.1, "harvest"),
        (0.003, None, "fleet"),  # a labelling firm's queue is sent again and again
        (None, 0.95, "fleet"),  # its staff sleep
        (0.003, 0.95, "fleet"),
        (0.003, 0.0, "undetermined"),
        (1.0, 1.0, "undetermined"),
    ],
)
def test_a_firms_work_repeats_requests_or_keeps_peoples_hours_and_a_harvest_does_neither(
    novelty, nights, expected
):
    assert explain(judged(), content(0.95, 0.0, USUAL, novelty, nights)).kind == expected


@pytest.mark.issue(20)
def test_coerced_reasoning_speaks_against_a_fleet():
    seen = content(0.95, 0.0, USUAL, 0.5, 0.9)
    without, coerced, hardly = (explain(judged(coercion=c), seen) for c in (0.0, 40.0, 2.0))
    lead = {name: e.log10["H4"] - e.log10["H1"] for name, e in (("without", without), ("coerced", coerced))}
    assert lead["without"] - lead["coerced"] == pytest.approx(2.0)
    assert hardly.log10 == without.log10


@pytest.mark.issue(20)
def test_what_is_seen_once_leads_by_more_than_what_is_not_known():
    known, unknown = (
        explain(judged(), content(0.95, 0.0, USUAL, n, h)) for n, h in ((1.0, 0.0), (None, None))
    )
    assert known.log10["H4"] < unknown.log10["H4"]


def test_a_relay_is_none_of_a_fleets_business():
    assert explain(judged(), content(0.01, 0.45, USUAL, 0.9, 0.1)).kind == "relay"


@pytest.mark.issue(20)
def test_the_reasons_of_a_fleet_give_the_shares_they_rest_on():
    reason = explain(judged(), content(0.95, 0.0, USUAL, 0.003, 0.95)).reasons["H4"]
    assert "0 % of the attributed requests were not sent before" in reason
    assert "95 % of members keep a person's nights" in reason
    assert "neither texts nor hours" in explain(judged(), content(0.95, 0.0, USUAL)).reasons["H4"]
