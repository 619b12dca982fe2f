"""Read files of unknown origin without running code from them and without network access."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")  # any type
CLONE_NEWNET = 0x40000000  # flag of Linux's `unshare` for a new network namespace
# Environment variables that keep the libraries from the network.
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
# Operations (audit events of Python) that are refused while a file of unknown origin is read.
REFUSED = (
    "socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.system", "os.exec",
        "os.posix_spawn",
    "pickle.find_class", "builtins.input",
)  # fmt: skip  # Python audit events that raise `RefusedOperation`

_inside = threading.local()


class RefusedOperation(RuntimeError):
    """An operation that is not allowed while files of unknown origin are read."""


def confined(work: Callable[[], T]) -> T:
    """Run `work`, which reads files of unknown origin, under restrictions, and return its result.

    It runs in a thread of its own. The Hugging Face libraries are set to offline mode; the thread enters an
    empty network namespace where the system allows that; Python's audit events of connections, other
    programs, unpickling and terminal input raise `RefusedOperation`. Compiled code is not restricted by audit
    events.
    """
    _watch()
    os.environ.update(OFFLINE)
    hub: Any = sys.modules.get("huggingface_hub.constants")
    if hub is not None:  # it read the environment when it was imported
        hub.HF_HUB_OFFLINE = True

    def run() -> T:
        """Leave the network, then do the work."""
        _inside.held = True
        _leave_the_network()
        try:
            return work()
        finally:
            _inside.held = False

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def _leave_the_network() -> None:
    """Put this thread into an empty network namespace; without the permission, nothing changes."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET)


def _watch() -> None:
    """Add the audit hook once; Python cannot remove one."""
    if not getattr(_watch, "added", False):
        sys.addaudithook(_refuse)
        _watch.added = True  # type: ignore[attr-defined]


def _refuse(
    event: str,
    _arguments: tuple[object, ...],
    refused: Collection[str] = REFUSED,  # bound here, since the module's names are gone when Python ends
    inside: threading.local = _inside,
) -> None:
    """Refuse an operation that Python announces, while a file of unknown origin is read in this thread."""
    if event in refused and getattr(inside, "held", False):
        raise RefusedOperation(f"`{event}` is refused while a stranger's files are read")
