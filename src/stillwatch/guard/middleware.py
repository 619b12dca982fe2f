"""The guard as middleware of an ASGI application (Starlette, FastAPI and others), without its own process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stillwatch.guard import bodies
from stillwatch.guard.adapters import passes
from stillwatch.guard.asgi import App, Receive, Scope, Send
from stillwatch.guard.core import Core
from stillwatch.guard.requests import MalformedRequest, checked


class GuardMiddleware:
    """Passes every HTTP request to a core and answers those that it refuses.

    `identify` maps the ASGI scope of an authenticated request to columns of the contract; None means that the
    request has no account. Requests without a valid account are passed on. An exception of `identify` is
    counted in the core's `errors`, and the request is passed on.

    Example:
        >>> def identify(scope):
        ...     return {"account_id": scope["user"], "route": scope["path"]}
        >>> app = GuardMiddleware(app, core, identify)  # doctest: +SKIP
    """

    def __init__(self, app: App, core: Core, identify: Callable[[Scope], Mapping[str, Any] | None]) -> None:
        self.app, self.core, self._identify = app, core, identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            identified = self._identify(scope)
            request = None if identified is None else checked(identified)
        except MalformedRequest:
            request = None
        except Exception as error:  # noqa: BLE001  the application is served whatever an addition to it does
            self.core.errors[type(error).__name__] += 1
            request = None
        if request is None:
            await self.app(scope, receive, send)
            return
        decision = self.core.decide(request)
        if not decision.refuses:
            await self.app({**scope, "headers": [*scope["headers"], *passes(decision)]}, receive, send)
            return
        content = bodies.body(decision, self.core.snapshot.policy)
        headers = [*bodies.headers(decision), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": decision.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})
