"""Who asks a server of ours, and how often: tokens, limits on requests, and their log."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from stillwatch.share.state import State

if TYPE_CHECKING:
    from starlette.requests import Request

A_MINUTE = 60.0
REQUESTS_A_MINUTE = 120
"""Requests of one peer, and of all who have no token together. Chosen: a client that reads page by page
stays far below.
"""


class Refused(Exception):
    """A request that is not answered: HTTP status, what is said, and the seconds after which one may ask
    again.
    """

    def __init__(self, status: int, title: str, detail: str = "", retry_after: int | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.retry_after = status, title, detail, retry_after


class Door:
    """Lets peers in by their tokens and counts their requests."""

    def __init__(
        self, state: State, limit: int = REQUESTS_A_MINUTE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._state, self._limit, self._clock = state, limit, clock
        self._asked: dict[str, deque[float]] = defaultdict(deque)

    def peer(self, request: Request) -> str:
        """Whose token the request carries. Raises `Refused`: 401 without a valid token, 429 for too many
        requests.
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
        asked, moment = self._asked[name], self._clock()
        while asked and asked[0] <= moment - A_MINUTE:
            asked.popleft()
        if len(asked) >= self._limit:
            wait = int(asked[0] + A_MINUTE - moment) + 1
            raise Refused(429, "too many requests", f"at most {self._limit} a minute", wait)
        asked.append(moment)


async def body_of(request: Request, most: int) -> bytes:
    """The body of a request. Raises `Refused` (413) as soon as it has more than `most` bytes."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise Refused(413, "the request is too large", f"at most {most:,} bytes")
    return bytes(content)


def _token(kind: str, word: str) -> str:
    """The token of a header: as it is (Bearer), or the password of HTTP Basic, which TAXII clients send."""
    import base64
    import binascii

    if kind.lower() != "basic":
        return word
    try:
        return base64.b64decode(word, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
