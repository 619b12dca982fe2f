"""Parallel work in threads and processes."""

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

A = TypeVar("A")  # any type
B = TypeVar("B")  # any type
CORES = os.cpu_count() or 1  # number of processors of the machine


def on_all_cores(function: Callable[[A], B], work: Sequence[A]) -> Iterator[B]:
    """Results of `function` for each item of `work`, in order, computed in one thread a core.

    The first exception is raised again; items that have not started are cancelled.
    """
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
    """A pool of one process a core, for work that holds the global interpreter lock. It is created by the
    first call and kept until the program ends.
    """
    return ProcessPoolExecutor(CORES, get_context("forkserver"), initializer=end_with_parent)


def end_with_parent() -> None:
    """Make this process end within about two seconds of its parent's end, and ignore interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()

    def watch() -> None:
        """End the process once its parent is another process."""
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
