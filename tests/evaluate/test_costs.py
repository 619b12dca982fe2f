import pytest

from stillwatch.evaluate.costs import SOURCES, USD, costs
from stillwatch.evaluate.monitor import monitor
from stillwatch.simulate.worlds import change, find_scenario, simulate

SMALL = {"accounts": 300, "exchanges": 4000, "campaign.accounts": 40, "campaign.exchanges": 2000}


def priced(folder, **changes):
    every = SMALL | {f"campaign.{k}": v for k, v in changes.items()}
    simulate("stealth-1", seed=1, out=folder, scale=0.1, changes=every)
    (plan,) = change(find_scenario("stealth-1").scaled(0.1), every).plans
    return costs(folder, plan)


@pytest.mark.issue(3)
def test_what_an_evasion_buys_is_in_its_price(tmp_path):
    plain = priced(tmp_path / "plain", cards=10)
    cards = priced(tmp_path / "cards", cards=0)
    hidden = priced(tmp_path / "hidden", cards=10, network="residential", paraphrased=1.0, cover=0.5)
    assert plain["usd_cards"] == 10 * USD["card"]
    assert cards["usd_cards"] == 40 * USD["card"]
    assert plain["usd_addresses"] == plain["usd_paraphrase"] == plain["cover_exchanges"] == 0
    assert hidden["usd_addresses"] > 0
    assert hidden["usd_paraphrase"] == pytest.approx(hidden["exchanges"] * USD["paraphrase"])
    assert hidden["cover_exchanges"] > 0.5 * hidden["exchanges"]
    assert hidden["usd_answers"] > plain["usd_answers"]
    parts = sum(hidden[f"usd_{name}"] for name in ("answers", "accounts", "cards", "addresses", "paraphrase"))
    assert hidden["usd"] == pytest.approx(parts)


@pytest.mark.issue(3)
def test_every_price_has_a_source():
    assert USD.keys() == SOURCES.keys()


@pytest.mark.issue(3)
def test_a_monitor_of_an_honest_world_raises_no_alarm_and_tells_of_every_test(tmp_path):
    simulate("null", seed=2, out=tmp_path / "world", scale=0.08)
    told = monitor(tmp_path / "world", every_h=48, fdr=0.01)
    assert told["looks"] == 7
    assert told["alerts"] == 0
    assert not told["confirmed"]
    assert 0 < told["allowed"] < 1
    assert told["tests"]["combined"][0] > 5


@pytest.mark.issue(3)
def test_a_monitor_does_not_call_a_planted_campaign_a_false_alarm(tmp_path, small_world):
    small_world(tmp_path / "world")
    told = monitor(tmp_path / "world", every_h=200, fdr=0.01)
    assert told["alerts"] == 0
