"""Does an answer get its mark where the guard asks for it, and nowhere else?"""

import asyncio
import json
from urllib.parse import urlencode

import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.guard.adapters import passes
from stillwatch.guard.decision import Decision
from stillwatch.prove.doses import Doses
from stillwatch.prove.keyring import Keyring

pytestmark = pytest.mark.issue(25)
SINCE = "2026-01-01T00:00:00Z"


@pytest.fixture
def keyring(tmp_path, monkeypatch):
    path = tmp_path / "marks.json"
    issue(path, Keyring(master=bytes(32)), "gumbel", "a/b ü").write(path)
    monkeypatch.setenv("STILLWATCH_KEYRING", str(path))
    return path


def issue(path, ring, mark, campaign):
    ring, _ = ring.issue(mark, campaign, since=SINCE, width=2, strength=1.0)
    ring.write(path)
    return ring


def guarded(action="hide_reasoning", campaign="a/b ü", account="k&1"):
    decision = Decision(
        action=action,
        would=action,
        mode="enforce",
        reason="r",
        policy="p",
        decision_id="d1",
        campaign=campaign,
        account=account,
    )
    return passes(decision)


def received(middleware, content, headers=(), parts=1, method="POST"):
    """The body, scope and messages that an application behind the middleware receives."""
    size = -(-len(content) // parts) or 1
    some = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
    waiting = [
        {"type": "http.request", "body": one, "more_body": at < len(some) - 1} for at, one in enumerate(some)
    ]
    got = {}

    async def app(scope, receive, _send):
        got["scope"], got["body"], more = scope, b"", True
        while more:
            message = await receive()
            got["body"] += message.get("body", b"")
            more = message.get("more_body", False)
        got["after"] = await receive()

    async def receive():
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "method": method,
        "path": "/v1/chat/completions",
        "headers": [(b"Content-Length", str(len(content)).encode()), *headers],
    }
    middleware.app = app
    asyncio.run(middleware(scope, receive, None))
    return got


def test_a_request_that_the_guard_selected_is_marked_under_its_campaigns_key(keyring):
    asked = {"model": "m", "messages": [{"role": "user", "content": "ü"}], "vllm_xargs": {"other": 1}}
    got = received(Doses(None), json.dumps(asked).encode(), guarded(), parts=3)
    told = json.loads(got["body"])
    assert told["vllm_xargs"] == {
        "other": 1,
        "stillwatch_campaign": "a/b ü",
        "stillwatch_mark": "gumbel",
        "stillwatch_account": "k&1",
    }
    assert {**told, "vllm_xargs": {"other": 1}} == asked
    lengths = [value for name, value in got["scope"]["headers"] if name.lower() == b"content-length"]
    assert lengths == [str(len(got["body"])).encode()]
    assert got["after"] == {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("content", "headers", "method"),
    [
        (b'{"model": "m",  "a": 1}', [], "POST"),
        (b'{"model": "m",  "a": 1}', guarded("watch"), "POST"),
        (b"no JSON", guarded(), "POST"),
        (b"[1, 2]", guarded(), "POST"),
        (b"", guarded(), "POST"),
        (b'{"model":  "m"}', guarded(), "PUT"),
        (b'{"model":  "m"}', guarded(campaign="without a key"), "POST"),
        (b'{"model":  "m"}', [(b"x-guard-mark", b"\xff&&=")], "POST"),
    ],
)
def test_every_other_request_goes_on_byte_for_byte(keyring, content, headers, method):
    assert received(Doses(None), content, headers, parts=2, method=method)["body"] == content


@pytest.mark.parametrize("name", ["stillwatch_campaign", "\\u0073tillwatch_campaign"])
def test_a_mark_that_a_client_asks_for_is_not_made(keyring, name):
    content = b'{"model": "m", "vllm_xargs": {"%s": "a/b", "other": 2}}' % name.encode()
    assert json.loads(received(Doses(None), content)["body"])["vllm_xargs"] == {"other": 2}


def test_a_key_that_is_issued_later_is_used_and_a_broken_file_changes_nothing(keyring, caplog):
    doses = Doses(None)
    headers = [(b"x-guard-mark", urlencode({"campaign": "new", "account": "k"}).encode())]
    assert received(doses, b"{}", headers)["body"] == b"{}"
    assert "no key marks" in caplog.text
    issue(keyring, issue(keyring, doses.keys.ring, "choices", "new"), "tournament", "new")
    assert b'"tournament"' in received(doses, b"{}", headers)["body"]
    keyring.write_text("{}")
    assert b'"tournament"' in received(doses, b"{}", headers)["body"]
    assert "cannot be read" in caplog.text


def test_without_a_keyring_the_engine_does_not_start(keyring, monkeypatch):
    keyring.write_text("{}")
    with pytest.raises(InputError):
        Doses(None)
    monkeypatch.delenv("STILLWATCH_KEYRING")
    with pytest.raises(UsageError, match="STILLWATCH_KEYRING"):
        Doses(None)
