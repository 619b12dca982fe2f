"""How does one function work on many things at once?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def on_all_cores(function: Callable[[A], B], work: Sequence[A]) -> Iterator[B]:
    """The function of each piece of work, in order; one that fails stops those that have not begun."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        waiting = [pool.submit(function, one) for one in work]
        try:
            for one in waiting:
                yield one.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
