"""What leaves is what the policy says, is logged by whom and for what, and is withdrawn everywhere with
proof.
"""

import json

import orjson
import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.flows.share import pull
from stillwatch.share import release as releases
from stillwatch.share import taxii
from stillwatch.share.client import PeerServer
from stillwatch.share.policy import FIELDS, PROPERTIES, leaving, read_policy
from stillwatch.share.received import acting
from stillwatch.share.state import SharingState
from tests.export.planted import CANARY, HONEST, WITHHELD
from tests.share.test_taxii import GIVEN, POLICY

pytestmark = pytest.mark.issue(28)


@pytest.fixture
def policy(tmp_path):
    def write(text=POLICY, **changes):
        for name, value in changes.items():
            text = (
                "\n".join(line for line in text.splitlines() if not line.startswith(name))
                + f"\n{name}: {value}\n"
            )
        path = tmp_path / "policy.yml"
        path.write_text(text)
        return read_policy(path)

    return write


def test_only_what_the_policy_names_leaves(folder, policy):
    whole = leaving(folder, policy(fields=f"[{', '.join(FIELDS)}]"), "lab-b-amber")
    least = leaving(folder, policy(fields="[client_prefix]"), "lab-b-amber")
    assert {"user-account", "grouping", "attack-pattern", "indicator"} <= whole.types.keys()
    assert not {"user-account", "grouping", "attack-pattern"} & least.types.keys()
    assert all("addr" in one["pattern"] for _key, one in least.objects if one["type"] == "indicator")
    text = json.dumps(least.as_json()["objects"])
    assert "coding" not in text
    withheld = {(one.kind, one.reason) for one in least.withheld}
    assert ("tls_fingerprint", "the policy does not let this kind out") in withheld
    assert ("pseudonyms", "the policy does not let this out") in withheld


@pytest.mark.parametrize("fields", ["[client_prefix]", f"[{', '.join(FIELDS)}]"])
def test_no_text_no_honest_account_and_no_crowd_leaves_and_no_property_beyond_the_list(
    folder, policy, fields
):
    what = leaving(folder, policy(fields=fields), "community-green")
    text = json.dumps([one for _key, one in what.objects])
    assert CANARY not in text
    assert HONEST not in text
    assert not [value for value in WITHHELD if value in text]
    for _key, one in what.objects:
        assert one.keys() <= PROPERTIES[one["type"]]


@pytest.mark.parametrize(
    "word", ["price", "cost", "plan", "customer", "revenue", "exchanges", "organization"]
)
def test_no_property_that_can_leave_is_of_a_price_a_customers_volume_or_a_plan(word):
    assert not [name for names in PROPERTIES.values() for name in names if word in name]


def test_campaigns_below_the_least_confidence_stay(folder, policy):
    assert len(leaving(folder, policy(), "lab-b-amber").campaigns) == 2
    some = leaving(folder, policy(least_confidence=99), "lab-b-amber")
    assert len(some.campaigns) == 1
    assert any(one.kind == "campaign" and "below 99" in one.reason for one in some.withheld)


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("fields", "[client_prefix, prices]", "fields"),
        ("producer", "''", "producer"),
        ("valid_days", "0", "valid_days"),
        ("purposes", "[]", "purposes"),
        ("least_confidence", "true", "least_confidence"),
        ("prices", "yes", "prices"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_with_the_key(policy, name, value, named):
    with pytest.raises(InputError) as refused:
        policy(**{name: value})
    assert named in refused.value.problems[0].fact


def test_every_problem_of_a_policy_is_told_at_once(policy):
    with pytest.raises(InputError) as refused:
        policy("producer: ''\nfields: [x]\ncollections: {A: {tlp: blue}}\n")
    assert len(refused.value.problems) >= 5


def test_a_release_is_logged_with_purpose_basis_and_approver_and_none_without(state, folder, policy):
    told = releases.release(state, folder, policy(), "lab-b-amber", *GIVEN)
    (line,) = state.journal.read("release")
    assert (line["purpose"], line["legal_basis"], line["approver"]) == GIVEN
    assert line["peers"] == ["lab-b"]
    assert line["released_sha256"] == told["released_sha256"]
    for changed in (("spying", *GIVEN[1:]), (GIVEN[0], "none", GIVEN[2]), (*GIVEN[:2], " ")):
        with pytest.raises(UsageError):
            releases.release(state, folder, policy(), "lab-b-amber", *changed)
    assert len(state.journal.read("release")) == 1


def test_the_same_release_twice_adds_nothing_and_another_marking_is_refused(state, folder, policy):
    assert releases.release(state, folder, policy(), "lab-b-amber", *GIVEN)["new"] > 0
    assert releases.release(state, folder, policy(), "lab-b-amber", *GIVEN)["new"] == 0
    with pytest.raises(UsageError, match="another marking"):
        releases.release(
            state, folder, policy(POLICY.replace("tlp: amber,", "tlp: clear,")), "lab-b-amber", *GIVEN
        )


def test_the_antitrust_log_names_every_property_that_left_and_what_never_does(state, folder, policy):
    releases.release(state, folder, policy(), "lab-b-amber", *GIVEN)
    told = releases.antitrust(state)
    assert set(told["never"]) == {"price", "volume by customer", "name of a customer", "product plan"}
    (line,) = [one for one in told["lines"] if one["kind"] == "release"]
    for kind, names in line["properties"].items():
        assert set(names) <= set(told["properties"][kind])


@pytest.mark.parametrize("signs", [True, False])
def test_a_retraction_reaches_every_peer_and_comes_back_with_proof_of_receipt(
    state, folder, policy, running, tmp_path, signs
):
    from stillwatch.package.signing import signer

    key = tmp_path / "lab-b.pem"
    token = state.add_peer("lab-b", public_key=signer(key).public)
    other = state.add_peer("lab-c")
    for name in ("lab-b-amber", "community-green"):
        campaigns = releases.release(state, folder, policy(), name, *GIVEN)["campaigns"]
    url = running(taxii.app(state))
    with SharingState(tmp_path / "lab-b") as theirs:
        pull(theirs, PeerServer(url=url, token=token), "acme", "B")
        held = theirs.rows("SELECT * FROM received")
        assert held
        theirs.write("UPDATE received SET status = 'may act'")
        told = releases.retract(state, campaigns[0], "a class that shared a worksheet", "J. Doe")
        assert told["collections"] == ["community-green", "lab-b-amber"]
        assert told["peers"] == ["lab-b", "lab-c"]
        assert all(one["fetched"] is None and one["confirmed"] is None for one in releases.receipts(state))
        again = pull(theirs, PeerServer(url=url, token=token), "acme", "B", key=key if signs else None)
        assert again["receipts"] > 0
        gone = {
            row["id"]
            for row in state.rows(
                "SELECT id FROM objects WHERE source = ? AND type = 'indicator'", (campaigns[0],)
            )
        }
        assert gone
        assert not gone & {row["id"] for row in acting(theirs)}
        assert {row["status"] for row in theirs.rows("SELECT * FROM received") if row["id"] in gone} == {
            "retracted"
        }
    mine = {one["peer"]: one for one in releases.receipts(state)}
    assert mine["lab-b"]["fetched"]
    assert mine["lab-b"]["confirmed"]
    assert mine["lab-b"]["is_signed"] is (True if signs else None)
    assert mine["lab-c"]["fetched"] is None
    assert mine["lab-c"]["confirmed"] is None
    PeerServer(url=url, token=other).send(
        "GET", "/shared/collections/community-green/objects/", headers={"Accept": taxii.MEDIA}
    )
    assert {one["peer"]: one for one in releases.receipts(state)}["lab-c"]["fetched"]


def test_a_receipt_signed_by_another_key_is_told_as_such(state, folder, policy, tmp_path):
    from stillwatch.package.signing import signer
    from stillwatch.share.receipts import read_receipt, receipt

    mine, other = signer(tmp_path / "a.pem"), signer(tmp_path / "b.pem")
    note = receipt("lab-b", [("indicator--x", "2026-05-01T00:00:00.000Z")], "2026-05-01T00:00:00.000Z", other)
    assert read_receipt(note, mine.public)["is_signed"] is False
    assert read_receipt(note, other.public)["is_signed"] is True
    assert read_receipt({"abstract": "Receipt of a withdrawal", "content": "x"}, other.public) is None


def test_the_commands_go_from_preview_to_retraction(run, folder, tmp_path):
    path, kept = tmp_path / "policy.yml", tmp_path / "sharing"
    path.write_text(POLICY)
    asked = ("--policy", path, "--collection", "lab-b-amber")
    code, out, _err = run("share", "preview", folder, *asked, "--json")
    assert code == 0
    before = orjson.loads(out)
    words = ("--purpose", GIVEN[0], "--basis", GIVEN[1], "--approver", GIVEN[2])
    code, out, _err = run("share", "release", folder, *asked, "--state", kept, *words, "--json")
    assert code == 0
    done = orjson.loads(out)
    assert done["campaigns"] == before["campaigns"]
    assert sum(done["objects"].values()) == len(before["objects"])
    code, out, _err = run("share", "peer", "lab-b", "--state", kept)
    assert (code, len(out.strip()) > 30) == (0, True)
    code, out, _err = run(
        "share", "retract", done["campaigns"][0], "--state", kept, "--reason", "wrong", "--approver", "J. Doe"
    )
    assert (code, "withdrawn from lab-b-amber" in out) == (0, True)
    code, out, _err = run("share", "receipts", "--state", kept)
    assert (code, "not yet" in out) == (0, True)
    code, out, _err = run("share", "log", "--state", kept, "--kind", "retraction", "--json")
    assert (code, orjson.loads(out)[0]["approver"]) == (0, "J. Doe")
    code, out, _err = run("share", "antitrust", "--state", kept)
    assert (code, "price" in out) == (0, True)
    code, _out, err = run(
        "share", "retract", "nothing", "--state", kept, "--reason", "wrong", "--approver", "J. Doe"
    )
    assert (code, "no such campaign" in err) == (2, True)


def test_a_retracted_campaign_is_in_no_later_release(state, folder, policy):
    first, *others = releases.release(state, folder, policy(), "lab-b-amber", *GIVEN)["campaigns"]
    releases.retract(state, first, "wrong", "J. Doe")
    assert releases.release(state, folder, policy(), "community-green", *GIVEN)["campaigns"] == others
    what = leaving(folder, policy(), "community-green", releases.retracted(state))
    assert ("campaign", "it was retracted") in {(one.kind, one.reason) for one in what.withheld}
