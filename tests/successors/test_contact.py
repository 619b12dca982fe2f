from datetime import UTC, datetime

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stillwatch.contract import results as contract
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.results.folder import write_json, write_table
from stillwatch.signals.indicators.client_prefix import client_prefix
from stillwatch.signals.indicators.signup_burst import signup_burst
from stillwatch.signals.registry import all_explanations
from stillwatch.simulate.crowds import setting, tables
from stillwatch.simulate.reaction import Reaction
from stillwatch.simulate.worlds import simulate
from stillwatch.sketch.keys import of_secret
from stillwatch.sketch.observe import observe
from stillwatch.successors.contact import FirstContact, learn, of_results, prefix_of, sightings, values_of

pytestmark = pytest.mark.issue(26)
KEY = of_secret(b"a secret of tests that is long", "tests")
CHANGES = {
    "accounts": 400,
    "exchanges": 4000,
    "days": 10,
    "campaign.accounts": 60,
    "campaign.exchanges": 3500,
    "campaign.cards": 8,
}


def observed(rows):
    return next(observe([EXCHANGES.conform(rows)], KEY))


def newcomers(rows, accounts):
    """First three exchanges of each account, with what is stated of it and its sketch."""
    stated = {row["account_id"]: row for row in accounts.to_pylist()}
    seen = {}
    sketches = observed(rows)
    order = np.argsort(rows["timestamp"].cast(pa.int64()).to_numpy(), kind="stable")
    kept = []
    for place in order.tolist():
        account = rows["account_id"][place].as_py()
        if seen.setdefault(account, 0) < 3:
            seen[account] += 1
            kept.append(place)
    some, drawn = rows.take(pa.array(kept)), sketches.take(pa.array(kept))
    for row, sketch in zip(
        some.to_pylist(), drawn.select(["phrases", "system_phrases", "shape_key"]).to_pylist(), strict=True
    ):
        yield stated[row["account_id"]] | row, sketch


@pytest.fixture(scope="module", params=["stealth-1", "stealth-2"])
def acted(request, tmp_path_factory):
    """A world in which all accounts of a campaign were suspended and replaced: what was known before, and
    what came after.
    """
    folder = tmp_path_factory.mktemp(request.param)
    changes = (
        CHANGES
        if request.param == "stealth-1"
        else {k: v for k, v in CHANGES.items() if k != "campaign.cards"}
    )
    simulate(
        request.param,
        seed=2,
        out=folder,
        changes=changes,
        reaction=Reaction(kind="replace", day=6.0, delay_hours=6),
    )
    truth = pq.read_table(folder / "truth.parquet")
    planted = set(truth.filter(pc.is_valid(truth["campaign_id"]))["account_id"].to_pylist())
    actions = pq.read_table(folder / "actions.parquet")
    suspended = set(actions["account_id"].to_pylist())
    rows = EXCHANGES.conform(ds.dataset(folder / "exchanges", partitioning="hive").to_table()).sort_by(
        "timestamp"
    )
    is_before = pc.less(rows["timestamp"], actions["at"][0])
    before, after = rows.filter(is_before), rows.filter(pc.invert(is_before))
    accounts = pq.read_table(folder / "accounts.parquet")
    there = accounts.filter(pc.is_in(accounts["account_id"], pc.unique(before["account_id"])))
    signatures = learn(sightings(before, there, observed(before)), dict.fromkeys(suspended, "C1"))
    known = set(before["account_id"].to_pylist())
    fresh = after.filter(pc.invert(pc.is_in(after["account_id"], pa.array(sorted(known)))))
    return signatures, fresh, accounts, planted - suspended


def test_successors_are_known_within_three_exchanges_and_honest_newcomers_are_not(acted):
    signatures, fresh, accounts, successors = acted
    contact = FirstContact(signatures)
    found = {}
    for request, sketch in newcomers(fresh, accounts):
        one = contact.see(request, sketch)
        if one is not None:
            found[request["account_id"]] = one
    there = set(fresh["account_id"].to_pylist())
    assert len(successors & there) >= 20
    assert len(set(found) & successors) >= 0.95 * len(successors & there)
    assert set(found) <= successors
    assert all(one.exchanges <= 3 and len(one.families) >= 2 for one in found.values())


@pytest.mark.parametrize(
    "name",
    ["course", "scheduled_app", "server_program", "coding_agents", "launch_day", "promotion", "vpn_users"],
)
def test_newcomers_of_honest_crowds_are_not_taken_for_successors(acted, name):
    signatures, *_ = acted
    rng = np.random.default_rng([5, *name.encode()])
    one = next(e for e in all_explanations() if e.card.name == name)
    rows, accounts, _ = tables([one.draw(rng, 40, setting(rng, 2, None))], rng)
    contact = FirstContact(signatures)
    assert not [request for request, sketch in newcomers(rows, accounts) if contact.see(request, sketch)]


def test_values_are_those_of_the_indicators():
    addresses = ["1.2.3.4", "2001:db8:1:2::3", "fe80::1", "10.0.0.255"]
    table = ibis.memtable({"client_ip": addresses})
    ours = [prefix_of(address) for address in addresses]
    theirs = table.mutate(value=_expression(client_prefix, table)).to_pyarrow()["value"].to_pylist()
    assert ours == theirs
    moment = datetime(2026, 4, 1, 12, 34, 56, tzinfo=UTC)
    table = ibis.memtable(pa.table({"created_at": pa.array([moment], pa.timestamp("us", "UTC"))}))
    theirs = table.mutate(value=_expression(signup_burst, table)).to_pyarrow()["value"].to_pylist()
    assert [value for kind, value in values_of({"created_at": moment}) if kind == "signup_burst"] == theirs


def _expression(indicator, table):
    """The indicator's own expression over this table, whose other columns are not asked for."""
    return indicator.value(table)


def test_the_caller_gives_contract_columns_and_memory_is_bounded():
    rows = [(f"m{i}", ("tls_fingerprint", "t1")) for i in range(20)] + [
        (f"m{i}", ("payment_fingerprint", "card")) for i in range(20)
    ]
    rows += [(f"o{i}", ("tls_fingerprint", f"u{i % 7}")) for i in range(3000)]
    contact = FirstContact(learn(rows, {f"m{i}": "C9" for i in range(20)}), most_followed=2)
    told = contact.see(
        {
            "account_id": "n",
            "tls_fingerprint": "t1",
            "payment_fingerprint": "card",
            "prompt": "never looked at",
        }
    )
    assert told.campaign_id == "C9"
    assert told.log10_weight >= 4
    assert told.exchanges == 1
    assert contact.see({"account_id": "n"}) == told
    assert contact.see({"account_id": "p", "tls_fingerprint": "t1"}) is None
    assert contact.see({"account_id": "q", "tls_fingerprint": None, "user_agent": 3, "client_ip": ""}) is None
    for number in range(5):
        contact.see({"account_id": f"z{number}"})
    assert len(contact._followed) == 2


def test_after_three_exchanges_the_answer_stays():
    rows = [(f"m{i}", ("tls_fingerprint", "t1")) for i in range(20)] + [
        (f"m{i}", ("payment_fingerprint", "card")) for i in range(20)
    ]
    rows += [(f"o{i}", ("tls_fingerprint", f"u{i % 7}")) for i in range(3000)]
    contact = FirstContact(learn(rows, {f"m{i}": "C9" for i in range(20)}))
    for _ in range(3):
        assert contact.see({"account_id": "n", "tls_fingerprint": "u1"}) is None
    assert contact.see({"account_id": "n", "tls_fingerprint": "t1", "payment_fingerprint": "card"}) is None


def test_signatures_come_from_a_results_folder(tmp_path):
    moment = datetime(2026, 4, 1, tzinfo=UTC)
    campaign = {
        "campaign_id": "C1",
        "kind": "harvest",
        "first_seen": moment,
        "last_seen": moment,
        "detected_at": moment,
        "accounts": 50,
        "exchanges": 500,
        "exchanges_low": 490,
        "exchanges_high": 510,
        "q_value": 1e-6,
        "explanation": "course",
        "capabilities": ["coding"],
    }
    evidence = [
        {
            "campaign_id": "C1",
            "kind": kind,
            "value": value,
            "accounts": accounts,
            "exchanges": 10,
            "log10_likelihood_ratio": 2.0,
            "statement": "s",
            "others": others,
        }
        for kind, value, accounts, others in (
            ("tls_fingerprint", "t1", 50, 0),
            ("asn", "64500", 48, 30),
            ("email_domain", "x.top", 30, 0),
            ("email_domain", "y.top", 20, 0),
            ("prompt_template", "1000000001", 50, 0),
            ("load_balance", "14 %", 50, None),
            ("user_agent", "browser", 50, 9000),
        )
    ]
    write_table(tmp_path, contract.CAMPAIGNS, contract.CAMPAIGNS.conform(pa.Table.from_pylist([campaign])))
    write_table(tmp_path, contract.EVIDENCE, contract.EVIDENCE.conform(pa.Table.from_pylist(evidence)))
    write_json(tmp_path, "overview.json", {"accounts": 20_000})
    (signature,) = of_results(tmp_path)
    assert {kind for kind, _ in signature.values} == {"tls_fingerprint", "asn", "email_domain"}
    contact = FirstContact([signature])
    assert (
        contact.see({"account_id": "a", "tls_fingerprint": "t1", "email_domain": "y.top"}).campaign_id == "C1"
    )
    assert contact.see({"account_id": "b", "user_agent": "browser", "asn": 64500}) is None
