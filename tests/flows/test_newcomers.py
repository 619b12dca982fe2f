from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stillwatch.contract import results as contract
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.errors import StateError
from stillwatch.flows.newcomers import KnownCampaigns
from stillwatch.flows.scan import Options, feed
from stillwatch.results.folder import write_json, write_table
from stillwatch.simulate.reaction import Reaction
from stillwatch.simulate.worlds import simulate
from stillwatch.successors.contact import of_results

COLUMNS = {
    "tls_fingerprint": "tls_fingerprint",
    "user_agent": "user_agent",
    "client_address": "client_ip",
    "asn": "asn",
    "email_domain": "email_domain",
    "signup_address": "signup_ip",
    "payment_fingerprint": "payment_fingerprint",
}


@pytest.fixture
def campaign(results):
    """The campaign of the results that its members' values tell best, and a request that shows them."""
    best = max(of_results(results[0]), key=lambda one: sum(one.values.values()))
    request = {COLUMNS[kind]: value for kind, value in best.values if kind in COLUMNS}
    rows = pq.read_table(results[0] / "campaigns.parquet").to_pylist()
    return best.campaign_id, request, next(r for r in rows if r["campaign_id"] == best.campaign_id)


@pytest.mark.issue(26)
def test_a_newcomer_that_shows_what_members_share_is_known_and_another_is_not(results, campaign):
    name, request, _row = campaign
    known = KnownCampaigns(results[0])
    found = known.match({"account_id": "new", **request})
    assert found is not None
    assert found.campaign_id == name
    assert found.weight >= 4
    assert known.match({"account_id": "other", "client_ip": "192.0.2.7", "user_agent": "curl/8"}) is None


@pytest.mark.issue(26)
def test_an_account_that_is_older_than_the_campaign_is_not_its_newcomer(results, campaign):
    _name, request, row = campaign
    known = KnownCampaigns(results[0])
    before, after = row["first_seen"] - timedelta(days=1), row["first_seen"] + timedelta(days=1)
    assert known.match({"account_id": "old", "created_at": before, **request}) is None
    assert known.match({"account_id": "young", "created_at": after, **request}) is not None


@pytest.mark.issue(26)
def test_results_that_cannot_be_read_match_nobody(tmp_path, campaign):
    assert KnownCampaigns(tmp_path / "none").match({"account_id": "new", **campaign[1]}) is None


@pytest.fixture(scope="module")
def suspended(tmp_path_factory):
    """A campaign whose accounts were all suspended and replaced: results and store of the time before, and
    the first three requests of each account that came after.
    """
    base = tmp_path_factory.mktemp("suspended")
    changes = {"accounts": 400, "exchanges": 4000, "days": 10}
    changes |= {"campaign.accounts": 60, "campaign.exchanges": 3500}
    back = Reaction(kind="replace", day=6.0, delay_hours=6)
    simulate("stealth-2", seed=2, out=base / "world", changes=changes, reaction=back)
    rows = EXCHANGES.conform(ds.dataset(base / "world/exchanges", partitioning="hive").to_table())
    rows = rows.sort_by("timestamp")
    actions = pq.read_table(base / "world/actions.parquet")
    members = set(actions["account_id"].to_pylist())
    accounts = pq.read_table(base / "world/accounts.parquet")
    before = rows.filter(pc.less(rows["timestamp"], actions["at"][0]))
    (base / "before").mkdir()
    pq.write_table(before, base / "before/exchanges.parquet")
    there = pc.is_in(accounts["account_id"], pc.unique(before["account_id"]))
    pq.write_table(accounts.filter(there), base / "before/accounts.parquet")
    feed([str(base / "before")], Options(names={}, store=base / "store"))
    results = base / "results"
    results.mkdir()
    campaign = {
        "campaign_id": "C1", "kind": "harvest", "accounts": len(members), "exchanges": 1, "exchanges_low": 1,
        "exchanges_high": 1, "q_value": 1e-6, "explanation": "course", "capabilities": [],
        "first_seen": before["timestamp"][0].as_py(), "last_seen": before["timestamp"][-1].as_py(),
    }  # fmt: skip
    named = [{"campaign_id": "C1", "account_id": one, "score": 0.9, "exchanges": 9} for one in members]
    write_table(results, contract.CAMPAIGNS, contract.CAMPAIGNS.conform(pa.Table.from_pylist([campaign])))
    write_table(results, contract.MEMBERS, contract.MEMBERS.conform(pa.Table.from_pylist(named)))
    write_table(results, contract.EVIDENCE, contract.EVIDENCE.empty())
    write_json(results, "overview.json", {"accounts": accounts.num_rows})
    write_json(results, "manifest.json", {"outputs": {}})
    stated = {row["account_id"]: row for row in accounts.to_pylist()}
    seen = set(before["account_id"].to_pylist())
    fresh: dict[str, list[dict]] = {}
    for row in rows.filter(pc.greater_equal(rows["timestamp"], actions["at"][0])).to_pylist():
        if row["account_id"] not in seen and len(fresh.setdefault(row["account_id"], [])) < 3:
            fresh[row["account_id"]].append(stated[row["account_id"]] | row)
    truth = pq.read_table(base / "world/truth.parquet")
    planted = set(truth.filter(pc.is_valid(truth["campaign_id"]))["account_id"].to_pylist())
    return results, base / "store", fresh, planted & set(fresh)


@pytest.mark.issue(26)
def test_with_the_scans_store_successors_are_known_by_their_templates_and_honest_newcomers_are_not(suspended):
    results, store, fresh, successors = suspended

    def known(store):
        matcher = KnownCampaigns(results, None, store)
        return {one for one, requests in fresh.items() if any(matcher.match(r) for r in requests)}

    assert len(successors) >= 20
    assert len(fresh) > 2 * len(successors)
    found = known(store)
    assert len(found & successors) >= 0.95 * len(successors)
    assert found <= successors
    assert not known(None)  # they have other cards, addresses and mail domains


@pytest.mark.issue(26)
def test_a_store_of_another_key_is_refused_and_the_secret_is_not_made_anew(suspended, tmp_path, monkeypatch):
    results, store, _fresh, _successors = suspended
    monkeypatch.setenv("STILLWATCH_KEY", "another secret of sixteen bytes and more")
    with pytest.raises(StateError, match="not of this key"):
        KnownCampaigns(results, None, store)
    monkeypatch.delenv("STILLWATCH_KEY")
    (tmp_path / "store.json").write_bytes((store / "store.json").read_bytes())
    with pytest.raises(StateError, match="not of this key"):
        KnownCampaigns(results, None, tmp_path)
    assert not (tmp_path / "key").exists()
