"""Rows that make a judgement fail, found by judging ever smaller parts of what is new."""

from __future__ import annotations

from collections.abc import Callable

MAX_TRIALS = 256  # judgements of parts; chosen, for a few poisonous rows among a hundred thousand


def poisonous(rows: int, fails: Callable[[range], bool], trials: int = MAX_TRIALS) -> list[range]:
    """The runs of `rows` rows without which a judgement may succeed, single rows where `trials` suffice.

    `fails` says whether the judgement of a run by itself fails. Empty where no rows are to blame: where a
    judgement of no rows fails, or that of all of them by themselves does not.
    """
    if rows == 0 or fails(range(0)) or not fails(range(rows)):
        return []
    left = trials - 2
    found: list[range] = []
    waiting = [range(rows)]
    while waiting:
        run = waiting.pop()
        if len(run) == 1 or left < 2:
            found.append(run)
            continue
        middle = len(run) // 2
        left -= 2
        halves = [half for half in (run[:middle], run[middle:]) if fails(half)]
        # Where neither half fails, the run fails only as a whole.
        waiting += halves
        if not halves:
            found.append(run)
    return sorted(found, key=lambda run: run.start)
