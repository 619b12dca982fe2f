"""Recall of baselines at a fixed number of flagged honest accounts.

Each baseline's threshold is set on worlds of other seeds (`tune`): the lowest that flags no more honest
accounts than the budget. It is then scored on the worlds on which Stillwatch is scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from stillwatch.evaluate.baselines.registry import all_baselines, read_traffic
from stillwatch.stats.intervals import of_mean

BUDGETS = (20, 100, 1000)  # honest accounts flagged per 100,000
HONEST_SCORES_KEPT = (
    0.02  # share of honest accounts whose scores, the highest, are kept: twice the largest budget
)


def baseline_scores(world: Path) -> dict[str, dict[str, Any]]:
    """Scores of all baselines on one world.

    Returns, by name of the baseline, `planted` (scores of accounts in a campaign), `honest` (the highest
    scores of honest accounts, descending) and `honest_number` (number of all honest accounts). A NaN score
    counts as the lowest.
    """
    traffic = read_traffic(world)
    truth = pq.read_table(world / "truth.parquet", columns=["account_id", "campaign_id"])
    campaign = set(truth.filter(truth.column("campaign_id").is_valid()).column("account_id").to_pylist())
    planted = np.array([name in campaign for name in traffic.names], bool)
    most = int(HONEST_SCORES_KEPT * (~planted).sum()) + 2
    scores = {}
    for name, baseline in all_baselines().items():
        score = np.nan_to_num(baseline(traffic), nan=-1e300)
        honest = np.sort(score[~planted])[::-1][:most]
        scores[name] = {
            "honest": honest.tolist(),
            "honest_number": int((~planted).sum()),
            "planted": score[planted].tolist(),
        }
    return scores


def threshold(tuning: Sequence[Mapping[str, Any]], budget: float) -> float:
    """The score that at most `budget` of 100,000 honest accounts of the tuning worlds exceed."""
    scores = np.sort(np.concatenate([one["honest"] for one in tuning]))[::-1]
    number = sum(one["honest_number"] for one in tuning)
    return float(scores[min(int(budget * number / 100_000), len(scores) - 1)])


def compare(
    outcomes: Sequence[Mapping[str, Any]], tuning: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Recall and honest accounts flagged per 100,000 of one world, by baseline and by budget (as text).

    `outcomes` and `tuning` hold one dict per seed with `baseline_scores` under `baselines`. A figure is a
    dict of `Interval`'s fields over seeds; None without values.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name in outcomes[0]["baselines"]:
        rows[name] = {}
        for budget in BUDGETS:
            bar = threshold([one["baselines"][name] for one in tuning], budget)
            some = [one["baselines"][name] for one in outcomes]
            recalls = [float(np.mean(np.array(one["planted"]) > bar)) for one in some if one["planted"]]
            flagged = [
                1e5 * float(np.sum(np.array(one["honest"]) > bar)) / one["honest_number"] for one in some
            ]
            recall, honest = of_mean(recalls, 0.0, 1.0), of_mean(flagged, 0.0)
            rows[name][str(budget)] = {
                "recall": asdict(recall) if recall else None,
                "honest_flagged_per_100000": asdict(honest) if honest else None,
            }
    return rows
