"""How does one function work on many things at once?"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")
CORES = os.cpu_count() or 1


def on_all_cores(function: Callable[[A], B], work: Sequence[A]) -> Iterator[B]:
    """The function of each piece of work, in order; one that fails stops those that have not begun."""
    with ThreadPoolExecutor(CORES) as pool:
        waiting = [pool.submit(function, one) for one in work]
        try:
            for one in waiting:
                yield one.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@cache
def processes() -> ProcessPoolExecutor:
    """One process a core for work that holds Python's lock, started when first needed and kept until the
    program ends.
    """
    return ProcessPoolExecutor(CORES, get_context("forkserver"), initializer=end_with_parent)


def end_with_parent() -> None:
    """Make this process end when the one that started it does, killed or not, and leave interrupts to
    that one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
