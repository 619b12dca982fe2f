"""The flow `demo`: simulate a log with known campaigns, scan it and score the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stillwatch.flows.scan import Options, scan
from stillwatch.flows.score import score
from stillwatch.progress import Progress, silent
from stillwatch.simulate.worlds import simulate

MEMORY = "1GB"  # limit of the database, which keeps the whole process below 2 GiB


def demo(out: Path, seed: int, progress: Progress = silent) -> dict[str, Any]:
    """Simulate the scenario `demo` in `out/world`, scan it into `out/results`, and return the score."""
    world = out / "world"
    simulate("demo", seed=seed, out=world, progress=lambda done, total: progress("simulate", done, total))
    scan([str(world)], out / "results", Options(names={}, memory=MEMORY), progress)
    return score(out / "results", world / "truth.parquet")
