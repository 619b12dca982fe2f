"""How does a person see that long work goes on?"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stillwatch.progress import Progress

log = logging.getLogger("stillwatch.progress")

LARGEST_SHARE_SHOWN = 0.99  # of a stage that has not ended
# What the bar says, by the name of the stage.
STAGES = {
    "prepare": "finding what to read",
    "simulate": "writing a world",
    "read": "reading and sketching",
    "fold": "adding up",
    "judge": "judging candidates",
    "attribute": "attributing exchanges",
    "replay": "replaying in time order",
    "describe": "describing what was found",
    "write": "writing results",
    "evaluate": "evaluating worlds",
    "prove": "testing the suspect",
    "teach": "teaching",
    "serve": "answering",
    "lab": "training students",
}


class Stages:
    """Logs, at level `info`, when a stage begins and how long it took."""

    def __init__(self) -> None:
        self.name = ""
        self.began = 0.0

    def update(self, stage: str, _done: int, total: int) -> None:
        """Note progress: another stage than before begins now."""
        if stage == self.name:
            return
        self.end()
        self.name, self.began = stage, time.monotonic()
        log.info("%s begins", STAGES.get(stage, stage), extra={"facts": {"stage": stage, "total": total}})

    def end(self) -> None:
        """Note that the stage has ended."""
        if self.name:
            seconds = round(time.monotonic() - self.began, 3)
            facts = {"stage": self.name, "seconds": seconds}
            log.info("%s took %.1f s", STAGES.get(self.name, self.name), seconds, extra={"facts": facts})
        self.name = ""


@contextmanager
def bars(*, quiet: bool) -> Iterator[Progress]:
    """Progress bars on standard error, one per stage, when somebody watches and does not ask for quiet; and a
    record of the log at the beginning and the end of each stage.
    """
    stages = Stages()
    if quiet or not sys.stderr.isatty():
        try:
            yield stages.update
        finally:
            stages.end()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        TaskID,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, TransferSpeedColumn(), console=console, transient=True) as shown:
        tasks: dict[str, TaskID] = {}

        def update(stage: str, done: int, total: int) -> None:
            """Draw the progress of a stage; an earlier stage that was not ended is drawn as complete."""
            ended = stages.name if stage != stages.name else ""
            stages.update(stage, done, total)
            if ended:
                shown.update(tasks[ended], completed=1, total=1)
            if stage not in tasks:
                tasks[stage] = shown.add_task(STAGES.get(stage, stage), total=total)
            if total <= 1:  # one step of unknown length
                shown.update(tasks[stage], total=None)
            else:  # all counted pieces may be done and the stage not: it is when another begins
                shown.update(tasks[stage], completed=min(done, LARGEST_SHARE_SHOWN * total), total=total)

        try:
            yield update
        finally:
            stages.end()
