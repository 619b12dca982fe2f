"""Where do the time and the memory of a scan go?"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

MB = 1 << 20
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of one unit of `ru_maxrss`


class Profile:
    """Takes a scan's progress, passes it on, and measures its stages.

    A stage lasts from its first sign of progress to the first of another; one that comes again goes on.
    """

    def __init__(self, progress: Callable[[str, int, int], None]) -> None:
        self._progress = progress
        self._stage = "prepare"
        self._since = self._began = time.perf_counter()
        self._busy = time.process_time()
        self._stages: dict[str, dict[str, float]] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Progress of a stage, as `flows.scan` tells it."""
        if stage != self._stage:
            self._end()
            self._stage = stage
        self._progress(stage, done, total)

    def _end(self) -> None:
        now, busy = time.perf_counter(), time.process_time()
        told = self._stages.setdefault(self._stage, {"seconds": 0.0, "cpu_seconds": 0.0, "peak_mb": 0.0})
        told["seconds"] = round(told["seconds"] + now - self._since, 3)
        told["cpu_seconds"] = round(told["cpu_seconds"] + busy - self._busy, 3)
        told["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / MB, 1)
        self._since, self._busy = now, busy

    def measured(self, rows: dict[str, int]) -> dict[str, Any]:
        """The stages until now in their order, each with its `seconds`, the processor's (`cpu_seconds`, of
        this process), and the highest memory (`peak_mb`, resident, of this process) from the start of the
        program to the stage's end; and `rows`, what was counted.
        """
        self._end()
        stages = [{"stage": name, **told} for name, told in self._stages.items()]
        return {"seconds": round(time.perf_counter() - self._began, 3), "stages": stages, "rows": rows}
