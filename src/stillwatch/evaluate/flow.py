"""Run a matrix and write its figures, table and page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stillwatch import __version__
from stillwatch.engine.files import atomic
from stillwatch.evaluate.accusations import summarise_crowds
from stillwatch.evaluate.blind import summarise_trials
from stillwatch.evaluate.matrix import read_matrix
from stillwatch.evaluate.page import render
from stillwatch.evaluate.run import run
from stillwatch.evaluate.summary import balanced_accuracy, summarise


def evaluate(
    matrix: str,
    out: Path,
    *,
    seeds: int | None = None,
    prompts: Path | None = None,
    times: Path | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[dict[str, Any]]:
    """Run a matrix and write `evaluation.json` and `evaluation.html` into `out`.

    Returns one row per world: worlds of scenarios (`summarise`), then honest worlds (`summarise_crowds`,
    with `explanations`), then blind cases (`summarise_trials`, with `cases`).

    Args:
        matrix: name of a built-in matrix, or path of a TOML file.
        out: folder of the results; outcomes already in `out/cells` are not computed again.
        seeds: number of seeds per world in place of the matrix's own.
        prompts: file of real prompts.
        times: file of real arrival rates.
        workers: number of processes.
        progress: called with the numbers of finished and of all cells.

    Raises:
        InputError, UsageError: for a matrix that cannot be run, before any work.
    """
    cells = read_matrix(matrix, seeds=seeds, prompts=prompts, times=times)
    outcomes = run(cells, out, workers, progress)
    planted = [outcome for outcome in outcomes if not outcome.keys() & {"crowds", "cases"}]
    rows = summarise(planted)
    crowds = summarise_crowds([outcome for outcome in outcomes if "crowds" in outcome])
    trials = summarise_trials([outcome for outcome in outcomes if "cases" in outcome])
    whole = {
        "version": __version__,
        "matrix": matrix,
        "prompts": prompts.name if prompts else "",
        "times": times.name if times else "",
        "kinds": balanced_accuracy(planted),
        "worlds": rows,
        "crowds": crowds,
        "trials": trials,
    }
    with atomic(out / "evaluation.json") as path:
        path.write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")
    with atomic(out / "evaluation.html") as path:
        path.write_text(render(whole))
    return [*rows, *crowds, *trials]
