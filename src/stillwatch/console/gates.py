"""What every request passes: security headers, a limit on the rate, and the check of forms."""

from __future__ import annotations

import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from stillwatch.share.access import Refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The pages' content security policy: only files of the console itself, nothing inline, in no frame."""
# Security headers of every answer.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with none, a browser names no origin for forms either
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex",
}
NO_STORE = "no-store"  # value of `Cache-Control` of answers that no cache may keep
STRICT = "max-age=31536000"
"""`Strict-Transport-Security`, sent where the console is reached over TLS."""


class SecurityHeaders:
    """Adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, *, is_secure: bool) -> None:
        self._app = app
        given = HEADERS | ({"Strict-Transport-Security": STRICT} if is_secure else {})
        self._headers = [(name.lower().encode(), value.encode()) for name, value in given.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def sent(message: MutableMapping[str, Any]) -> None:
            """Send a message, with the protective headers that the response does not set itself."""
            if message["type"] == "http.response.start":
                own = message.get("headers", [])
                names = {name for name, _value in own}
                own += [(name, value) for name, value in self._headers if name not in names]
                if b"cache-control" not in names:
                    own.append((b"cache-control", NO_STORE.encode()))
                message["headers"] = own
            await send(message)

        await self._app(scope, receive, sent)


class Rate:
    """A limit on requests by key: at most `most` within `seconds`, refilled evenly (token bucket)."""

    def __init__(
        self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic, keys: int = 10_000
    ) -> None:
        self._most, self._per_second, self._clock, self._keys = most, most / seconds, clock, keys
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Count a request. Raises `Refused` (429) beyond the limit."""
        now = self._clock()
        with self._lock:
            left, at = self._held.pop(key, (float(self._most), now))
            left = min(float(self._most), left + (now - at) * self._per_second)
            self._held[key] = (left - 1 if left >= 1 else left, now)
            while len(self._held) > self._keys:
                self._held.popitem(last=False)
        if left < 1:
            wait = int((1 - left) / self._per_second) + 1
            raise Refused(429, "too many requests", f"again in {wait} s", wait)


def address_of(request: Request) -> str:
    """The address that a request came from, by which requests without a session are counted."""
    return request.client.host if request.client else "unknown"


def check_form(request: Request, csrf: str, form: Mapping[str, Any]) -> None:
    """Raise `Refused` (403) where a form does not come from a page of this session."""
    given = str(form.get("csrf") or request.headers.get("x-csrf-token") or "")
    if not hmac.compare_digest(given.encode(), csrf.encode()):
        raise Refused(403, "this form is out of date", "go back, load the page again, and repeat it")
    check_origin(request)


def check_origin(request: Request) -> None:
    """Raise `Refused` (403) where a browser says that a request comes from another site."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    if site not in ("same-origin", "none") or (origin is not None and origin.partition("://")[2] != host):
        raise Refused(403, "this request comes from another site")
