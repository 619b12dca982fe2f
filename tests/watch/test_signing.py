"""Events are signed as Standard Webhooks has it, wrapped as CloudEvents, and have a schema."""

import base64
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import resources

import jsonschema
import pytest

from stillwatch.errors import UsageError
from stillwatch.watch.signing import enveloped, read_secrets, signed
from stillwatch.watch.webhook import Webhook, send

pytestmark = pytest.mark.issue(26)
EVENT = {"id": "w-1-1", "watch": "w", "type": "new", "campaign": "W0001", "at": "2026-05-01T00:00:00+00:00"}
NEW, OLD = b"n" * 32, b"o" * 32


def line(secret):
    return "whsec_" + base64.b64encode(secret).decode()


@pytest.fixture
def receiver():
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_given):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", seen
    server.shutdown()
    server.server_close()


def test_the_published_example_of_standard_webhooks_is_signed_alike():
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    told = signed([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1614265330)
    assert told["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_replaced_a_receiver_with_either_can_verify(receiver):
    url, seen = receiver
    assert send(url, EVENT, [NEW, OLD]) is None
    headers, body = seen[0]
    codes = [one.removeprefix("v1,") for one in headers["webhook-signature"].split(" ")]
    for secret, code in zip((NEW, OLD), codes, strict=True):
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        assert base64.b64decode(code) == hmac.digest(secret, content, "sha256")


def test_the_envelope_is_that_of_cloudevents_and_the_body_is_the_event(receiver):
    url, seen = receiver
    send(url, EVENT)
    headers, body = seen[0]
    assert json.loads(body) == EVENT
    assert {name for name in headers if name.startswith("ce-")} == set(enveloped(EVENT))
    assert (headers["ce-specversion"], headers["ce-id"], headers["ce-subject"]) == ("1.0", "w-1-1", "W0001")
    assert "webhook-signature" not in headers


@pytest.mark.parametrize("content", ["", "secret\n", "whsec_c2hvcnQ=\n", "whsec_!!!\n", "whsec_" + "é"])
def test_a_file_that_holds_no_secret_is_refused_at_the_start(tmp_path, content):
    path = tmp_path / "secrets"
    path.write_text(content)
    with pytest.raises(UsageError, match="secret"):
        Webhook("http://127.0.0.1:9/", secrets=path)
    with pytest.raises(UsageError):
        read_secrets(tmp_path / "absent")


def test_a_new_secret_counts_without_a_restart_and_a_spoiled_file_changes_nothing(tmp_path):
    path = tmp_path / "secrets"
    path.write_text(line(OLD))
    webhook = Webhook("http://127.0.0.1:9/", secrets=path)
    path.write_text(f"{line(NEW)}\n{line(OLD)}\n")
    assert webhook.secrets() == [NEW, OLD]
    path.write_text("spoiled")
    assert webhook.secrets() == [NEW, OLD]


def test_a_heartbeat_is_sent_while_there_is_life_and_failures_are_counted(receiver):
    url, seen = receiver
    alive = threading.Event()
    alive.set()
    beats = threading.Event()

    def event():
        beats.set()
        return (
            {"id": "b", "watch": "w", "type": "heartbeat", "rows": 1, "campaigns": 0}
            if alive.is_set()
            else None
        )

    webhook = Webhook(url)
    webhook.beat(0.02, event)
    assert beats.wait(5)
    until = [None] * 200
    while not seen and until:
        until.pop()
        threading.Event().wait(0.02)
    assert json.loads(seen[0][1])["type"] == "heartbeat"
    nobody = Webhook("http://127.0.0.1:9/")
    nobody.beat(0.02, event)
    until = [None] * 200
    while not nobody.failures and until:
        until.pop()
        threading.Event().wait(0.02)
    assert nobody.failures
    alive.clear()


def test_events_have_a_schema_that_knows_them_and_refuses_others():
    schema = json.loads(resources.files("stillwatch.watch").joinpath("event-1.schema.json").read_bytes())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(EVENT | {"accounts": 3, "exchanges": 9, "lineage": [], "kind": "harvest"})
    validator.validate({"id": "b", "watch": "w", "type": "heartbeat", "rows": 1, "campaigns": 0})
    for bad in ({"id": "x"}, EVENT, EVENT | {"type": "gone"}, {"id": "b", "watch": "w", "type": "heartbeat"}):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(bad)


def test_a_campaign_that_is_labelled_honest_is_written_and_printed_and_does_not_reach_the_webhook(tmp_path):
    from types import SimpleNamespace

    from stillwatch.flows.watch import Watch
    from stillwatch.watch.state import WatchState

    label = {"verdict": "honest", "statement": "labelled honest by ann because a class"}
    watch = object.__new__(Watch)
    watch.state, printed, owed = WatchState(tmp_path / "state", "logs"), [], []
    watch.emit = printed.append
    watch.webhook = SimpleNamespace(taken=set, forget=lambda _ids: None, owe=owed.extend)
    watch.state.ledger.outbox = [EVENT | {"label": label}, EVENT | {"id": "w-1-2"}]
    watch.deliver()
    assert [event["id"] for event in printed] == ["w-1-1", "w-1-2"]
    assert [event["id"] for event in owed] == ["w-1-2"]
    assert watch.state.ledger.muted == 1
    assert len((tmp_path / "state" / "events.jsonl").read_text().splitlines()) == 2
