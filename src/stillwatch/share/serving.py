"""Serves an ASGI application on a port until it is stopped."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stillwatch.errors import EngineError, Problem, UsageError

if TYPE_CHECKING:
    from starlette.applications import Starlette


CONNECTIONS = 64  # most open connections of a server for peers: chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where an application listens; with certificate and key (PEM files), over TLS. Port 0 means any free
    port.

    Raises `UsageError` where only one of certificate and key is given, and for an address other than loopback
    without TLS.
    """

    host: str = "127.0.0.1"
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise UsageError(
                Problem(fact="`--tls-cert` and `--tls-key` belong together", expected="both, or neither")
            )
        if self.certificate is None and not is_loopback(self.host):
            raise UsageError(
                Problem(
                    fact="tokens would cross the network unencrypted",
                    found=f"--host {self.host}",
                    expected="--tls-cert and --tls-key",
                    why="behind a proxy that ends TLS, listen on 127.0.0.1",
                )
            )


def serve(
    app: Starlette, address: Address, ready: Callable[[str], None], connections: int = CONNECTIONS
) -> None:
    """Serve until SIGINT or SIGTERM. `ready` is called with the URL once connections are accepted. Beyond so
    many `connections`, requests are answered 503. Raises `EngineError` where the address cannot be used.
    """
    import socket

    import uvicorn

    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    place = socket.socket(family, socket.SOCK_STREAM)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((address.host, address.port))
    except OSError as error:
        place.close()
        raise EngineError(
            Problem(
                fact="the address cannot be used",
                where=f"{address.host}:{address.port}",
                found=error.strerror or "",
                fix="--port 0",
            )
        ) from None
    scheme = "http" if address.certificate is None else "https"
    host = f"[{address.host}]" if family == socket.AF_INET6 else address.host
    url = f"{scheme}://{host}:{place.getsockname()[1]}/"

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            """Start, and report the URL once connections are accepted."""
            await super().startup(sockets)
            if self.started:
                ready(url)

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_keep_alive=15,
        limit_concurrency=connections,
        ssl_certfile=None if address.certificate is None else str(address.certificate),
        ssl_keyfile=None if address.key is None else str(address.key),
    )
    with place:
        Server(config).run(sockets=[place])


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
