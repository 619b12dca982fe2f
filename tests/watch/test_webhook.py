"""Events reach a receiver at least once, however it behaves meanwhile."""

import socket
import threading
import time

import pytest

from stillwatch.errors import UsageError
from stillwatch.watch import webhook
from stillwatch.watch.webhook import Webhook, check, post, send, send_in_time

pytestmark = pytest.mark.issue(21)
EVENT = {"id": "s-1-1", "type": "new"}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Receiver:
    """A server on a socket that answers each request with the next of `answers`, and the last one from
    then on.
    """

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/hook"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _address = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client):
        with client:
            data = b""
            while b"\r\n\r\n" not in data:
                data += client.recv(65536)
            self.requests.append(data)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if callable(answer):
                answer(client)
            else:
                client.sendall(answer)

    def close(self):
        self._socket.close()


@pytest.fixture
def receiver():
    made = []

    def make(*answers):
        made.append(Receiver(*answers))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(webhook, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(webhook, "ROUND_PAUSE_S", 0.05)
    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.4)
    monkeypatch.setattr(webhook, "DEADLINE_S", 0.8)


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def drip(client):
    for _byte in range(100):
        try:
            client.sendall(b"H")
        except OSError:
            return
        time.sleep(0.05)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_and_none_counts_as_delivered(receiver, code):
    page = receiver(OK)
    moved = receiver(f"HTTP/1.1 {code} Moved\r\nLocation: {page.url}\r\nContent-Length: 0\r\n\r\n".encode())
    refusal = send(moved.url, EVENT)
    assert refusal is not None
    assert f"{code}, a redirect, which is not followed" in refusal.why
    assert page.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x02\x00garbage\r\n\r\n",
        b"",
        reset,
        drip,
        lambda _client: time.sleep(2),
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000000000000 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n",
    ],
    ids=[
        "no http",
        "tls",
        "nothing",
        "reset",
        "drip",
        "silence",
        "400",
        "500",
        "a strange status",
        "too many headers",
    ],
)
def test_whatever_a_receiver_answers_is_a_refusal_with_its_reason(receiver, answer):
    began = time.monotonic()
    refusal = send_in_time(receiver(answer).url, EVENT)
    assert refusal is not None
    assert refusal.why
    assert time.monotonic() - began < 3


def test_nobody_listens_and_no_such_host():
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    assert "cannot be reached" in send(f"http://127.0.0.1:{port}/", EVENT).why
    assert "cannot be reached" in send("http://no-such-host.invalid/", EVENT).why


def test_an_event_that_the_receiver_has_seen_is_delivered(receiver):
    assert send(receiver(b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n").url, EVENT) is None


def test_receivers_that_never_end_their_answer_hold_a_bounded_number_of_connections(receiver, monkeypatch):
    monkeypatch.setattr(webhook, "DEADLINE_S", 0.01)
    monkeypatch.setattr(webhook, "MAX_LATE", 3)
    monkeypatch.setattr(webhook, "_late", [])
    one = receiver(drip)
    for _try in range(6):
        send_in_time(one.url, EVENT)
    assert len(one.requests) <= 3


def test_one_event_that_is_refused_does_not_hold_up_the_others(receiver):
    bad = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    one = receiver(*[bad] * webhook.TRIES, OK, OK, bad)
    complaints = []
    hook = Webhook(one.url, complaints.append)
    hook.owe([{"id": name} for name in ("1", "2", "3")])
    assert not hook.settle(5)
    assert hook.taken() == {"2", "3"}
    assert complaints == ["it answers 400"]


def test_a_receiver_that_comes_back_gets_every_event_once(receiver):
    one = receiver(*[b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n"] * (webhook.TRIES * 2), OK)
    complaints = []
    hook = Webhook(one.url, complaints.append)
    events = [{"id": "1"}, {"id": "2"}]
    hook.owe(events)
    deadline = time.monotonic() + 10
    while not hook.settle(1) and time.monotonic() < deadline:
        hook.owe(events)
    assert hook.taken() == {"1", "2"}
    hook.owe(events)
    time.sleep(0.1)
    assert len(one.requests) == webhook.TRIES * 2 + 2
    while len(complaints) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert complaints == ["it answers 503", ""]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example/x",
        "ftp://host/x",
        "file:///etc/passwd",
        "http://",
        "http://host:port/",
        "http://host:70000/",
        "http://user:word@host/",
        "http://ho st/",
        "http://host/\n",
        "https://höst/",
        "javascript:alert(1)",
    ],
)
def test_a_url_to_which_nothing_can_be_posted_is_refused_at_the_start(url):
    with pytest.raises(UsageError, match="--webhook"):
        check(url)


def test_a_url_of_a_webhook_is_taken():
    for url in ("http://127.0.0.1:8080/x", "https://hooks.example/a?b=c", "http://[::1]:9/"):
        assert check(url) == url


def test_tries_are_bounded_and_pauses_grow(receiver):
    one = receiver(b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n")
    pauses = []
    assert post(one.url, EVENT, pauses.append) is not None
    assert len(one.requests) == webhook.TRIES
    assert pauses == sorted(pauses)
