"""What peers send is data within limits, and never acts where honest crowds would be hit."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.export import registry
from stillwatch.export.terms import Terms
from stillwatch.flows.share import give_feedback
from stillwatch.share import taxii
from stillwatch.share.client import PeerServer
from stillwatch.share.received import acting, check, read_file, receive, taken

pytestmark = pytest.mark.issue(28)
NOW = "2026-05-01T00:00:00.000Z"
LATER = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1, day=1).isoformat()


def indicator(number, pattern, **more):
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--00000000-0000-4000-8000-{number:012d}",
        "created": NOW,
        "modified": NOW,
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": NOW,
        "valid_until": LATER,
        "confidence": 80,
        **more,
    }


def address(number):
    return f"[ipv4-addr:value ISSUBSET '45.{number // 250}.{number % 250}.0/24']"


@pytest.fixture
def traffic(tmp_path):
    """Own traffic: 40 accounts on each of the first 100 ranges (campuses and carriers), one on the next
    100.
    """
    rows = [
        {
            "account_id": f"honest_{number}_{who}",
            "client_ip": f"45.{number // 250}.{number % 250}.{1 + who}",
            "user_agent": "x",
        }
        for number in range(200)
        for who in range(40 if number < 100 else 1)
    ]
    out = tmp_path / "traffic"
    out.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), out / "exchanges.parquet")
    return out


def test_of_a_thousand_received_the_hundred_that_touch_honest_crowds_never_act(state, traffic):
    objects = [indicator(number, address(number)) for number in range(1000)]
    assert receive(state, "lab-b", "B", objects)["new"] == 1000
    assert acting(state) == []  # nothing acts before it was tested
    assert check(state, traffic, None) == {"may_act": 900, "refused": 100}
    rows = state.rows("SELECT * FROM received")
    refused = [row for row in rows if row["status"] == "refused"]
    assert {row["id"] for row in refused} == {one["id"] for one in objects[:100]}
    assert {row["reason"] for row in refused} == {
        "40 of your accounts that are no members of a campaign show it"
    }
    assert {row["id"] for row in acting(state)} == {one["id"] for one in objects[100:]}
    assert {(row["source"], row["grade"], row["tlp"]) for row in rows} == {("lab-b", "B2", "amber+strict")}
    assert all(row["valid_until"] > datetime.now(UTC).isoformat() for row in rows)


def test_members_of_ones_own_campaigns_are_no_honest_accounts(state, traffic, folder, tmp_path):
    pq.write_table(
        pa.table({"account_id": [f"acct_C1_{n:03d}" for n in range(12)], "client_ip": ["45.9.9.9"] * 12}),
        traffic / "more.parquet",
    )
    receive(state, "lab-b", "B", [indicator(1, "[ipv4-addr:value = '45.9.9.9']")])
    assert check(state, traffic, None) == {"may_act": 0, "refused": 1}
    assert check(state, traffic, folder) == {"may_act": 1, "refused": 0}


@pytest.mark.parametrize(
    "pattern",
    [
        "[ipv4-addr:value ISSUBSET '100.64.7.0/24']",
        "[ipv4-addr:value ISSUBSET '10.0.0.0/8']",
        "[ipv4-addr:value ISSUBSET '0.0.0.0/0']",
        "[domain-name:value = 'gmail.com']",
        "[ipv6-addr:value ISSUBSET '2001:db8::/32']",
        (
            "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'Mozilla/5.0 (X11; "
            "Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36']"
        ),
    ],
)
def test_what_is_shared_by_its_nature_is_refused_though_nobody_here_shows_it(state, traffic, pattern):
    receive(state, "lab-b", "A", [indicator(1, pattern)])
    assert check(state, traffic, None) == {"may_act": 0, "refused": 1}
    assert state.rows("SELECT reason FROM received")[0]["reason"]


def test_an_expired_or_retracted_value_acts_no_more_and_a_new_version_is_tested_anew(state, traffic):
    short = indicator(1, address(900), valid_until="2026-01-01T00:00:00Z")
    receive(state, "lab-b", "B", [short, indicator(2, address(901)), indicator(3, address(902))])
    check(state, traffic, None)
    assert [row["id"] for row in acting(state)] == [indicator(n, "")["id"] for n in (2, 3)]
    newer = {"modified": "2026-06-01T00:00:00.000Z"}
    told = receive(
        state,
        "lab-b",
        "B",
        [indicator(2, address(901), revoked=True, **newer), indicator(3, address(902), **newer)],
    )
    assert told["retracted"] == 1
    assert acting(state) == []
    check(state, traffic, None)
    assert [row["id"] for row in acting(state)] == [indicator(3, "")["id"]]


def test_another_source_cannot_retract_or_change_what_one_sent(state, traffic):
    receive(state, "lab-b", "B", [indicator(1, address(900))])
    receive(
        state, "lab-c", "F", [indicator(1, address(900), revoked=True, modified="2027-01-01T00:00:00.000Z")]
    )
    check(state, traffic, None)
    assert [row["source"] for row in acting(state)] == ["lab-b"]


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (7, "no object"),
        ({"type": "indicator"}, "not as the standard says"),
        (indicator(1, "[ipv4-addr:value = '1.2.3.4'] OR [x:y = 'z']"), "a pattern of another form"),
        (indicator(1, "[" * 5000), "a pattern of another form"),
        (indicator(1, "x" * 5000), "a pattern of another form"),
        (indicator(1, "[ipv4-addr:value = 'text']"), "a value that cannot be of its kind"),
        (indicator(1, "rule x {}", pattern_type="yara"), "a pattern in another language"),
        (indicator(1, address(1), modified=5), "not as the standard says"),
        (indicator(1, address(1), valid_until="tomorrow"), "not as the standard says"),
        (indicator(1, address(1), id=["x"]), "not as the standard says"),
    ],
)
def test_what_is_not_understood_is_counted_and_costs_no_other_object(one, reason):
    found = taken([one, indicator(9, address(9))])
    assert [value.value for value in found.values] == ["45.0.9.0/24"]
    assert found.odd == {reason: 1}


def test_a_sender_cannot_make_a_value_last_for_ever(state, traffic):
    receive(state, "lab-b", "B", [indicator(1, address(900), valid_until="9999-01-01T00:00:00Z")])
    (row,) = state.rows("SELECT valid_until FROM received")
    assert row["valid_until"][:4] <= str(datetime.now(UTC).year + 1)


@pytest.mark.parametrize("name", ["stix", "misp"])
def test_what_we_export_can_be_received_and_its_withdrawal_too(state, folder, tmp_path, name):
    files = [
        registry.export(folder, name, tmp_path / f"{turn}", Terms(revoked=revoked))[0]
        for turn, revoked in enumerate((frozenset(), frozenset({"C1", "C2"})))
    ]
    told = receive(state, "lab-a", "B", read_file(files[0]))
    assert told["new"] >= 4
    assert {row["kind"] for row in state.rows("SELECT kind FROM received")} >= {
        "client_prefix",
        "email_domain",
        "tls_fingerprint",
    }
    assert receive(state, "lab-a", "B", read_file(files[1]))["retracted"] == told["new"]


def test_files_that_are_nothing_we_know_are_refused(tmp_path, state):
    path = tmp_path / "x.json"
    for text in ("{", "7", '{"objects": 7}', json.dumps({"objects": [0] * 100_001})):
        path.write_text(text)
        with pytest.raises(InputError):
            read_file(path)
    with pytest.raises(UsageError):
        receive(state, "x", "G", [])


def test_feedback_tells_sightings_and_false_positives_and_names_no_account(state, traffic, running, tmp_path):
    from stillwatch.share.state import SharingState

    receive(state, "lab-a", "B", [indicator(number, address(number)) for number in (0, 150, 900)])
    check(state, traffic, None)
    with SharingState(tmp_path / "theirs") as theirs:
        server = PeerServer(url=running(taxii.app(theirs)), token=theirs.add_peer("us"))
        assert give_feedback(state, server, "lab-a") == {"sightings": 1, "false_positives": 1}
        told = [one["object"] for one in taxii.inbox(theirs)]
    by_type = {one["type"]: one for one in told}
    assert by_type["sighting"]["sighting_of_ref"] == indicator(150, "")["id"]
    assert by_type["opinion"]["object_refs"] == [indicator(0, "")["id"]]
    assert "honest_" not in json.dumps(told)
    import stix2

    for one in told:
        stix2.parse(one)


def test_counts_have_the_stated_noise_and_a_budget_beyond_the_bound_is_refused(folder):
    from stillwatch.share.counts import private_counts

    told = [private_counts(folder, 1.0)["accounts_by_kind"] for _turn in range(40)]
    off = [abs(one["counts"]["harvest"] - 12) for one in told]
    assert (
        sum(one <= told[0]["within_95"] for one in off) >= 31
    )  # of 40 at 95 %: fewer with a probability below 1e-4
    assert len(set(off)) > 3
    for bad in (0.0, -1.0, 2.5, float("nan")):
        with pytest.raises(UsageError):
            private_counts(folder, bad)


def test_events_of_a_misp_server_are_pulled_and_nothing_else_of_its_answer(state, folder, running, tmp_path):
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, RedirectResponse
    from starlette.routing import Route

    from stillwatch.flows.share import pull

    told = json.loads(registry.export(folder, "misp", tmp_path / "misp")[0].read_bytes())
    asked = []

    async def search(request):
        asked.append((request.headers["authorization"], await request.json()))
        return JSONResponse(told)

    async def elsewhere(_request):
        return RedirectResponse("http://127.0.0.1:9/")

    server = Starlette(
        routes=[Route("/events/restSearch", search, methods=["POST"]), Route("/taxii2/", elsewhere)]
    )
    peer = PeerServer(url=running(server), token="the key of MISP")
    assert pull(state, peer, "misp-cert", "B", misp_days=7)["new"] >= 4
    assert asked[0][0] == "the key of MISP"
    assert asked[0][1]["timestamp"] == "7d"
    with pytest.raises(InputError, match="refuses"):  # a redirect is not followed
        pull(state, peer, "misp-cert", "B")


def test_a_token_is_sent_over_tls_or_to_this_machine_only():
    for url in ("http://peer.example/", "ftp://peer.example/", "https://user@peer.example/", "peer.example"):
        with pytest.raises(UsageError):
            PeerServer(url=url, token="x")
    assert "secret" not in repr(PeerServer(url="https://peer.example/", token="secret"))
