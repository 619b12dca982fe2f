"""How does a person see that long work goes on?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from stillwatch.flows.scan import Progress, silent

STAGES = {
    "simulate": "writing a world",
    "read": "reading and sketching",
    "fold": "adding up",
    "judge": "judging candidates",
    "attribute": "attributing exchanges",
    "replay": "replaying in time order",
    "write": "writing results",
    "evaluate": "evaluating worlds",
    "prove": "testing the suspect",
    "teach": "teaching",
    "serve": "answering",
    "lab": "training students",
}


@contextmanager
def bars(*, quiet: bool) -> Iterator[Progress]:
    """Progress bars on standard error, one per stage; silent when asked or when nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<24}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Bars(*columns, TransferSpeedColumn(), console=console, transient=True) as shown:
        tasks = {}

        def update(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = shown.add_task(STAGES.get(stage, stage), total=total)
            shown.update(tasks[stage], completed=done, total=total)

        yield update
