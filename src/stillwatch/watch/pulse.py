"""Whether work that takes long goes on or has come to a stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

SILENCE_S = 60.0  # without a sign of life before a watch counts as stalled
WORKING = 0.05  # processor seconds a second above which a stage is at work
MAX_STAGE_S = 3600.0  # of processor work without progress; a first judgement has nothing to compare it with
TIMES_LAST = 10  # as many times the longest judgement so far are allowed, where that is more


class Pulse:
    """Signs of life of a watch: steps that end, progress inside stages, and processor time that is used
    meanwhile.

    A stage that waits for ever uses none, and one that loops for ever makes no progress: either is stalled in
    the end.
    """

    def __init__(self) -> None:
        self._works = False
        self.longest_s = 0.0
        self.beat()

    def beat(self, *_stage: object) -> None:
        """A step ended, or a stage has got on; takes and ignores what a progress callback is given."""
        self._progress = self._alive = time.monotonic()
        self._seen = (time.monotonic(), time.process_time())

    @contextmanager
    def working(self) -> Iterator[None]:
        """A stage that may take long; while it runs, the processor's time counts as a sign of life."""
        self.beat()
        began, self._works = time.monotonic(), True
        try:
            yield
        finally:
            self._works = False
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            self.beat()

    def healthy(self) -> bool:
        """Whether there was a sign of life lately."""
        now, used = time.monotonic(), time.process_time()
        if self._works:
            then, before = self._seen
            if now - then >= 1.0:
                if used - before >= WORKING * (now - then):
                    self._alive = now
                self._seen = (now, used)
            if now - self._progress > max(MAX_STAGE_S, TIMES_LAST * self.longest_s):
                return False
        return now - self._alive < SILENCE_S
