"""Who gets in, who may see and do what, and what is written down: ways in, roles, text, forms, headers, rates."""

import base64
import json
import re
import threading
import time
from html import unescape
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from stillwatch.console import people
from stillwatch.console.gates import HEADERS, POLICY, Rate
from stillwatch.console.openapi import PREFIX
from stillwatch.console.operation import operations
from stillwatch.console.pages import PAGES
from stillwatch.console.roles import PERMISSIONS, ROLES
from stillwatch.guard.audit import FOLDER
from stillwatch.memory import record
from stillwatch.share.access import Refused

pytestmark = pytest.mark.issue(29)
API = PREFIX
PASSWORD = "a long password of a test"


def csrf(client):
    return {"X-CSRF-Token": client.csrf}


def test_codes_are_those_of_the_standard():
    """RFC 6238, appendix B (SHA-1), of which the last six digits are used."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    for at, code in ((59, "94287082"), (1111111109, "07081804"), (20000000000, "65353130")):
        assert people.code_at(secret, at // 30) == code[-6:]


def test_a_code_is_taken_once_and_an_old_one_never():
    secret = people.totp_secret()
    now = 1_800_000_000.0
    step = int(now // 30)
    assert people.step_of(people.code_at(secret, step), secret, 0, now) == step
    assert people.step_of(people.code_at(secret, step), secret, step, now) is None
    assert people.step_of(people.code_at(secret, step - 4), secret, 0, now) is None


def test_the_first_administrator_sets_up_and_signs_in_and_a_used_code_lets_nobody_in(serve, run, kit):
    served = serve()
    code, out, _err = run(
        "console", served.console.state, "--add-user", "ada", "--role", "administrator", "--json"
    )
    assert code == 0
    path = json.loads(out)["path"]
    client = kit.Client(served.url)
    page = client.get(path).text
    totp = re.search(r'name="totp" value="(\w+)"', page)[1]
    step = int(time.time() // 30)
    fields = {"totp": totp, "password": PASSWORD, "again": PASSWORD, "code": people.code_at(totp, step)}
    post = client.http.post
    short = post(served.url + path, data=fields | {"password": "short", "again": "short"})
    assert short.status_code == 422
    assert post(served.url + path, data=fields, allow_redirects=False).status_code == 303
    assert client.get(path).status_code == 404  # once
    said = {"name": "ada", "password": PASSWORD, "code": people.code_at(totp, step), "then": "//evil.example"}
    assert post(f"{served.url}/sign-in", data=said, allow_redirects=False).status_code == 403  # used code
    said["code"] = people.code_at(totp, step + 1)
    assert post(f"{served.url}/sign-in", data=said | {"password": "wrong"}).status_code == 403
    done = post(f"{served.url}/sign-in", data=said, allow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    cookie = done.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/people").status_code == 200
    kinds = [(one.kind, one.author) for one in kit.lines_of(served.console)]
    assert kinds.count(("not signed in", "unknown")) == 2
    assert ("signed in", "ada") in kinds
    with served.console.database.reading() as db:
        kept = str(db.exec_driver_sql("select * from people").all())
    assert PASSWORD not in kept


def test_a_session_ends_unused_after_an_hour_and_at_sign_out_and_with_the_person(serve):
    served = serve()
    ana, root = served.page("ana", "analyst"), served.page("root", "administrator")
    assert ana.get("/").status_code == 200
    served.clock.moved = 3601.0
    assert ana.get("/").status_code == 303
    served.clock.moved = 0.0
    ana = served.page("ana", "analyst")
    assert (
        ana.http.post(f"{served.url}/sign-out", data={"csrf": "wrong"}, allow_redirects=False).status_code
        == 403
    )
    assert (
        ana.http.post(f"{served.url}/sign-out", data={"csrf": ana.csrf}, allow_redirects=False).status_code
        == 303
    )
    assert ana.get("/").status_code == 303
    token, bob = served.api("bob", "analyst"), served.page("bob", "analyst")
    assert token.get(f"{API}/cases").status_code == 200
    number = next(one["id"] for one in root.get(f"{API}/people").json()["rows"] if one["name"] == "bob")
    root.post(f"{API}/people/{number}/disable", headers=csrf(root))
    assert bob.get("/").status_code == 303
    assert token.get(f"{API}/cases").status_code == 401


def test_every_operation_needs_its_permission_for_every_role(shared):
    """The table of permissions is what the API does: who lacks a permission gets 403 and nothing else."""
    clients = {role: shared.api(f"of-{role}", role) for role in ROLES}
    for one in operations().values():
        if one.needs is None:
            continue
        path = API + re.sub(r"{\w+}", "999999", one.path)
        for role, client in clients.items():
            call = client.post(path) if one.writes else client.get(path)
            may = role in PERMISSIONS[one.needs][1]
            valid = call.status_code != 422
            assert (call.status_code == 403) == (not may) or not valid, (one.name, role, call.text)


def test_who_may_not_see_names_sees_numbers(shared):
    eve, ana = shared.page("eve", "viewer"), shared.page("ann", "analyst")
    names = [row["name"] for row in ana.get(f"{API}/accounts", limit=50).json()["rows"]]
    values = [row["value"] for row in ana.get(f"{API}/cases/1/indicators").json()["rows"] if "value" in row]
    assert names
    assert values
    value = ana.get(f"{API}/cases/1/indicators").json()["rows"][0]["id"]
    for path in (
        "/", "/cases/1", "/cases/1/members", "/accounts", "/accounts/1", "/indicators", f"/indicators/{value}",
        f"{API}/cases/1", f"{API}/cases/1/graph", f"{API}/cases/1/members", f"{API}/accounts/1",
        f"{API}/pivot?start=account&id=1&hops=3", f"{API}/indicators",
    ):  # fmt: skip
        answer = eve.get(path)
        assert answer.status_code == 200, path
        held = unescape(answer.text)
        assert not [name for name in (*names, *values) if name in held], path
    assert eve.get(f"{API}/accounts", begins="a").status_code == 403


def everywhere(client):
    """Every page and every read of the API, for the cases that there are."""
    told = {}
    paths = [path for path in PAGES if "{" not in path and path != "/pivot"]
    paths += ["/cases/1", "/cases/2", "/cases/3", "/cases/1/members", "/cases/1/graph", "/accounts/1"]
    for one in operations().values():
        if not one.writes and one.needs is not None:
            paths.append(API + re.sub(r"{\w+}", "1", one.path))
    for path in [*paths, "/metrics"]:
        told[path] = client.get(path, start="account", id=1) if path.endswith("pivot") else client.get(path)
    return told


def test_no_text_leaves_without_break_glass(serve, kit):
    served = serve()
    ana, lea, root = (
        served.page(name, role)
        for name, role in (("ana", "analyst"), ("lea", "lead"), ("root", "administrator"))
    )
    for client in (ana, root):
        for path, answer in everywhere(client).items():
            assert kit.CANARY not in answer.text, path
    assert root.post(f"{API}/cases/1/reveal", {"reason": "I want to"}, headers=csrf(root)).status_code == 403
    assert ana.post(f"{API}/cases/1/reveal", {"reason": ""}, headers=csrf(ana)).status_code == 422
    asked = {"reason": "an appeal says these are homework", "minutes": 10}
    assert ana.post(f"{API}/cases/1/reveal", asked, headers=csrf(ana)).status_code == 200
    seen = {path for path, answer in everywhere(ana).items() if kit.CANARY in answer.text}
    assert seen == {"/cases/1", f"{API}/cases/1/texts"}  # no other page, and no other case
    assert kit.CANARY not in lea.get("/cases/1").text  # nobody else
    served.clock.moved = 601.0
    assert kit.CANARY not in ana.get("/cases/1").text
    lines = kit.lines_of(served.console)
    assert [one.author for one in lines if one.kind == "text"] == ["ana", "ana"]
    assert any(one.body.get("given", {}).get("reason") == asked["reason"] for one in lines)
    assert kit.CANARY not in str([one.body for one in lines])
    held = served.console.state / "console.sqlite"
    served.console.database.close()
    assert kit.CANARY.encode() not in held.read_bytes()


def test_reads_and_writes_are_in_one_chain_with_the_guards_and_a_change_shows(serve, kit):
    served = serve()
    ana, lea = served.page("ana", "analyst"), served.page("lea", "lead")
    ana.get("/accounts/1")
    ana.form("label", what="account", id="1", verdict="honest", reason="a colleague", expires="")
    served.console.audit.note_plain("policy")
    lines = kit.lines_of(served.console)
    mine = [(one.kind, one.body["operation"]) for one in lines if one.author == "ana"]
    assert ("read", "one_account") in mine
    assert mine.index(("write", "label")) < mine.index(("done", "label"))
    assert lea.get(f"{API}/audit", author="ana").json()["faults"] == 0
    path = next((served.console.state / FOLDER).glob("*.jsonl"))
    path.write_text(path.read_text().replace('"one_account"', '"one_account "', 1))
    assert lea.get(f"{API}/audit").json()["faults"] >= 1
    assert "not as written" in lea.get("/audit").text
    assert ana.get("/audit").status_code == 403


def test_nothing_is_shown_or_done_where_the_audit_log_cannot_be_written(serve, monkeypatch):
    served = serve()
    ana = served.page("ana", "analyst")

    def full(*_given):
        raise OSError("no space")

    monkeypatch.setattr(record, "append", full)
    label = {"what": "account", "id": 1, "verdict": "honest", "reason": "a colleague"}
    assert ana.post(f"{API}/labels", label, headers=csrf(ana)).status_code == 503
    assert ana.get(f"{API}/cases").status_code == 503
    monkeypatch.undo()
    served.console.audit.flush()
    assert ana.get(f"{API}/cases").status_code == 200


def test_forms_of_other_sites_and_other_sessions_do_nothing(serve):
    served = serve()
    ana, bob = served.page("ana", "analyst"), served.page("bob", "analyst")
    fields = {"case": "1", "assignee": "bob", "then": "/"}
    to = f"{served.url}/do/assign"
    for extra, headers in (
        ({}, {}),
        ({"csrf": bob.csrf}, {}),
        ({"csrf": ana.csrf}, {"Origin": "https://evil.example"}),
        ({"csrf": ana.csrf}, {"Sec-Fetch-Site": "cross-site"}),
    ):
        answer = ana.http.post(to, data=fields | extra, headers=headers, allow_redirects=False)
        assert answer.status_code == 403, (extra, headers)
    assert ana.post(f"{API}/cases/1/assign", {"assignee": "bob"}).status_code == 403  # a cookie is no token
    assert ana.get(f"{API}/cases/1").json()["assignee"] is None
    away = ana.form("assign", then="https://evil.example/", case="1", assignee="ana")
    assert away.headers["location"].startswith("/?")


def test_headers_and_policy_stand_on_every_answer_and_nothing_is_inline(shared, kit):
    ana, nobody = shared.page("hana", "analyst"), kit.Client(shared.url)
    answers = [
        ana.get(path)
        for path in ("/", "/cases/1", "/cases/1/graph", "/nowhere", f"{API}/cases", "/static/console.js")
    ]
    answers += [
        nobody.get(path) for path in ("/", "/sign-in", f"{API}/cases", "/appeal/nothing-of-this-name-at-all")
    ]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (answer.url, name)
        assert "no-store" in answer.headers["Cache-Control"] or "/static/" in answer.url
        if "html" in answer.headers.get("content-type", ""):
            assert not re.search(
                r"<style|style=|<script>|<script(?![^>]*src=)|\son\w+=|javascript:", answer.text
            ), answer.url
    assert "unsafe" not in POLICY
    assert "*" not in POLICY


def test_what_strangers_chose_stays_text(tmp_path, kit):
    hostile = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>"
    served = kit.Served(tmp_path / "state", [kit.built(tmp_path / "results", hostile=hostile, accounts=30)])
    try:
        lea = served.page("lea", "lead")
        lea.form("note", case="1", text=hostile)
        lea.form("label", what="case", id="1", verdict="honest", reason=f"because {hostile}", expires="")
        for path in (
            "/",
            "/cases/1",
            "/cases/3",
            "/cases/1/members",
            "/accounts",
            "/accounts/1",
            "/labels",
            "/audit",
        ):
            page = lea.get(path).text
            assert "<img src=x" not in page, path
            assert "<script>alert" not in page, path
    finally:
        served.close()


def test_rates_are_limited_by_person_and_by_address(serve, kit):
    served = serve(limits=(20, 4, 5))
    ana = served.page("ana", "analyst")
    codes = [ana.get(f"{API}/me").status_code for _n in range(30)]
    assert codes[:20] == [200] * 20
    assert 429 in codes
    assert served.page("bob", "analyst").get(f"{API}/me").status_code == 200  # another person
    nobody = kit.Client(served.url)
    said = {"name": "ana", "password": "guess", "code": "000000"}
    tries = [nobody.http.post(f"{served.url}/sign-in", data=said) for _n in range(6)]
    assert [one.status_code for one in tries][-1] == 429
    assert int(tries[-1].headers["Retry-After"]) > 0
    links = [nobody.get("/appeal/no-such-link-is-known-here").status_code for _n in range(8)]
    assert links[0] == 404
    assert links[-1] == 429


def test_a_rate_refills_evenly():
    now = [0.0]
    rate = Rate(2, 10.0, clock=lambda: now[0])
    rate.take("a")
    rate.take("a")
    with pytest.raises(Refused):
        rate.take("a")
    now[0] = 5.0
    rate.take("a")
    with pytest.raises(Refused):
        rate.take("a")


def test_a_token_has_no_permission_that_its_owner_lacks_and_can_be_revoked(serve):
    served = serve()
    ana = served.page("ana", "analyst")
    refused = ana.post(f"{API}/tokens", {"name": "x", "role": "administrator"}, headers=csrf(ana))
    assert refused.status_code == 403
    assert ana.post(f"{API}/tokens", {"name": "x", "role": "lead"}, headers=csrf(ana)).status_code == 403
    made = ana.post(f"{API}/tokens", {"name": "x", "role": "viewer"}, headers=csrf(ana)).json()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    served.console.people.invite("ana", "counsel")  # a role that lacks what an analyst may
    held = served.api("bob", "lead")
    assert held.get(f"{API}/me").status_code == 200
    served.console.people.invite("bob", "viewer")
    assert held.get(f"{API}/me").status_code == 401
    ana.http.cookies.clear()
    assert ana.http.get(f"{served.url}{API}/me", headers=bearer).json()["role"] == "viewer"
    assert ana.http.get(f"{served.url}{API}/labels", headers=bearer).status_code == 403
    more = ana.http.post(f"{served.url}{API}/tokens", json={"name": "y", "role": "viewer"}, headers=bearer)
    assert more.status_code == 403
    assert (
        ana.http.post(f"{served.url}{API}/tokens/{made['id']}/revoke", json={}, headers=bearer).status_code
        == 200
    )
    assert ana.http.get(f"{served.url}{API}/me", headers=bearer).status_code == 401


class Issuer:
    """An identity provider with its own key, which signs what it is asked to."""

    def __init__(self):
        from joserfc.jwk import RSAKey

        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.change, self.codes, self.who = {}, {}, {"sub": "u-17", "preferred_username": "ana"}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                told = {
                    "/.well-known/openid-configuration": {
                        "issuer": outer.url,
                        "authorization_endpoint": f"{outer.url}/authorize",
                        "token_endpoint": f"{outer.url}/token",
                        "jwks_uri": f"{outer.url}/keys",
                        "userinfo_endpoint": f"{outer.url}/who",
                    },
                    "/who": outer.who,
                    "/keys": {"keys": [outer.key.as_dict(private=False)]},
                }
                self.answer(told[self.path])

            def do_POST(self):
                from joserfc import jwt

                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                challenge, nonce = outer.codes.pop(form["code"][0])
                import hashlib

                digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
                assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
                now = int(time.time())
                claims = {
                    "iss": outer.url, "aud": "stillwatch", "sub": "u-17", "iat": now, "exp": now + 60,
                    "nonce": nonce, "preferred_username": "ana",
                } | outer.change  # fmt: skip
                signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, outer.signer())
                self.answer({"access_token": "x", "token_type": "Bearer", "id_token": signed})

            def answer(self, told):
                body = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_given):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.signer = lambda: self.key
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_sign_in_by_an_identity_provider_and_none_by_a_forged_token(serve, kit):
    from joserfc.jwk import RSAKey

    from stillwatch.console.oidc import Client, IdentityProvider

    issuer = Issuer()
    client = Client(issuer=issuer.url, client_id="stillwatch", secret="s", back="http://127.0.0.1/oidc/back")
    served = serve(provider=IdentityProvider(client))
    served.console.people.invite("ana", "analyst")

    def back(**more):
        browser = kit.Client(served.url)
        gone = browser.get("/oidc/begin")
        asked = {key: value[0] for key, value in parse_qs(urlsplit(gone.headers["location"]).query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert asked["response_type"] == "code"
        issuer.codes["c1"] = (asked["code_challenge"], asked["nonce"])
        cookies = {} if more.pop("other_browser", False) else dict(browser.http.cookies)
        browser.http.cookies.clear()
        query = {"code": "c1", "state": asked["state"]} | more
        answer = browser.http.get(
            f"{served.url}/oidc/back", params=query, cookies=cookies, allow_redirects=False
        )
        return answer, browser

    other = RSAKey.generate_key(2048, {"kid": "one"})
    for change, options in (
        ({"aud": "another"}, {}),
        ({"iss": "https://other.example"}, {}),
        ({"exp": int(time.time()) - 3600}, {}),
        ({"nonce": "of another sign-in"}, {}),
        ({}, {"state": "guessed"}),
        ({}, {"other_browser": True}),
    ):
        issuer.change = change
        assert back(**options)[0].status_code == 403, (change, options)
    issuer.change, issuer.signer = {}, lambda: other
    assert back()[0].status_code == 403  # signed by another key
    issuer.signer = lambda: issuer.key
    issuer.change = {"preferred_username": "stranger", "sub": "u-1"}
    assert back()[0].status_code == 403  # nobody of this name
    issuer.change = {"preferred_username": None}
    issuer.who = {"sub": "u-18", "preferred_username": "ana"}
    assert back()[0].status_code == 403  # claims of another subject
    issuer.who = {"sub": "u-17", "preferred_username": "ana"}  # a provider that names people there alone
    answer, browser = back()
    assert answer.status_code == 200
    assert 'content="0; url=/"' in answer.text  # no redirect, after which a strict cookie is held back
    assert browser.http.get(f"{served.url}{API}/me").json()["name"] == "ana"
    issuer.change = {}
    assert back()[0].status_code == 200
    issuer.change = {"sub": "u-18"}  # the name alone, under another subject, is not enough any more
    assert back()[0].status_code == 403
    issuer.server.shutdown()
