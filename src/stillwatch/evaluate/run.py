"""Run the cells of a matrix in parallel, and resume an interrupted run."""

from __future__ import annotations

import json
import multiprocessing
import resource
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stillwatch.contract import results as contract
from stillwatch.engine.cores import end_with_parent
from stillwatch.engine.files import atomic
from stillwatch.evaluate.blind import trial
from stillwatch.evaluate.compare import baseline_scores
from stillwatch.evaluate.costs import costs
from stillwatch.evaluate.honest import outcome_of
from stillwatch.evaluate.matrix import Cell
from stillwatch.evaluate.monitor import monitor
from stillwatch.flows.scan import Options, scan
from stillwatch.flows.score import score
from stillwatch.results.folder import read_table
from stillwatch.simulate.worlds import change, find_scenario, simulate

BINS = 10  # bins of the member score in the calibration


def run(
    cells: Sequence[Cell], out: Path, workers: int, progress: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    """Outcomes of all cells, in their order.

    Outcomes found in `out/cells` are read; the others are computed by `workers` processes and written
    there. `progress` is called with the numbers of finished and of all cells.
    """
    folder = out / "cells"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [cell for cell in cells if not (folder / f"{cell.name}.json").exists()]
    done = len(cells) - len(missing)
    progress(done, len(cells))
    if missing:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            min(workers, len(missing)), mp_context=context, initializer=end_with_parent
        ) as pool:
            waiting: set[Future[None]] = {pool.submit(run_cell, cell, folder) for cell in missing}
            try:
                while waiting:
                    ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in ready:
                        future.result()
                        done += 1
                        progress(done, len(cells))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return [json.loads((folder / f"{cell.name}.json").read_text()) for cell in cells]


def run_cell(cell: Cell, folder: Path) -> None:
    """Compute a cell's outcome and write it into `folder`; the simulated world is deleted."""
    work = Path(tempfile.mkdtemp(prefix=".cell-", dir=folder))
    try:
        outcome: dict[str, Any] = {"world": cell.world, "seed": cell.seed, "tunes": cell.tunes}
        if cell.cases:
            outcome["cases"] = trial(cell.cases, cell.seed)
        else:
            outcome |= outcome_of(cell, work) if cell.crowds else _simulated(cell, work)
        with atomic(folder / f"{cell.name}.json") as path:
            path.write_text(json.dumps(outcome, indent=1, sort_keys=True, default=str) + "\n")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _simulated(cell: Cell, work: Path) -> dict[str, Any]:
    """Outcome of a cell with a scenario."""
    simulate(
        cell.scenario,
        seed=cell.seed,
        out=work / "world",
        scale=cell.scale,
        prompts=Path(cell.prompts) if cell.prompts else None,
        times=Path(cell.times) if cell.times else None,
        changes=dict(cell.changes),
    )
    outcome: dict[str, Any] = {}
    if not cell.tunes:
        outcome |= _scanned(cell, work)
        plans = change(find_scenario(cell.scenario).scaled(cell.scale), dict(cell.changes)).plans
        outcome["costs"] = [costs(work / "world", plan) for plan in plans]
    if cell.monitor:
        outcome["monitor"] = monitor(work / "world", cell.monitor, cell.fdr)
    if cell.baselines:
        outcome["baselines"] = baseline_scores(work / "world")
    return outcome


def _scanned(cell: Cell, work: Path) -> dict[str, Any]:
    """Results of a scan of the world, and their comparison with the truth."""
    began = time.monotonic()
    options = Options(names={}, fdr=cell.fdr, without=frozenset(cell.without))
    overview = scan([str(work / "world")], work / "results", options)
    elapsed = time.monotonic() - began
    return {
        "score": score(work / "results", work / "world" / "truth.parquet"),
        "reported": _reported(work),
        "replay": _replay(work),
        "calibration": _calibration(work),
        "exchanges": overview["exchanges"],
        "accounts": overview["accounts"],
        "elapsed_s": round(elapsed, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _replay(work: Path) -> dict[str, list[dict[str, float]]]:
    """Looks by campaign: hours since its first exchange, share of its exchanges made, log10 evidence and
    the two bars.
    """
    rows = read_table(work / "results", contract.TIMELINE).sort_by("hour").to_pylist()
    totals = Counter[str]()
    for row in rows:
        totals[row["campaign_id"]] += row["exchanges"]
    looks: dict[str, list[dict[str, float]]] = {name: [] for name in totals}
    made = Counter[str]()
    first: dict[str, Any] = {}
    for row in rows:
        name = row["campaign_id"]
        made[name] += row["exchanges"]
        if row["exchanges"]:
            first.setdefault(name, row["hour"])
        if row["log10_e"] is not None:
            begun = first.get(name, row["hour"])
            looks[name].append({
                "hours": (row["hour"] - begun).total_seconds() / 3600 + 1, "share": made[name] / totals[name],
                **{bar: row[bar] for bar in ("log10_e", "log10_alert", "log10_confirm")},
            })  # fmt: skip
    return looks


def _reported(work: Path) -> list[dict[str, Any]]:
    """Kind, sizes and q-value of each reported campaign, for the file of a world's outcome."""
    rows = read_table(work / "results", contract.CAMPAIGNS).to_pylist()
    names = ("campaign_id", "kind", "accounts", "exchanges", "exchanges_low", "exchanges_high", "q_value")
    return [{name: row[name] for name in names} for row in rows]


def _calibration(work: Path) -> list[list[float]]:
    """For each tenth of the score: members, members truly in a campaign, sum of scores, sum of squared
    errors.
    """
    truth = pq.read_table(work / "world" / "truth.parquet", columns=["account_id", "campaign_id"])
    planted = set(truth.filter(truth.column("campaign_id").is_valid()).column("account_id").to_pylist())
    bins = [[0.0, 0.0, 0.0, 0.0] for _ in range(BINS)]
    for row in read_table(work / "results", contract.MEMBERS).to_pylist():
        predicted, true = row["score"], float(row["account_id"] in planted)
        one = bins[min(int(predicted * BINS), BINS - 1)]
        for place, value in enumerate((1.0, true, predicted, (predicted - true) ** 2)):
            one[place] += value
    return bins
