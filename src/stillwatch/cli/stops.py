"""How a command is stopped from outside: by Ctrl-C, or by the system's wish that it ends.

The first signal raises `Stopped` where the program is, so that every block that is open is left in order. The
second ends the process at once; whatever it leaves is removed at the next start.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # names of the signals that stop a command
# What is printed when a signal stops a command.
WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "the terminal was closed"}
AGAIN_S = 0.01  # seconds until a signal is sent again whose exception Python dropped
BASE = 128  # a shell's exit code for a process that a signal ended is this and the signal's number


class Stopped(KeyboardInterrupt):
    """A signal arrived; handled wherever an interrupt is."""


class Stops:
    """The signals that arrived."""

    def __init__(self) -> None:
        self.first: signal.Signals | None = None

    @property
    def exit_code(self) -> int:
        """130 for an interrupt, 143 for SIGTERM."""
        return BASE + (self.first or signal.SIGINT)

    @property
    def message(self) -> str:
        """What is printed when the command stops."""
        word = WORDS.get(self.first.name if self.first else "SIGINT", "stopped")
        return f"{word}; run again to go on"

    def arrived(self, number: int, _frame: FrameType | None) -> None:
        """Note a signal. Raises `Stopped` for the first; the second ends the process."""
        if self.first is not None:
            os._exit(BASE + number)
        self.first = signal.Signals(number)
        raise Stopped

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take the signals while the block runs, other than those that this process was started to ignore.

        Once one has arrived, the handlers stay: the next ends the process, whatever the interpreter is
        waiting for.
        """
        before: dict[int, Any] = {}
        hook = sys.unraisablehook
        for name in SIGNALS:
            number = getattr(signal, name, None)
            if number is None or signal.getsignal(number) is signal.SIG_IGN:
                continue
            with suppress(ValueError):  # only a main thread can take signals
                before[number] = signal.signal(number, self.arrived)
        sys.unraisablehook = self._unraisable
        try:
            yield
        finally:
            sys.unraisablehook = hook
            if self.first is None:
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _unraisable(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Raise `Stopped` again where Python dropped it, as in a finaliser; nothing else that is dropped
        there concerns a user.
        """
        if isinstance(unraisable.exc_value, Stopped) and self.first is not None:
            number, self.first = self.first, None
            # Later, since what is raised within this very hook is dropped too.
            again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()


def ignore_signals() -> None:
    """Let signals pass; but one of which the first has arrived already still ends the process."""
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and not isinstance(getattr(signal.getsignal(number), "__self__", None), Stops):
            signal.signal(number, signal.SIG_IGN)
