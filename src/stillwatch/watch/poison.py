"""Bisection for new rows that make a judgement fail."""

from __future__ import annotations

from collections.abc import Callable

MAX_TRIALS = 256  # most trial judgements: chosen, enough for a few bad rows among 100,000


def poisonous(rows: int, fails: Callable[[range], bool], trials: int = MAX_TRIALS) -> list[range]:
    """Ranges of rows, among the rows 0 to `rows` - 1, that make a judgement fail; single rows where `trials`
    suffice.

    `fails` returns whether a judgement of a range alone fails. The result is empty where the rows are not the
    cause: a judgement of no rows fails, or one of all these rows alone does not.
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
