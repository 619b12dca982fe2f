"""Health check of a watch: detects work that has stalled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

SILENCE_S = 60.0  # seconds without progress or processor use after which a watch is stalled: chosen
WORKING = 0.05  # least processor seconds in a second for which a stage counts as working: chosen
MAX_STAGE_S = 3600.0  # seconds without progress after which a stage is stalled although it works: chosen
TIMES_LAST = 10  # factor on the longest stage so far, which replaces `MAX_STAGE_S` where larger: chosen


class Pulse:
    """Tracks finished steps, progress inside stages and processor time of a watch.

    A stage that waits for ever uses no processor time, and one that loops for ever makes no progress; both
    are reported as stalled.
    """

    def __init__(self) -> None:
        self._works = False
        self.longest_s = 0.0
        self.beat()

    def beat(self, *_stage: object) -> None:
        """Record progress; can be used as a progress callback, whose arguments are ignored."""
        self._progress = self._alive = time.monotonic()
        self._seen = (time.monotonic(), time.process_time())

    @contextmanager
    def working(self) -> Iterator[None]:
        """A stage that may take long; while it runs, processor time also counts as a sign of work."""
        self.beat()
        began, self._works = time.monotonic(), True
        try:
            yield
        finally:
            self._works = False
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            self.beat()

    def healthy(self) -> bool:
        """Whether the watch is not stalled: False after `SILENCE_S` seconds without progress or work, and in
        a stage that has worked for too long without progress.
        """
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
