"""Access to the servers for peers: tokens, and limits on the rate of requests."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from stillwatch.share.state import SharingState

if TYPE_CHECKING:
    from starlette.requests import Request

A_MINUTE = 60.0
"""Seconds over which requests are counted."""
REQUESTS_A_MINUTE = 120
"""Most requests per minute of one peer, and of all callers without a token together. Chosen: a client that
reads page by page stays far below.
"""


class Refused(Exception):
    """A request that is refused: the HTTP status, a title and a detail, and the seconds for `Retry-After` or
    None.
    """

    def __init__(self, status: int, title: str, detail: str = "", retry_after: int | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.retry_after = status, title, detail, retry_after


class Door:
    """Authenticates peers by their tokens and limits their requests."""

    def __init__(
        self, state: SharingState, limit: int = REQUESTS_A_MINUTE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._state, self._limit, self._clock = state, limit, clock
        self._asked: dict[str, deque[float]] = defaultdict(deque)

    def peer(self, request: Request) -> str:
        """The name of the peer whose token the request carries. Raises `Refused`: 401 without a valid token,
        429 for too many requests.
        """
        kind, _space, word = request.headers.get("authorization", "").partition(" ")
        name = self._state.peer_of(_token(kind, word.strip())) if word else None
        self._count(name or "")
        if name is None:
            raise Refused(
                401, "no valid token", "Authorization: Bearer TOKEN, or Basic with the token as password"
            )
        return name

    def _count(self, name: str) -> None:
        """Count a request of this peer (empty: no valid token). Raises `Refused` (429) beyond the limit."""
        recent, moment = self._asked[name], self._clock()
        while recent and recent[0] <= moment - A_MINUTE:
            recent.popleft()
        if len(recent) >= self._limit:
            wait = int(recent[0] + A_MINUTE - moment) + 1
            raise Refused(429, "too many requests", f"at most {self._limit} a minute", wait)
        recent.append(moment)


async def body_of(request: Request, most: int) -> bytes:
    """The body of a request. Raises `Refused` (413) once it exceeds `most` bytes."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise Refused(413, "the request is too large", f"at most {most:,} bytes")
    return bytes(content)


def _token(kind: str, word: str) -> str:
    """The token in an `Authorization` header: the Bearer value, or the password of HTTP Basic, which TAXII
    clients use; empty for invalid base64.
    """
    import base64
    import binascii

    if kind.lower() != "basic":
        return word
    try:
        return base64.b64decode(word, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
