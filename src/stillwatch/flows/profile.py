"""Measurement of a scan's time and memory by stage."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

MB = 1 << 20  # bytes
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of one unit of `ru_maxrss`


class Profile:
    """A progress callback that calls `progress` and measures the stages of a scan.

    A stage lasts from its first call to the first call of another stage. Times of a stage that comes again
    are added.
    """

    def __init__(self, progress: Callable[[str, int, int], None]) -> None:
        self._progress = progress
        self._stage = "prepare"
        self._since = self._began = time.perf_counter()
        self._busy = time.process_time()
        self._stages: dict[str, dict[str, float]] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Record progress of a stage, as called by `flows.scan`."""
        if stage != self._stage:
            self._end()
            self._stage = stage
        self._progress(stage, done, total)

    def _end(self) -> None:
        """Add the time and memory of the stage that ends."""
        now, busy = time.perf_counter(), time.process_time()
        stage = self._stages.setdefault(self._stage, {"seconds": 0.0, "cpu_seconds": 0.0, "peak_mb": 0.0})
        stage["seconds"] = round(stage["seconds"] + now - self._since, 3)
        stage["cpu_seconds"] = round(stage["cpu_seconds"] + busy - self._busy, 3)
        stage["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / MB, 1)
        self._since, self._busy = now, busy

    def measured(self, rows: dict[str, int]) -> dict[str, Any]:
        """The measurements so far: `seconds` in all, `stages` in order, and `rows` as given.

        A stage has `seconds`, `cpu_seconds` (processor time of this process) and `peak_mb` (highest resident
        memory of this process from its start to the end of the stage).
        """
        self._end()
        stages = [{"stage": name, **measures} for name, measures in self._stages.items()]
        return {"seconds": round(time.perf_counter() - self._began, 3), "stages": stages, "rows": rows}
