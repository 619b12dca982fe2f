"""A client that we did not write reads everything; the tables of the specification hold."""

import json
import urllib.error
import urllib.request

import pytest

from stillwatch.share import release as releases
from stillwatch.share import taxii
from stillwatch.share.policy import read_policy

pytestmark = pytest.mark.issue(28)
ACCEPT = {"Accept": taxii.MEDIA}
POLICY = """
producer: Acme AI
fields: [pseudonyms, capabilities, techniques, client_prefix, signup_address, email_domain, tls_fingerprint]
collections:
  lab-b-amber: {tlp: amber, peers: [lab-b]}
  community-green: {tlp: green, peers: [lab-b, lab-c]}
purposes: [joint defence against model extraction]
legal_bases: [legitimate interests of the provider]
"""
GIVEN = ("joint defence against model extraction", "legitimate interests of the provider", "J. Doe")


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yml"
    path.write_text(POLICY)
    return read_policy(path)


@pytest.fixture
def shared(state, policy, folder, running):
    """A server with a release; gives state, address, and tokens of the peers."""
    tokens = {name: state.add_peer(name) for name in ("lab-b", "lab-c")}
    releases.release(state, folder, policy, "lab-b-amber", *GIVEN)
    return state, running(taxii.app(state)), tokens


def ask(url, token=None, method="GET", body=None, **headers):
    every = {**ACCEPT, "Content-Type": taxii.MEDIA, **headers} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=every, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as told:
            return told.status, dict(told.headers), json.loads(told.read())
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.loads(error.read())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_client_that_we_did_not_write_reads_everything(shared):
    from taxii2client.v21 import Server, as_pages

    state, url, tokens = shared
    server = Server(f"{url}taxii2/", user="peer", password=tokens["lab-b"])
    (root,) = server.api_roots
    assert server.default.url == root.url
    readable = [one for one in root.collections if one.can_read]
    assert [(one.title, one.can_write) for one in readable] == [("Campaigns, TLP:AMBER", False)]
    (collection,) = readable
    pages = list(as_pages(collection.get_objects, per_request=7))
    objects = [one for page in pages for one in page["objects"]]
    assert len(pages) == -(-len(objects) // 7)
    stored = state.rows("SELECT id FROM objects WHERE collection = ? ORDER BY number", (collection.id,))
    assert [one["id"] for one in objects] == [row["id"] for row in stored]
    manifest = [one for page in as_pages(collection.get_manifest, per_request=9) for one in page["objects"]]
    assert [one["id"] for one in manifest] == [one["id"] for one in objects]
    (campaign, *_others) = [one for one in objects if one["type"] == "campaign"]
    assert collection.get_object(campaign["id"])["objects"] == [campaign]
    assert collection.object_versions(campaign["id"])["versions"] == [campaign["modified"]]
    only = collection.get_objects(type=["indicator", "campaign"])["objects"]
    assert {one["type"] for one in only} == {"indicator", "campaign"}
    import stix2

    for one in objects:
        stix2.parse(one, allow_custom=False)
    (writable,) = [one for one in root.collections if one.can_write]
    now = "2026-05-01T00:00:00.000Z"
    note = {
        "type": "note",
        "spec_version": "2.1",
        "id": "note--7b1c1b0a-7c0d-4b1e-9f52-0a1b2c3d4e5f",
        "created": now,
        "modified": now,
        "content": "seen here too",
        "object_refs": [campaign["id"]],
    }
    status = writable.add_objects({"objects": [note]})
    assert (status.status, status.success_count, status.failure_count) == ("complete", 1, 0)
    assert taxii.inbox(state)[0]["object"] == note


def test_discovery_root_and_collections_are_as_the_tables_say(shared):
    _state, url, tokens = shared
    status, headers, told = ask(f"{url}taxii2/", tokens["lab-b"])
    assert (status, headers["content-type"]) == (200, taxii.MEDIA)
    assert told["api_roots"] == [told["default"]]
    _status, _headers, root = ask(told["default"], tokens["lab-b"])
    assert root["versions"] == [taxii.MEDIA]
    assert root["max_content_length"] > 0
    _status, _headers, found = ask(f"{told['default']}collections/", tokens["lab-b"])
    for one in found["collections"]:
        assert {"id", "title", "can_read", "can_write", "media_types"} <= one.keys()
        assert ask(f"{told['default']}collections/{one['id']}/", tokens["lab-b"])[2] == one


@pytest.mark.parametrize(
    ("path", "token", "headers", "method", "status"),
    [
        ("taxii2/", "", {}, "GET", 401),
        ("taxii2/", "guess", {}, "GET", 401),
        ("taxii2/", "lab-b", {"Accept": "text/html"}, "GET", 406),
        ("taxii2/", "lab-b", {"Accept": "application/taxii+json;version=2.0"}, "GET", 406),
        ("taxii2/", "lab-b", {"Accept": "application/taxii+json"}, "GET", 200),
        ("nowhere/", "lab-b", {}, "GET", 404),
        ("shared/collections/nothing/objects/", "lab-b", {}, "GET", 404),
        ("shared/collections/lab-b-amber/objects/", "lab-c", {}, "GET", 404),
        ("shared/collections/inbox/objects/", "lab-b", {}, "GET", 403),
        ("shared/collections/lab-b-amber/objects/", "lab-b", {}, "POST", 403),
        ("shared/collections/inbox/objects/", "lab-b", {"Content-Type": "application/json"}, "POST", 415),
        ("shared/collections/inbox/objects/", "lab-b", {}, "POST", 422),
        ("shared/collections/lab-b-amber/objects/?limit=0", "lab-b", {}, "GET", 400),
        ("shared/collections/lab-b-amber/objects/?added_after=yesterday", "lab-b", {}, "GET", 400),
        ("shared/collections/lab-b-amber/objects/?next=x", "lab-b", {}, "GET", 400),
        ("shared/collections/lab-b-amber/objects/?match%5Bversion%5D=newest", "lab-b", {}, "GET", 400),
        (
            "shared/collections/lab-b-amber/objects/note--7b1c1b0a-7c0d-4b1e-9f52-0a1b2c3d4e5f/",
            "lab-b",
            {},
            "GET",
            404,
        ),
        (
            "shared/collections/lab-b-amber/objects/note--7b1c1b0a-7c0d-4b1e-9f52-0a1b2c3d4e5f/",
            "lab-b",
            {},
            "DELETE",
            403,
        ),
        ("shared/status/2f8c/", "lab-b", {}, "GET", 404),
        ("shared/collections/", "lab-b", {}, "PUT", 405),
    ],
)
def test_errors_are_those_of_the_tables_and_have_their_form(shared, path, token, headers, method, status):
    _state, url, tokens = shared
    body = {} if method == "POST" else None
    found, _headers, told = ask(f"{url}{path}", tokens.get(token, token), method, body, **headers)
    assert found == status
    if status >= 400:
        assert told["title"]
        assert told["http_status"] == str(status)


def test_pages_follow_each_other_and_headers_name_the_first_and_the_last_time(shared):
    _state, url, tokens = shared
    place, seen, after = f"{url}shared/collections/lab-b-amber/objects/", [], ""
    while True:
        status, headers, told = ask(f"{place}?limit=5{after}", tokens["lab-b"])
        assert status == 200
        assert headers["x-taxii-date-added-first"] <= headers["x-taxii-date-added-last"]
        seen += [one["id"] for one in told["objects"]]
        if not told["more"]:
            break
        after = f"&next={told['next']}"
    whole = ask(place, tokens["lab-b"])
    assert seen == [one["id"] for one in whole[2]["objects"]]
    last = whole[1]["x-taxii-date-added-last"]
    assert ask(f"{place}?added_after={last}", tokens["lab-b"])[2] == {}


def test_versions_are_last_first_all_or_by_time(shared):
    state, url, tokens = shared
    (key, *_more) = state.journal.read("release")[0]["campaigns"]
    (before,) = state.rows("SELECT id, version FROM objects WHERE type = 'campaign' AND source = ?", (key,))
    releases.retract(state, key, "a class that shared a worksheet", "J. Doe")
    place = f"{url}shared/collections/lab-b-amber/objects/{before['id']}/"

    def revoked(version):
        told = ask(f"{place}?match%5Bversion%5D={version}", tokens["lab-b"])[2]
        return [one.get("revoked", False) for one in told["objects"]]

    assert revoked("last") == [True]
    assert revoked("first") == [False]
    assert revoked("all") == [False, True]
    assert revoked("first,last") == [False, True]
    assert revoked(before["version"]) == [False]
    assert len(ask(f"{place}versions/", tokens["lab-b"])[2]["versions"]) == 2


def test_too_many_requests_are_refused_with_the_time_to_wait_and_all_are_logged(state, running):
    token = state.add_peer("lab-b")
    url = running(taxii.app(state, requests_a_minute=3))
    told = [ask(f"{url}taxii2/", token) for _turn in range(4)]
    assert [status for status, _headers, _told in told] == [200, 200, 200, 429]
    assert 0 < int(told[-1][1]["retry-after"]) <= 61
    assert [(one["peer"], one["status"]) for one in state.journal.read("taxii")] == [("lab-b", 200)] * 3 + [
        ("", 429)
    ]


def test_what_peers_write_is_held_to_types_sizes_and_forms(shared):
    _state, url, tokens = shared
    place = f"{url}shared/collections/inbox/objects/"
    now = "2026-05-01T00:00:00.000Z"
    good = {
        "type": "opinion",
        "spec_version": "2.1",
        "id": "opinion--7b1c1b0a-7c0d-4b1e-9f52-0a1b2c3d4e5f",
        "created": now,
        "modified": now,
        "opinion": "strongly-disagree",
        "object_refs": ["indicator--7b1c1b0a-7c0d-4b1e-9f52-0a1b2c3d4e5f"],
    }
    bad = [
        {},
        7,
        {**good, "type": "malware"},
        {**good, "id": "opinion--x"},
        {**good, "created": "today"},
        {**good, "spec_version": "2.0"},
    ]
    status, _headers, told = ask(place, tokens["lab-c"], "POST", {"objects": [good, *bad]})
    assert (status, told["success_count"], told["failure_count"]) == (202, 1, len(bad))
    assert ask(f"{url}shared/status/{told['id']}/", tokens["lab-c"])[2] == told
    assert ask(f"{url}shared/status/{told['id']}/", tokens["lab-b"])[0] == 404
    assert ask(place, tokens["lab-c"], "POST", {"objects": [good] * 1001})[0] == 413
