"""Runs the guard as a process: socket, threads and shutdown."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from stillwatch.guard.app import Guard
from stillwatch.guard.audit import Audit
from stillwatch.guard.core import Core
from stillwatch.guard.listening import CONNECTIONS, END_S, cannot_listen
from stillwatch.guard.newcomers import Matcher
from stillwatch.guard.reload import GuardPaths, Reloader, first, without_collections
from stillwatch.policy.rules import Mode

IDLE_S = 30  # seconds after which an idle connection is closed
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # signals that end the service
BACKLOG = 2048  # most connections that wait to be accepted


def state_beside(results: Path) -> Path:
    """The default state folder: beside the results, since a scan replaces the results folder."""
    return results.resolve().parent / f"{results.resolve().name}.guard"


@contextmanager
def opened(places: GuardPaths, mode: Mode, matcher: Matcher | None = None) -> Iterator[Guard]:
    """Context manager: a guard that reloads its files while the block runs.

    Raises `StillwatchError` where neither the present files nor the last good ones can be used.
    """
    places.state.mkdir(parents=True, exist_ok=True)
    with without_collections():
        snapshot = first(places)
    audit = Audit(places.state)
    core = Core(snapshot, mode, audit, matcher)
    reloader = Reloader(core, places)
    reloader.look()
    reloader.start()
    try:
        yield Guard(core, reloader)
    finally:
        reloader.close()
        audit.close()
        gc.unfreeze()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `StateError` where the address cannot be used."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise cannot_listen(host, port, error.strerror or type(error).__name__) from error


def serve(guard: Guard, on: socket.socket) -> None:
    """Serve until the process receives one of `SIGNALS`; a second signal ends it at once."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Shut down in order on a signal, then raise it again for the handlers that were installed
            before, by which the command line exits.
            """
            came: list[int] = []

            def note(number: int, _frame: FrameType | None) -> None:
                """Record a signal and ask the server to stop, at a second signal at once."""
                came.append(number)
                self.should_exit = True
                self.force_exit = len(came) > 1

            before = {number: signal.signal(number, note) for number in SIGNALS}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)
            for one in came[:1]:
                signal.raise_signal(one)

    settings = uvicorn.Config(
        guard,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_S,
        ws="none",
        timeout_graceful_shutdown=END_S,
    )
    Server(settings).run([on])
