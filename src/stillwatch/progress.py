"""How a long calculation reports its progress to whoever called it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # name of the stage, units done, units in all
CountProgress = Callable[[int, int], None]  # units done, units in all


def silent(stage: str, done: int, total: int) -> None:
    """A `Progress` that does nothing."""
