"""The server of /metrics and /healthz stays up whatever its clients do."""

import contextlib
import http.client
import resource
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from stillwatch.errors import StateError
from stillwatch.watch import serve as module
from stillwatch.watch.serve import MAX_CONNECTIONS, serve

pytestmark = pytest.mark.issue(21)


@pytest.fixture
def server():
    one = serve(0, lambda: {"stillwatch_rows_total": 3}, lambda: True)
    yield one
    one.shutdown()
    one.server_close()


def health(server):
    return urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/healthz", timeout=10).status


def test_more_idle_connections_than_files_may_be_open_do_not_end_it(server):
    """The clients' ends are in this process too: the limit is set so that the server's would not fit
    beside them, whatever other tests have left open.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    clients = []
    opened = len(list(Path("/dev/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(opened + 350, hard), hard))
    try:
        for _client in range(250):
            one = socket.socket()
            one.settimeout(5)
            one.connect(("127.0.0.1", server.server_port))
            clients.append(one)
        assert health(server) == 200
        assert len(server._open) <= MAX_CONNECTIONS
    finally:
        for one in clients:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert health(server) == 200


def test_a_client_that_sends_byte_after_byte_is_cut_off(server, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S", 0.5)
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as one:
        began, ended = time.monotonic(), False
        while time.monotonic() - began < 5 and not ended:
            try:
                one.send(b"G")
                one.settimeout(0.1)
                with contextlib.suppress(TimeoutError):
                    ended = one.recv(1) == b""
            except OSError:
                ended = True
        assert ended


def test_a_client_that_goes_away_prints_nothing(server, capfd):
    for _client in range(5):
        with socket.create_connection(("127.0.0.1", server.server_port)) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            one.send(b"GET /metrics HTTP/1.0\r\n\r\n")
    time.sleep(0.2)
    assert health(server) == 200
    assert capfd.readouterr().err == ""


def test_only_two_pages_are_served(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.request("GET", "/events.jsonl")
    assert connection.getresponse().status == 404


def test_a_port_in_use_is_told_with_a_fix(server):
    with pytest.raises(
        StateError, match=rf"port {server.server_port} cannot be listened on[\s\S]*another --port"
    ):
        serve(server.server_port, dict, lambda: True)


@pytest.mark.issue(22)
def test_the_metrics_are_in_the_text_format_of_prometheus_and_each_is_described(server):
    from prometheus_client.parser import text_string_to_metric_families

    url = f"http://127.0.0.1:{server.server_port}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = answer.read().decode()
    families = {one.name: one for one in text_string_to_metric_families(text)}
    samples = {sample.name: sample.value for one in families.values() for sample in one.samples}
    assert samples == {name: 3 if name == "stillwatch_rows_total" else 0 for name in module.METRICS}
    for name, (kind, meaning) in module.METRICS.items():
        family = families[name.removesuffix("_total") if kind == "counter" else name]
        assert (family.type, family.documentation) == (kind, meaning)
