"""Delivery of events to a webhook in a separate thread, each at least once, with retries."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stillwatch.errors import Problem, UsageError
from stillwatch.watch.signing import enveloped, read_secrets, signed

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the receiver did not accept an event, and whether it `answered`."""

    why: str
    answered: bool = False


TRIES, FIRST_PAUSE_S = 4, 0.5  # attempts for an event in one round, and the first pause between them: chosen
ROUND_PAUSE_S, MAX_ROUND_PAUSE_S = 2.0, 600.0  # first and longest pause between failed rounds: chosen
TIMEOUT_S = 10.0  # longest time in seconds without a byte from the receiver: chosen
DEADLINE_S = 30.0  # longest time in seconds for a whole request: chosen
MAX_LATE = 8  # most requests that passed their deadline and still hold a connection: chosen


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect; a redirect counts as a refusal, since events go to the given address only."""

    def redirect_request(self, *_given: object) -> None:
        """Return None, so that no redirect is followed."""


_opener = urllib.request.build_opener(_Stay)
_late: list[threading.Thread] = []


def check(url: str) -> str:
    """`url`, unchanged. Raises `UsageError` where it is no plain http or https URL, or has a user name."""
    problem = Problem(
        fact="`--webhook` is no address to which events can be posted",
        found=repr(url),
        expected="http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH",
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(problem) from error
    plain = url.isascii() and url.isprintable() and " " not in url
    named = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    if not plain or not named or port == 0:
        raise UsageError(problem)
    return url


def send(url: str, event: Event, secrets: Sequence[bytes] = ()) -> Refusal | None:
    """Send an event once, signed with each secret; returns None where the receiver accepted it, else why not.

    Status 200 to 299 means accepted, and so does 409, by which a receiver says that it has the event already.
    """
    body = json.dumps(event, sort_keys=True, default=str).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(event["id"])}
    headers |= enveloped(event) | signed(secrets, str(event["id"]), body)
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310  `check` allows http and https only
    try:
        with _opener.open(request, timeout=TIMEOUT_S) as answer:
            return None if 200 <= answer.status < 300 else _status(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return None if error.code == HTTPStatus.CONFLICT else _status(error.code)
    except TimeoutError:
        return Refusal(why=f"no answer within {TIMEOUT_S:g} s")
    except urllib.error.URLError as error:
        return Refusal(why=f"it cannot be reached ({type(error.reason).__name__})")
    except OSError as error:
        return Refusal(why=f"the connection failed ({type(error).__name__})")
    except (http.client.HTTPException, ValueError) as error:
        return Refusal(why=f"its answer is no HTTP ({type(error).__name__})")


def _status(code: int) -> Refusal:
    """The refusal of an answer with this status."""
    moved = ", a redirect, which is not followed" if 300 <= code < 400 else ""
    return Refusal(why=f"it answers {code}{moved}", answered=True)


def send_in_time(url: str, event: Event, secrets: Sequence[bytes] = ()) -> Refusal | None:
    """As `send`, but returns a refusal after `DEADLINE_S` seconds; the request then continues in its thread.

    At most `MAX_LATE` such requests may be open; further events are refused at once.
    """
    _late[:] = [thread for thread in _late if thread.is_alive()]
    if len(_late) >= MAX_LATE:
        return Refusal(why=f"{MAX_LATE} earlier requests are still without an answer")
    ended: list[Refusal | None] = []
    signing = (secrets,) if secrets else ()
    thread = threading.Thread(target=lambda: ended.append(send(url, event, *signing)), daemon=True)
    thread.start()
    thread.join(DEADLINE_S)
    if thread.is_alive():
        _late.append(thread)
    return ended[0] if ended else Refusal(why=f"no whole answer within {DEADLINE_S:g} s")


def post(
    url: str, event: Event, pause: Callable[[float], object] = time.sleep, secrets: Sequence[bytes] = ()
) -> Refusal | None:
    """Send an event up to `TRIES` times, with growing pauses; returns None where the receiver accepted it,
    else why not.

    An event may be sent twice; a receiver can recognise the second one by the id.
    """
    refusal = None
    for attempt in range(TRIES):
        if attempt:
            pause(FIRST_PAUSE_S * 2 ** (attempt - 1))
        refusal = send_in_time(url, event, secrets)
        if refusal is None:
            break
    return refusal


class Webhook:
    """Sends events to a URL in a thread, until the receiver has accepted each.

    An event that was refused is sent again in the next round; other events are sent meanwhile. The pause
    between rounds doubles with each round without an accepted event. `complain` is called, in the thread,
    with the reason of a failure where it differs from the previous one, and with an empty string once events
    are accepted again. The constructor raises `UsageError` for an invalid URL or file of secrets.
    """

    def __init__(
        self, url: str, complain: Callable[[str], None] = lambda _why: None, secrets: Path | None = None
    ) -> None:
        self.url = check(url)
        self.failures = 0
        self._complain = complain
        self._secrets_in = secrets
        self._secrets = read_secrets(secrets) if secrets else []
        self._owed: list[Event] = []
        self._taken: set[str] = set()
        self._rounds = 0
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def owe(self, events: Sequence[Event]) -> None:
        """Queue events; those that are queued or accepted already (by id) are ignored."""
        with self._news:
            known = {event["id"] for event in self._owed} | self._taken
            fresh = [event for event in events if event["id"] not in known]
            if not fresh:
                return
            self._owed += fresh
            self._news.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def secrets(self) -> list[bytes]:
        """The secrets now in the file; those read last where it cannot be read; empty without a file."""
        if self._secrets_in is not None:
            with suppress(UsageError):
                self._secrets = read_secrets(self._secrets_in)
        return self._secrets

    def beat(self, every_s: float, event: Callable[[], Event | None]) -> None:
        """Call `event` every `every_s` seconds in a thread and send its result once; None is not sent.

        A receiver that gets no heartbeat knows that the watch has ended or stalled.
        """

        def run() -> None:
            """Send the event after each pause, and count failures."""
            while True:
                time.sleep(every_s)
                sent = event()
                if sent is not None and send_in_time(self.url, sent, self.secrets()) is not None:
                    self.failures += 1

        threading.Thread(target=run, daemon=True).start()

    def taken(self) -> set[str]:
        """Ids of the events that the receiver has accepted."""
        with self._news:
            return set(self._taken)

    def forget(self, ids: set[str]) -> None:
        """Remove ids from the list of accepted events, for events that will not be queued again."""
        with self._news:
            self._taken -= ids

    def settle(self, seconds: float) -> bool:
        """Wait up to `seconds` until all events are accepted or one round has ended; returns whether all are
        accepted.
        """
        with self._news:
            rounds = self._rounds
            self._news.wait_for(lambda: not self._owed or self._rounds >= rounds + 1, seconds)
            return not self._owed

    def _run(self) -> None:
        """Send queued events in rounds, without end; the body of the thread."""
        failures, said = 0, ""
        while True:
            with self._news:
                self._news.wait_for(lambda: bool(self._owed))
                some = list(self._owed)
            why, taken = self._round(some)
            if why != said:
                self._complain(why)
                said = why
            with self._news:
                self._rounds += 1
                self._news.notify_all()
            failures = failures + 1 if why and not taken else 0
            if why:
                time.sleep(min(ROUND_PAUSE_S * 2 ** min(failures, 20), MAX_ROUND_PAUSE_S))

    def _round(self, some: Sequence[Event]) -> tuple[str, int]:
        """Send each of these events; returns the reason of the last refusal (empty: none) and the number of
        accepted events.

        Where the receiver does not answer, the round ends, since the other events would time out too.
        """
        why, taken = "", 0
        for event in some:
            refusal = post(self.url, event, secrets=self.secrets())
            if refusal is not None:
                self.failures += 1
                why = refusal.why
                if not refusal.answered:
                    break
                continue
            taken += 1
            with self._news:
                self._taken.add(event["id"])
                self._owed = [one for one in self._owed if one["id"] != event["id"]]
                self._news.notify_all()
        return why, taken
