"""The console as an ASGI application: its API, its pages, ways in, and metrics."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
from pydantic import ValidationError

from stillwatch.console import gates, pages
from stillwatch.console.console import Console
from stillwatch.console.metrics import Times, exposed
from stillwatch.console.oidc import IdentityProvider
from stillwatch.console.openapi import PREFIX, document
from stillwatch.console.operation import Given, Operation, call, operations
from stillwatch.console.passkey_handlers import PLACE, PasskeyHandlers
from stillwatch.console.passkeys import Passkeys, RelyingParty
from stillwatch.console.people import LONGEST_S, Session, digest_of, totp_address, totp_secret
from stillwatch.console.roles import CUSTOMER, Caller
from stillwatch.errors import StillwatchError
from stillwatch.share.access import Refused, body_of

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

MAX_BODY = 1 << 20  # bytes of a request: chosen
MAX_APPEAL = 16 << 20  # bytes of an appeal with its files in base 64
REQUESTS, REQUESTS_S = 600, 60.0  # requests of one person, token or address, and the seconds for them: chosen
TRIES, TRIES_S = 8, 300.0  # attempts to sign in for a name and for an address, and the seconds: chosen
APPEAL_TRIES, APPEAL_S = 30, 600.0  # requests to appeal pages of one address, and the seconds: chosen
MAX_DIGITS = 19  # digits from which a number of a path need not fit into 64 bits
ONCE = ("new_token", "invite", "add_person", "add_webhook")
"""Operations whose answer holds a secret that is shown once."""
# Files that are served as they are, with their media types.
STATIC = {
    "base.css": "text/css",
    "console.css": "text/css",
    "console.js": "text/javascript",
    "graph.js": "text/javascript",
    "passkeys.js": "text/javascript",
}


class Handlers:
    """Handlers of requests over one console. `secure` says whether browsers reach it over TLS; `limits` are
    the numbers of requests, of attempts to sign in, and of requests to appeals.
    """

    def __init__(
        self,
        console: Console,
        *,
        secure: bool = False,
        provider: IdentityProvider | None = None,
        limits: tuple[int, int, int] = (REQUESTS, TRIES, APPEAL_TRIES),
    ) -> None:
        self.console, self.secure, self.provider = console, secure, provider
        self.cookie = "__Host-stillwatch" if secure else "stillwatch"
        self.requests = gates.Rate(limits[0], REQUESTS_S)
        self.tries = gates.Rate(limits[1], TRIES_S)
        self.appeals = gates.Rate(limits[2], APPEAL_S)
        self.times = Times()
        self.demo_key = ""
        self.passkeys: Passkeys | None = None

    def take_passkeys(self, site: RelyingParty | None) -> None:
        """Offer passkeys of a site from now on; None for none."""
        self.passkeys = Passkeys(self.console.database, self.console.people, site) if site else None

    # ------------------------------------------------------------------------------------------- who asks

    def session_of(self, request: Request) -> Session | None:
        """The session of a request's cookie."""
        return self.console.people.session(request.cookies.get(self.cookie, ""))

    def actor_of(self, request: Request) -> tuple[Caller, Session | None]:
        """Who sends a request to the API. Raises `Refused` (401, 403)."""
        kind, _space, word = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            actor = self.console.people.of_token(word.strip())
            if actor is None:
                raise Refused(401, "this token is not valid")
            return actor, None
        session = self.session_of(request)
        if session is None:
            raise Refused(401, "no valid token", "Authorization: Bearer TOKEN")
        if request.method != "GET":
            gates.check_form(request, session.csrf, {})
        return session.actor, session

    def _limited(self, request: Request, one: Operation) -> Caller:
        """Who asks for an operation, counted. Raises `Refused`."""
        if one.needs is None:
            self.appeals.take(gates.address_of(request))
            return CUSTOMER
        try:
            actor, _session = self.actor_of(request)
        except Refused:
            self.requests.take(f"address {gates.address_of(request)}")
            raise
        self.requests.take(f"{actor.via} {actor.person_id}")
        return actor

    # ------------------------------------------------------------------------------------------- the API

    async def api(self, request: Request, one: Operation) -> Response:
        """Answer one request to the API."""
        from starlette.concurrency import run_in_threadpool

        body = b""
        if one.writes:
            body = await body_of(request, MAX_APPEAL if one.name == "submit_appeal" else MAX_BODY)

        def answer() -> Response:
            """The operation's answer as JSON. Raises `Refused` for an argument that stands in path and
            body.
            """
            actor = self._limited(request, one)
            path = dict(request.path_params)
            if not one.writes:
                given = validated(one, path | dict(request.query_params))
            else:
                given = _of_call(one, path, _of_body(body))
            return _json(call(self.console, actor, one.name, given))

        return await run_in_threadpool(answer)

    async def openapi(self, _request: Request) -> Response:
        """The API's document."""
        return _json(document())

    async def metrics(self, request: Request) -> Response:
        """The console's metrics, for who has a token or a session."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response as Plain

        def answer() -> Response:
            """The metrics as text, for a caller with a token or a session."""
            self.actor_of(request)
            content, media = exposed(self.console, self.times)
            return Plain(content, media_type=media)

        return await run_in_threadpool(answer)

    # ----------------------------------------------------------------------------------------- the pages

    async def page(self, request: Request, shown: pages.Page) -> Response:
        """Answer one request for a page; without a session, with the page to sign in."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import RedirectResponse

        def answer() -> Response:
            """The page, or a redirect to the page to sign in."""
            session = self.session_of(request)
            if session is None:
                self.requests.take(f"address {gates.address_of(request)}")
                then = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return RedirectResponse(f"/sign-in?{urlencode({'then': then})}", 303)
            self.requests.take(f"session {session.actor.person_id}")
            return self.rendered(request, session, shown.template, shown.made)

        return await run_in_threadpool(answer)

    def rendered(
        self,
        request: Request,
        session: Session | None,
        template: str,
        made: pages.MakePage | Mapping[str, Any],
        status: int = 200,
    ) -> Response:
        """A page, with what every page shows."""
        from starlette.responses import HTMLResponse

        page_request = pages.PageRequest(
            console=self.console,
            session=session,
            path=request.path_params,
            query=dict(request.query_params),
        )
        values = made if isinstance(made, Mapping) else made(page_request)
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        site = self.passkeys.site if self.passkeys else None
        doors = {
            "oidc": self.provider is not None,
            "passkeys": site is not None and request.headers.get("host", "") == site.host,
        }
        return HTMLResponse(pages.html(template, page_request, {**values, **doors, "here": here}), status)

    async def act(self, request: Request) -> Response:
        """Carry out the operation of a form, and go back to the page that it stood on."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import RedirectResponse

        name = request.path_params["name"]
        one = operations().get(name)
        if one is None or not one.writes or one.needs is None:
            raise Refused(404, "no such form")
        form = _form(await body_of(request, MAX_BODY))

        def answer() -> Response:
            """Call the operation with the form's values, and redirect to the page on which the form stood."""
            session = self.session_of(request)
            if session is None:
                return RedirectResponse("/sign-in", 303)
            self.requests.take(f"session {session.actor.person_id}")
            flat = {key: values[-1] for key, values in form.items()}
            gates.check_form(request, session.csrf, flat)
            result = call(self.console, session.actor, name, validated(one, pages.arguments(one, form)))
            if name in ONCE:
                return self.rendered(request, session, "once.html.j2", {"told": result, "what": name})
            then = _local(flat.get("then", "/"))
            mark = result.get("status") if result.get("status") == "asked" else name
            mixed = f"{then}{'&' if '?' in then else '?'}done={mark}"
            return RedirectResponse(mixed, 303)

        return await run_in_threadpool(answer)

    # ----------------------------------------------------------------------------------------- ways in

    async def sign_in(self, request: Request) -> Response:
        """The page to sign in, and what it sends."""
        from starlette.concurrency import run_in_threadpool

        form = _form(await body_of(request, MAX_BODY)) if request.method == "POST" else {}

        def answer() -> Response:
            """The page to sign in on GET; on POST check name, password and code, and begin a session."""
            then = _local((form.get("then") or [request.query_params.get("then", "/")])[-1])
            values = {"then": then, "fault": ""}
            if request.method == "GET":
                return self.rendered(request, None, "sign_in.html.j2", values)
            gates.check_origin(request)
            name, password, code = ((form.get(key) or [""])[-1][:400] for key in ("name", "password", "code"))
            self.tries.take(f"address {gates.address_of(request)}")
            self.tries.take(f"name {digest_of(name)}")
            found = self.console.people.sign_in(name, password, code)
            actor = Caller(person_id=0, name=name[:80] if found else "unknown", role=None, via="sign-in")
            self.console.note(actor, "signed in" if found else "not signed in", {}, now=True)
            if found is None:
                values["fault"] = "Name, password and code do not belong together."
                return self.rendered(request, None, "sign_in.html.j2", values, 403)
            return self._begin(found[0], then)

        return await run_in_threadpool(answer)

    def _begin(self, token: str, then: str) -> Response:
        """A redirect that gives a session's cookie to the browser."""
        from starlette.responses import RedirectResponse

        return self.give_session(RedirectResponse(then, 303), token)

    def give_session(self, answer: Response, token: str) -> Response:
        """The answer, with the cookie of a session."""
        answer.set_cookie(
            self.cookie,
            token,
            max_age=int(LONGEST_S),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import RedirectResponse

        form = _form(await body_of(request, MAX_BODY))

        def answer() -> Response:
            """End the session and its cookie, and redirect to the page to sign in."""
            session = self.session_of(request)
            if session is not None:
                gates.check_form(request, session.csrf, {key: v[-1] for key, v in form.items()})
                self.console.people.sign_out(session.digest)
                self.console.note(session.actor, "signed out", {}, now=True)
            gone = RedirectResponse("/sign-in", 303)
            gone.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True)
            return gone

        return await run_in_threadpool(answer)

    async def set_up(self, request: Request) -> Response:
        """The page where a person sets password and second factor, and what it sends."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import RedirectResponse

        form = _form(await body_of(request, MAX_BODY)) if request.method == "POST" else {}

        def answer() -> Response:
            """The page of an invitation on GET; on POST store the password and the second factor."""
            self.tries.take(f"address {gates.address_of(request)}")
            secret = request.path_params["secret"]
            person = self.console.people.invited(secret)
            if person is None:
                raise Refused(404, "this link is not valid any more", "ask for a new one")
            values: dict[str, Any] = {"fault": "", "name": person["name"]}
            totp = (form.get("totp") or [""])[-1][:64] or totp_secret()
            if request.method == "POST":
                gates.check_origin(request)
                password, again, code = (
                    (form.get(key) or [""])[-1][:400] for key in ("password", "again", "code")
                )
                values["fault"] = (
                    "the two passwords differ"
                    if password != again
                    else self.console.people.set_up(secret, password, totp, code)
                )
                if not values["fault"]:
                    who = Caller(person_id=0, name=person["name"], role=None, via="set-up")
                    self.console.note(who, "set up", {"operation": "set_password"}, now=True)
                    return RedirectResponse("/sign-in", 303)
            values |= {"secret": secret, "totp": totp, "address": totp_address(person["name"], totp)}
            return self.rendered(request, None, "set_up.html.j2", values, 422 if values["fault"] else 200)

        return await run_in_threadpool(answer)

    async def demo(self, request: Request) -> Response:
        """Sign in to the demo by the link that the command printed."""
        from starlette.concurrency import run_in_threadpool

        def answer() -> Response:
            """Begin a session of the demo's person. Raises `Refused` where the key is not that of the
            link.
            """
            self.tries.take(f"address {gates.address_of(request)}")
            given = request.path_params["key"]
            if not self.demo_key or not secrets.compare_digest(given.encode(), self.demo_key.encode()):
                raise Refused(404, "this link is not valid")
            found = self.console.people.of_subject(pages.DEMO)
            if found is None:
                raise Refused(404, "this link is not valid")
            return self._begin(found[0], "/?tour=1")

        return await run_in_threadpool(answer)

    async def oidc_begin(self, request: Request) -> Response:
        """Send the browser to the identity provider."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import RedirectResponse

        def answer() -> Response:
            """Redirect to the provider, with a cookie that ties the answer to this browser."""
            self.tries.take(f"address {gates.address_of(request)}")
            assert self.provider is not None
            address, mark = self.provider.begin()
            gone = RedirectResponse(address, 303)
            gone.set_cookie(
                "stillwatch-oidc", mark, max_age=600, path="/oidc", secure=self.secure, httponly=True,
                samesite="lax",
            )  # fmt: skip
            return gone

        return await run_in_threadpool(answer)

    async def oidc_back(self, request: Request) -> Response:
        """Take the browser back from the identity provider."""
        from starlette.concurrency import run_in_threadpool

        def answer() -> Response:
            """Begin a session for the person whom the provider names, binding a known name at the first
            visit.
            """
            self.tries.take(f"address {gates.address_of(request)}")
            assert self.provider is not None
            mark = request.cookies.get("stillwatch-oidc", "")
            subject, names = self.provider.end(mark, str(request.url.query))
            found = self.console.people.of_subject(subject)
            if found is None and any(self.console.people.bind(name, subject) for name in names):
                found = self.console.people.of_subject(subject)
            actor = Caller(
                person_id=0, name=found[1].actor.name if found else "unknown", role=None, via="oidc"
            )
            self.console.note(actor, "signed in" if found else "not signed in", {}, now=True)
            if found is None:
                raise Refused(403, "nobody here belongs to this identity", "ask an administrator to add you")
            # A page of its own: after a redirect from another site a browser would hold a strict cookie back.
            return self.give_session(self.rendered(request, None, "arrived.html.j2", {}), found[0])

        return await run_in_threadpool(answer)

    # ----------------------------------------------------------------------------------------- appeals

    async def appeal(self, request: Request) -> Response:
        """The customer's page of an appeal, and what it sends."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import RedirectResponse

        token = request.path_params["token"]
        given: dict[str, Any] = {"token": token}
        if request.method == "POST":
            length = request.headers.get("content-length", "")
            if not length.isdigit() or int(length) > MAX_APPEAL:
                raise Refused(413, "the files are too large")
            async with request.form(max_files=8, max_fields=8, max_part_size=1 << 16) as form:
                given |= await _appeal(form)

        def answer() -> Response:
            """The appeal's page on GET; on POST store what the customer sent."""
            self.appeals.take(gates.address_of(request))
            one = operations()["appeal_status" if request.method == "GET" else "submit_appeal"]
            if request.method == "POST":
                gates.check_origin(request)
            result = call(self.console, CUSTOMER, one.name, validated(one, given))
            if request.method == "POST":
                return RedirectResponse(f"/appeal/{token}", 303)
            return self.rendered(request, None, "appeal.html.j2", result)

        return await run_in_threadpool(answer)

    async def file(self, request: Request) -> Response:
        """A file of an appeal, as a download that a browser does not open."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response as Plain

        def answer() -> Response:
            """The file as an attachment, for a caller with a session."""
            session = self.session_of(request)
            if session is None:
                raise Refused(401, "no valid session")
            one = operations()["appeal_file"]
            held = call(self.console, session.actor, one.name, validated(one, dict(request.path_params)))
            name = held["name"].encode("ascii", "replace").decode().replace('"', "_")
            return Plain(
                base64.b64decode(held["content"]),
                media_type="application/octet-stream",
                headers={
                    "Content-Disposition": f'attachment; filename="{name}"',
                    "Content-Security-Policy": "default-src 'none'; sandbox",
                },
            )

        return await run_in_threadpool(answer)

    async def static(self, request: Request) -> Response:
        """A style or script of the pages."""
        from starlette.responses import Response as Plain

        name = request.path_params["name"]
        if name not in STATIC:
            raise Refused(404, "no such file")
        return Plain(
            pages.static(name),
            media_type=STATIC[name],
            headers={"Cache-Control": "private, max-age=86400"},
        )

    def failed(self, request: Request, status: int, title: str, detail: str, wait: int | None) -> Response:
        """An error, as JSON for the API and as a page for people."""
        headers = {} if wait is None else {"Retry-After": str(wait)}
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="stillwatch"'
        if request.url.path.startswith(("/api/", f"{PLACE}/")) or request.url.path == "/metrics":
            answer = _json({"title": title, "detail": detail}, status)
        else:
            session = None if status == HTTPStatus.TOO_MANY_REQUESTS else self.session_of(request)
            values = {"status": status, "title": title, "detail": detail}
            answer = self.rendered(request, session, "fault.html.j2", values, status)
        answer.headers.update(headers)
        return answer


def build(app: Handlers) -> ASGIApp:
    """The ASGI application."""
    from sqlalchemy.exc import SQLAlchemyError
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    def timed(path: str, handler: Callable[[Request], Awaitable[Response]]) -> Callable[..., Any]:
        """The handler, which also notes how long each request took."""

        async def endpoint(request: Request) -> Response:
            """Answer a request, and note its duration under the route's path."""
            began = time.perf_counter()
            try:
                return await handler(request)
            finally:
                app.times.note(path, time.perf_counter() - began)

        return endpoint

    def route(path: str, handler: Callable[[Request], Awaitable[Response]], *methods: str) -> Route:
        """A timed route; GET where no method is named."""
        return Route(path, timed(path, handler), methods=list(methods or ("GET",)))

    routes = [
        route("/api/v1/openapi.json", app.openapi),
        route("/metrics", app.metrics),
        route("/static/{name}", app.static),
        route("/sign-in", app.sign_in, "GET", "POST"),
        route("/sign-out", app.sign_out, "POST"),
        route("/set-up/{secret}", app.set_up, "GET", "POST"),
        route("/demo/{key}", app.demo),
        route("/do/{name}", app.act, "POST"),
        route("/appeal/{token}", app.appeal, "GET", "POST"),
        route("/appeals/{appeal}/files/{file}", app.file),
    ]
    keys = PasskeyHandlers(app)
    routes += [
        route(f"{PLACE}/begin", keys.begin, "POST"),
        route(f"{PLACE}/end", keys.end, "POST"),
        route(f"{PLACE}/begin-sign-in", keys.begin_sign_in, "POST"),
        route(f"{PLACE}/end-sign-in", keys.end_sign_in, "POST"),
    ]
    if app.provider is not None:
        routes += [route("/oidc/begin", app.oidc_begin), route("/oidc/back", app.oidc_back)]
    for path, shown in pages.PAGES.items():
        routes.append(route(path, _page(app, shown)))
    for one in operations().values():
        routes.append(route(PREFIX + one.path, _api(app, one), one.method))

    async def refused(request: Request, why: Exception) -> Response:
        """The answer to a refused request, with its status and reason."""
        assert isinstance(why, Refused)
        return app.failed(request, why.status, why.title, why.detail, why.retry_after)

    async def unknown(request: Request, why: Exception) -> Response:
        """The answer where no route or method fits."""
        assert isinstance(why, HTTPException)
        title = "nothing is here" if why.status_code == HTTPStatus.NOT_FOUND else "this cannot be done here"
        return app.failed(request, why.status_code, title, "", None)

    async def broken(request: Request, why: Exception) -> Response:
        """The answer, with status 503, where the database or the state cannot be used."""
        fact = why.problems[0].fact if isinstance(why, StillwatchError) else "the database cannot be used"
        return app.failed(request, HTTPStatus.SERVICE_UNAVAILABLE, fact, "", None)

    async def unforeseen(request: Request, _why: Exception) -> Response:
        """The answer, with status 500, to an error that nothing foresaw; its text is not shown."""
        return app.failed(request, HTTPStatus.INTERNAL_SERVER_ERROR, "the program has a fault", "", None)

    made: Starlette = Starlette(
        routes=routes,
        exception_handlers={
            Refused: refused,
            HTTPException: unknown,
            StillwatchError: broken,
            SQLAlchemyError: broken,
            Exception: unforeseen,
        },
    )
    made.router.redirect_slashes = False
    return gates.SecurityHeaders(made, is_secure=app.secure)


def _page(app: Handlers, shown: pages.Page) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a page."""

    async def handler(request: Request) -> Response:
        """Answer with the page."""
        return await app.page(request, shown)

    return handler


def _api(app: Handlers, one: Operation) -> Callable[[Request], Awaitable[Response]]:
    """The handler of an operation of the API."""

    async def handler(request: Request) -> Response:
        """Answer with the operation's result."""
        return await app.api(request, one)

    return handler


def _of_call(one: Operation, path: Mapping[str, str], body: Mapping[str, Any]) -> Given:
    """Arguments of an operation from the path and the JSON body of a call; in a body, a text is no number and
    `true` is none either. Raises `Refused` (422).
    """
    if set(path) & set(body):
        raise Refused(422, "an argument of the path stands in the body too")
    numbers = {
        name: int(text) if text.isascii() and text.isdigit() and len(text) < MAX_DIGITS else text
        for name, text in path.items()
    }
    return validated(one, {**body, **numbers}, is_json=True)


def validated(one: Operation, given: Mapping[str, Any], *, is_json: bool = False) -> Given:
    """Arguments of an operation, taken from texts or, with `is_json`, from values whose types are kept.
    Raises `Refused` (422) with each fault; what was given is not repeated.
    """
    try:
        if is_json:
            return one.model.model_validate_json(orjson.dumps(dict(given)), strict=True)
        return one.model.model_validate(dict(given))
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc']))[:60]}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False, include_context=False)[:10]
        ]
        raise Refused(422, "an argument is not as it has to be", "; ".join(faults)) from None


def _of_body(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises `Refused` (422) for anything else."""
    try:
        held = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise Refused(422, "the body is no JSON") from None
    if not isinstance(held, dict):
        raise Refused(422, "the body is no JSON object")
    return held


def _form(body: bytes) -> dict[str, list[str]]:
    """The fields of a form."""
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=30_000)
    except ValueError:
        raise Refused(422, "the form cannot be read") from None


async def _appeal(form: FormData) -> dict[str, Any]:
    """Statement and files of an appeal's form, as its operation takes them."""
    from starlette.datastructures import UploadFile

    from stillwatch.console.operations.appeals import MAX_FILE

    files = []
    for one in form.getlist("files"):
        if isinstance(one, UploadFile) and one.filename:
            content = await one.read(MAX_FILE + 1)
            if len(content) > MAX_FILE:
                raise Refused(413, "a file is too large", f"at most {MAX_FILE:,} bytes")
            files.append({"name": one.filename[:120], "content": base64.b64encode(content).decode()})
    return {"statement": str(form.get("statement") or ""), "files": files}


def _local(path: str) -> str:
    """A path of this console to go back to; `/` for anything else."""
    parts = urlsplit(path)
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_local and not parts.scheme and not parts.netloc and "\\" not in path else "/"


def _json(content: Any, status: int = 200) -> Response:  # noqa: ANN401  any JSON
    """An answer with JSON."""
    from starlette.responses import Response as Plain

    return Plain(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS), status, media_type="application/json")
