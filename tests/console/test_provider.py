"""Does sign-in work with a provider that others wrote? `oidc-provider` from npm, which the test starts itself.

Without node, or without the package in `.dev/servers/oidc` (`./dev check` fetches it), the tests are skipped.
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACE = Path(os.environ.get("STILLWATCH_OIDC_PROVIDER") or ROOT / ".dev" / "servers" / "oidc")
MODULE = PLACE / "node_modules" / "oidc-provider" / "lib" / "index.js"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as place:
        return place.getsockname()[1]


@pytest.fixture
def provider(serve):
    """A console that people enter by a provider which runs in a process of its own."""
    from stillwatch.console.oidc import Client, IdentityProvider

    node = shutil.which("node")
    if node is None or not MODULE.is_file():
        pytest.skip(f"node or {MODULE} is missing: npm install --prefix {PLACE} oidc-provider")
    port = free_port()
    served = serve()
    client = Client(
        issuer=f"http://localhost:{port}",
        client_id="stillwatch",
        secret="a secret of the test",
        back=f"{served.url}/oidc/back",
    )
    command = [node, str(Path(__file__).with_name("provider.mjs")), str(MODULE), str(port), client.back]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        served.offer(IdentityProvider(client))
        yield served
        process.terminate()


def enter(tab, served, name):
    """Go through the provider's own pages as somebody."""
    tab.goto(f"{served.url}/sign-in")
    tab.get_by_role("link", name="Sign in with the identity provider").click()
    tab.locator("input[name=login]").fill(name)
    tab.locator("input[name=password]").fill("any")
    tab.locator("button[type=submit]").click()
    tab.get_by_role("button", name="Continue").click()
    tab.wait_for_url(f"{served.url}/**")


def test_a_person_enters_with_the_role_set_here_and_leaves_and_a_stranger_does_not(provider, browser, kit):
    served = provider
    served.console.people.invite("ana", "counsel")
    served.console.people.invite("vic@corp.example", "viewer")
    for name, shown in (("ana", "ana counsel"), ("vic", "vic@corp.example viewer")):
        context = browser.new_context()
        tab = context.new_page()
        tab.set_default_timeout(15_000)
        asked = []
        tab.on("request", lambda call, asked=asked: asked.append(call.url) if "/auth?" in call.url else None)
        enter(tab, served, name)
        tab.get_by_role("heading", name="Queue").wait_for()
        assert " ".join(tab.locator("header form.me").inner_text().split()).startswith(shown)
        assert "code_challenge_method=S256" in asked[0]
        assert "code_challenge=" in asked[0]
        assert "nonce=" in asked[0]
        tab.get_by_role("button", name="Sign out").click()
        tab.goto(f"{served.url}/")
        assert tab.locator("h1").inner_text() == "Sign in"
        context.close()
    context = browser.new_context()
    tab = context.new_page()
    enter(tab, served, "stranger")
    assert "Nobody here belongs to this identity" in tab.locator("main").inner_text()
    context.close()
    lines = [(one.kind, one.author) for one in kit.lines_of(served.console) if one.body.get("via") == "oidc"]
    assert lines == [("signed in", "ana"), ("signed in", "vic@corp.example"), ("not signed in", "unknown")]
