"""HTTP client for servers of peers. It limits the size of answers, follows no redirects, and sends a token
only over TLS or to this machine.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from stillwatch.errors import InputError, Problem, StillwatchError, Unreachable, UsageError
from stillwatch.foreign import visible
from stillwatch.share.serving import is_loopback

TIMEOUT_S = 120.0  # seconds to wait for a peer's answer
MOST_BYTES = 128 << 20
"""Most bytes of an answer; chosen: several times the largest page that is requested."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_given: Any) -> None:  # noqa: ANN401  as the library's
        """Follow no redirect, since a token is valid for one server only."""


_opener = urllib.request.build_opener(_NoRedirect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Body and headers (names in lower case) of a successful response."""

    body: bytes
    headers: dict[str, str]

    def json(self) -> Any:  # noqa: ANN401  foreign JSON
        """The body as JSON. Raises `InputError` for invalid JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise InputError(Problem(fact="the answer of the server is no JSON")) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerServer:
    """A peer's server: its URL and the token that the peer issued to us. Raises `UsageError` for a URL to
    which a token must not be sent.
    """

    url: str
    token: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raise `UsageError` for a URL to which a token must not be sent."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise UsageError(
                Problem(
                    fact="this is no address of a server", found=visible(self.url), expected="https://HOST/"
                )
            )
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise UsageError(
                Problem(
                    fact="a token is sent over TLS only",
                    found=visible(self.url),
                    expected="an address that begins with https://",
                    why="whoever reads the connection could use it",
                )
            )

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        basic: bool = False,
    ) -> Answer:
        """Send one request, with `body` as JSON (None: no body) and the token as Bearer, or as HTTP Basic
        where `basic` is set.

        `path` is appended to the server's URL, or is a whole URL. Raises `Unreachable` where the server does
        not answer, and `InputError` for an error status and for an answer that is too long.
        """
        import base64

        word = base64.b64encode(f"token:{self.token}".encode()).decode() if basic else self.token
        every = {
            "Authorization": f"{'Basic' if basic else 'Bearer'} {word}",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        url = path if path.startswith(("http://", "https://")) else self.url.rstrip("/") + path
        data = None if body is None else orjson.dumps(body)
        request = urllib.request.Request(url, data=data, headers=every, method=method)  # noqa: S310  http and https only
        try:
            with _opener.open(request, timeout=TIMEOUT_S) as response:
                content = response.read(MOST_BYTES + 1)
                names = {name.lower(): value for name, value in response.headers.items()}
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(url, error.code, error.read(1 << 16)) from None
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            why = type(getattr(error, "reason", error)).__name__
            raise Unreachable(
                Problem(fact="the server does not answer", where=visible(url), found=why)
            ) from None
        if len(content) > MOST_BYTES:
            raise InputError(
                Problem(
                    fact="the answer of the server is too long",
                    where=visible(url),
                    expected=f"{MOST_BYTES:,} bytes",
                )
            )
        return Answer(body=content, headers=names)


def _refused(url: str, code: int, content: bytes) -> StillwatchError:
    """The error for a response with an error status, with its title and description where it has them."""
    try:
        body = orjson.loads(content)
        why = visible(f"{body['title']}: {body.get('description', '')}".rstrip(": "), 200)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        why = ""
    return InputError(
        Problem(fact="the server refuses the request", where=visible(url), found=f"HTTP {code}", why=why)
    )


def read_token(path: Path) -> str:
    """The token in a file. Raises `InputError` where the file cannot be read or is empty."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            Problem(fact="the token cannot be read", where=str(path), found=type(error).__name__)
        ) from None
    if not token:
        raise InputError(Problem(fact="the file holds no token", where=str(path)))
    return token
