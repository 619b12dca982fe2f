from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from stillwatch.flows.newcomers import KnownCampaigns
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
