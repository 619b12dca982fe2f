"""Do passkeys let in whom they belong to, and nobody else? In Chromium, with its virtual authenticator."""

import re

import pytest

from stillwatch.console.openapi import PREFIX
from stillwatch.console.passkeys import relying_party

pytestmark = pytest.mark.issue(29)
API = PREFIX
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


# A browser that does not ask the authenticator to verify its user.
CARELESS = """async (userVerification) => {
    const post = (path, body) => fetch(`/passkeys/${path}`, {method: "POST", body: JSON.stringify(body)});
    const options = await (await post("begin-sign-in", {})).json();
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON({...options, userVerification});
    const answer = (await navigator.credentials.get({publicKey})).toJSON();
    return (await post("end-sign-in", {answer})).status;
}"""


class Device:
    """A window of a browser with an authenticator."""

    def __init__(self, browser, served, contexts, **options):
        self.url = served.url.replace("127.0.0.1", "localhost")
        served.app.take_passkeys(relying_party(self.url))
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(15_000)
        contexts.append(context)
        self.context, self.tab, self.faults = context, context.new_page(), []
        self.tab.on("pageerror", lambda error: self.faults.append(str(error)))
        self.tab.on(
            "console",
            lambda one: self.faults.append(one.text) if "Content Security" in one.text else None,
        )
        self.cdp = context.new_cdp_session(self.tab)
        self.cdp.send("WebAuthn.enable")
        self.add(**options)

    def add(self, **options):
        self.key = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR | options})[
            "authenticatorId"
        ]

    def remove(self):
        self.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.key})

    def credentials(self):
        return self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.key})["credentials"]

    def set_up(self, served, name="ada", role="lead"):
        self.tab.goto(f"{self.url}/set-up/{served.console.people.invite(name, role)}")
        self.tab.get_by_role("button", name="Set up with a passkey").click()
        self.tab.wait_for_url(f"{self.url}/sign-in")

    def sign_in(self, works=True):
        self.tab.goto(f"{self.url}/sign-in?then=/me")
        self.tab.get_by_role("button", name="Sign in with a passkey").click()
        if works:
            self.tab.wait_for_url(f"{self.url}/me")
        else:
            self.tab.locator("[role=alert]").get_by_text(re.compile(r"\w")).wait_for()

    def fault(self):
        return self.tab.locator("[data-passkeys] [role=alert]").inner_text()


@pytest.fixture
def device(browser):
    contexts, made = [], []

    def go(served, **options):
        made.append(Device(browser, served, contexts, **options))
        return made[-1]

    yield go
    for context in contexts:
        context.close()
    assert [fault for one in made for fault in one.faults] == []


def check_axe(one, *paths):
    """Whether axe finds nothing on pages with the parts for passkeys, and none is wider than a telephone."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    for path in paths:
        one.tab.set_viewport_size({"width": 400, "height": 800})
        one.tab.goto(one.url + path)
        assert one.tab.locator("[data-passkeys] button").is_visible(), path
        assert one.tab.evaluate("document.documentElement.scrollWidth") <= 400, path
        assert axe.Axe().run(one.tab).response["violations"] == [], path
    one.tab.set_viewport_size({"width": 1280, "height": 900})


def test_a_person_sets_up_signs_in_adds_a_second_passkey_and_removes_the_first(serve, device, kit):
    served = serve()
    one = device(served)
    one.set_up(served)
    (held,) = one.credentials()
    assert held["isResidentCredential"]
    assert held["rpId"] == "localhost"
    one.sign_in()
    check_axe(one, "/sign-in", "/me")
    me = one.tab.locator("main")
    assert me.get_by_role("button", name="Remove passkey").count() == 1
    me.get_by_role("button", name="Remove passkey").click()
    assert one.tab.get_by_text("your only way in").is_visible()
    one.tab.goto(f"{one.url}/me")
    one.tab.get_by_role("button", name="Add a passkey").click()
    one.tab.locator("[role=alert]").get_by_text("has a passkey of yours already").wait_for()
    one.remove()
    one.add(transport="usb")
    one.tab.get_by_label("name of the new passkey").fill("key in the safe")
    one.tab.get_by_role("button", name="Add a passkey").click()
    one.tab.get_by_text("The passkey is added.").wait_for()
    one.tab.get_by_role("button", name="Remove passkey").click()
    one.tab.get_by_text("The passkey is removed.").wait_for()
    assert one.tab.get_by_role("button", name="Remove key in the safe").count() == 1
    one.context.clear_cookies()
    one.sign_in()
    assert one.credentials()[0]["signCount"] >= 1
    lines = kit.lines_of(served.console)
    added = [line for line in lines if line.body.get("operation") == "add_passkey"]
    assert [line.kind for line in added] == ["write", "done", "write", "done"]
    assert [line.author for line in added] == ["unknown", "ada", "ada", "ada"]
    assert [line.author for line in lines if line.kind == "signed in"] == ["ada", "ada"]
    assert ("done", "remove_passkey") in [(line.kind, line.body.get("operation")) for line in lines]


def test_nobody_gets_in_without_user_verification_by_a_removed_key_or_as_a_disabled_person(
    serve, device, kit
):
    served = serve()
    one = device(served)
    one.set_up(served)
    one.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": one.key, "isUserVerified": False})
    one.sign_in(works=False)  # the browser refuses
    one.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": one.key, "isUserVerified": True})
    statuses = [one.tab.evaluate(CARELESS, word) for word in ("discouraged", "required")]
    assert statuses == [403, 200]  # the console refuses a browser that asks for less
    one.context.clear_cookies()
    one.sign_in()
    root = served.page("root", "administrator")
    person = next(row for row in root.get(f"{API}/people").json()["rows"] if row["name"] == "ada")
    assert person["has_passkey"]
    headers = {"X-CSRF-Token": root.csrf}
    assert root.post(f"{API}/people/{person['id']}/disable", headers=headers).status_code == 200
    one.context.clear_cookies()
    one.sign_in(works=False)
    assert "lets nobody in" in one.fault()
    served.console.people.invite("ada", "lead")  # enabled again
    one.sign_in()
    assert root.post(f"{API}/passkeys/1/remove", headers=headers).status_code == 200
    one.tab.goto(f"{one.url}/me")
    assert "/sign-in" in one.tab.url  # sessions ended with the passkey
    one.sign_in(works=False)
    refused = [line for line in kit.lines_of(served.console) if line.kind == "not signed in"]
    assert len(refused) == 3
    assert {line.body["via"] for line in refused} == {"passkey"}


def test_a_copied_key_whose_counter_does_not_rise_is_refused(serve, device):
    served = serve()
    one = device(served)
    one.set_up(served)
    copied = one.credentials()[0]
    for _n in range(3):
        one.context.clear_cookies()
        one.sign_in()
    one.remove()
    one.add()
    one.cdp.send(
        "WebAuthn.addCredential", {"authenticatorId": one.key, "credential": copied | {"signCount": 1}}
    )
    one.context.clear_cookies()
    one.sign_in(works=False)
    assert "lets nobody in" in one.fault()


def test_a_recorded_answer_another_site_and_an_old_sign_in_get_nothing(serve, device):
    served = serve()
    one = device(served)
    one.set_up(served)
    sent = []
    one.tab.on("request", lambda call: sent.append(call) if call.url.endswith("/end-sign-in") else None)
    one.sign_in()
    replayed = one.tab.evaluate(
        "async (body) => (await fetch('/passkeys/end-sign-in', {method: 'POST', body})).status",
        sent[0].post_data,
    )
    assert replayed == 403
    fresh = one.tab.evaluate(
        """async (body) => {
            await fetch('/passkeys/begin-sign-in', {method: 'POST', body: '{}'});
            return (await fetch('/passkeys/end-sign-in', {method: 'POST', body})).status;
        }""",
        sent[0].post_data,
    )
    assert fresh == 403  # an answer to another challenge
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        http = served.page("bob", "analyst").http
        answer = http.post(f"{one.url}/passkeys/begin", json={}, headers=headers)
        assert answer.status_code == 403
    bob = served.page("bob", "analyst")
    assert bob.http.post(f"{one.url}/passkeys/begin", json={}).status_code in (401, 403)
    assert bob.http.post(f"{served.url}/passkeys/begin", json={}).status_code == 404  # by the address
    for wrong in (b"", b"[]", b"{", b'{"answer": 1}', b'{"answer": {"id": "x"}}'):
        assert bob.http.post(f"{one.url}/passkeys/end-sign-in", data=wrong).status_code in (403, 422)
    served.clock.moved = 1000.0
    one.tab.goto(f"{one.url}/me")
    one.tab.get_by_role("button", name="Add a passkey").click()
    one.tab.locator("[role=alert]").get_by_text("too old to add a passkey").wait_for()


def test_a_new_set_up_replaces_every_way_in(serve, device, kit):
    from stillwatch.console import people

    served = serve()
    one = device(served)
    one.set_up(served)
    secret, totp = served.console.people.invite("ada", "lead"), people.totp_secret()
    code = people.code_at(totp, int(served.clock() // 30))
    assert served.console.people.set_up(secret, "a long password of a test", totp, code) == ""
    one.sign_in(works=False)
    one.set_up(served)  # and back: password and code end
    code = people.code_at(totp, int(served.clock() // 30) + 1)
    assert served.console.people.sign_in("ada", "a long password of a test", code) is None
    assert not served.console.people.bind("ada", "https://issuer.example u-1")


@pytest.mark.parametrize(
    ("url", "name", "origin"),
    [
        ("https://console.example/", "console.example", "https://console.example"),
        ("https://Console.example:8443", "console.example", "https://console.example:8443"),
        ("https://console.example:443", "console.example", "https://console.example"),
        ("http://127.0.0.1:8791/", "localhost", "http://localhost:8791"),
        ("http://[::1]:8791/", "localhost", "http://localhost:8791"),
        ("http://localhost", "localhost", "http://localhost"),
        ("https://192.0.2.7/", None, None),
        ("http://console.example/", None, None),
        ("https://0.0.0.0:8791/", None, None),
    ],
)
def test_the_site_of_passkeys_is_that_of_the_configured_address(url, name, origin):
    site = relying_party(url)
    assert (site and site.name, site and site.origin) == (name, origin)


def test_a_database_of_the_first_version_gets_the_table(tmp_path):
    from sqlalchemy import inspect, update

    from stillwatch.console.database import Database
    from stillwatch.console.schema import PASSKEYS, VERSION, version_of

    database = Database(tmp_path)
    with database.writing() as db:
        PASSKEYS.drop(db)
        db.execute(update(VERSION).values(version=1))
    database.close()
    database = Database(tmp_path)
    with database.reading() as db:
        assert inspect(db).has_table("passkeys")
        assert version_of(db) == 2
    database.close()
