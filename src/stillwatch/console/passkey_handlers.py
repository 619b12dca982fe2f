"""Handlers of the requests by which a browser registers a passkey and signs in by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from sqlalchemy import select

from stillwatch.console import gates
from stillwatch.console.console import Console
from stillwatch.console.database import one
from stillwatch.console.operation import MAX_NAME
from stillwatch.console.passkeys import VALID_S, Passkeys
from stillwatch.console.people import FRESH_S, Session
from stillwatch.console.roles import Caller
from stillwatch.console.schema import PEOPLE
from stillwatch.share.access import Refused, body_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PLACE = "/passkeys"  # start of the paths of these requests
COOKIE = "stillwatch-passkey"  # cookie that binds a ceremony to its browser
MAX_ANSWER = 1 << 16  # bytes of a browser's answer: chosen


class Doors(Protocol):
    """What is needed of the console's handlers."""

    console: Console
    secure: bool
    tries: gates.Rate
    requests: gates.Rate
    passkeys: Passkeys | None

    def session_of(self, request: Request) -> Session | None:
        """The session of a request's cookie."""

    def give_session(self, answer: Response, token: str) -> Response:
        """The answer, with the cookie of a session."""


class PasskeyHandlers:
    """Handlers of passkeys, beside the console's other handlers."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def begin(self, request: Request) -> Response:
        """Options of a registration, for who has a session or a set-up link."""
        return await self._answered(request, self._begin)

    async def end(self, request: Request) -> Response:
        """Store the passkey that a browser made."""
        return await self._answered(request, self._end)

    async def begin_sign_in(self, request: Request) -> Response:
        """Options of a sign-in."""
        return await self._answered(request, self._begin_sign_in)

    async def end_sign_in(self, request: Request) -> Response:
        """A session for who answers by a passkey."""
        return await self._answered(request, self._end_sign_in)

    async def _answered(
        self, request: Request, made: Callable[[Request, Passkeys, dict[str, Any]], Response]
    ) -> Response:
        """What a function of this class returns for a request's JSON body."""
        from starlette.concurrency import run_in_threadpool

        body = await body_of(request, MAX_ANSWER)

        def answer() -> Response:
            """The response to the request, or `Refused`."""
            self._doors.requests.take(f"address {gates.address_of(request)}")
            gates.check_origin(request)
            keys = self._doors.passkeys
            if keys is None or request.headers.get("host", "") != keys.site.host:
                raise Refused(404, "no passkeys are used at this address")
            try:
                held = orjson.loads(body)
            except orjson.JSONDecodeError:
                held = None
            if not isinstance(held, dict):
                raise Refused(422, "the body is no JSON object")
            return made(request, keys, held)

        return await run_in_threadpool(answer)

    def _begin(self, request: Request, keys: Passkeys, held: dict[str, Any]) -> Response:
        """Options of a registration."""
        setup = held.get("setup") or ""
        if setup:
            self._doors.tries.take(f"address {gates.address_of(request)}")
            person = self._doors.console.people.invited(str(setup))
            if person is None:
                raise Refused(404, "this link is not valid any more", "ask for a new one")
        else:
            session = self._own(request)
            with self._doors.console.database.reading() as db:
                person = one(db, select(PEOPLE).where(PEOPLE.c.id == session.actor.person_id))
            assert person is not None
        return self._options(*keys.begin(person, str(setup)))

    def _own(self, request: Request) -> Session:
        """The session of a request that may add a passkey. Raises `Refused` (401, 403)."""
        session = self._doors.session_of(request)
        if session is None:
            raise Refused(401, "nobody is signed in")
        gates.check_form(request, session.csrf, {})
        if session.opened_at < self._doors.console.now() - FRESH_S:
            raise Refused(403, "this sign-in is too old to add a passkey", "sign out, sign in, and repeat it")
        return session

    def _end(self, request: Request, keys: Passkeys, held: dict[str, Any]) -> Response:
        """Store a passkey, and write it into the audit log."""
        name = str(held.get("name") or "passkey").strip()[:MAX_NAME]
        if not name.isprintable():
            raise Refused(422, "the name holds a letter that cannot be shown")
        answer = held.get("answer")
        if not isinstance(answer, dict):
            raise Refused(422, "`answer` is no JSON object")
        session = None if held.get("setup") else self._own(request)
        console = self._doors.console
        who = session.actor if session else Caller(person_id=0, name="unknown", role=None, via="set-up")
        console.note(who, "write", {"operation": "add_passkey"}, now=True)
        try:
            done = keys.end(
                request.cookies.get(COOKIE, ""), answer, name, session.actor.person_id if session else None
            )
        except Refused as why:
            console.note(who, "not done", {"operation": "add_passkey", "why": why.title}, now=True)
            raise
        if session is None:
            who = Caller(person_id=0, name=done["name"], role=None, via="set-up")
        console.note(who, "done", {"operation": "add_passkey", "passkey": done["passkey"]}, now=True)
        return _json({"then": "/sign-in" if session is None else "/me?done=add_passkey"})

    def _begin_sign_in(self, _request: Request, keys: Passkeys, _held: dict[str, Any]) -> Response:
        """Options of a sign-in."""
        return self._options(*keys.begin_sign_in())

    def _end_sign_in(self, request: Request, keys: Passkeys, held: dict[str, Any]) -> Response:
        """Open a session, and write into the audit log whether one was opened."""
        self._doors.tries.take(f"address {gates.address_of(request)}")
        answer = held.get("answer")
        found = (
            keys.end_sign_in(request.cookies.get(COOKIE, ""), answer) if isinstance(answer, dict) else None
        )
        name = found[1].actor.name if found else "unknown"
        who = Caller(person_id=0, name=name, role=None, via="passkey")
        self._doors.console.note(who, "signed in" if found else "not signed in", {}, now=True)
        if found is None:
            raise Refused(403, "this passkey lets nobody in here")
        return self._doors.give_session(_json({"then": "/"}), found[0])

    def _options(self, mark: str, options: str) -> Response:
        """An answer with options, and the cookie of the ceremony."""
        answer = _json(orjson.Fragment(options.encode()))
        answer.set_cookie(
            COOKIE, mark, max_age=int(VALID_S), path=PLACE, secure=self._doors.secure, httponly=True,
            samesite="strict",
        )  # fmt: skip
        return answer


def _json(content: Any) -> Response:  # noqa: ANN401  any JSON
    """An answer with JSON."""
    from starlette.responses import Response as Plain

    return Plain(orjson.dumps(content), media_type="application/json")
