"""How many false alarms a monitor raises that examines a world at regular intervals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from ibis import _

from stillwatch.detect.judge import Judged
from stillwatch.detect.replay import ALERTS_A_YEAR, HOUR, judge_prefix
from stillwatch.evaluate.world import opened
from stillwatch.flows.summarise import Prefixes
from stillwatch.signals.registry import all_explanations, all_group_tests
from stillwatch.stats.sequential import HOURS_A_YEAR, alert_log_e, confirm_log_e

HONEST = 0.5  # share of planted accounts below which a group counts as honest
LEVELS = (20.0, 100.0)  # e-values whose exceedances are counted


def monitor(world: Path, every_h: int, fdr: float) -> dict[str, Any]:
    """False alarms of a monitor that examines a world every `every_h` hours.

    A group is honest where less than the share `HONEST` of its accounts are planted.

    Returns:
        `looks`: number of times that the world was examined.
        `alerts`: number of honest groups above the alert's bar, summed over looks.
        `allowed`: bound on the mean of `alerts` for that many looks.
        `confirmed`: whether an honest group was ever above the bar of confirmation at level `fdr`.
        `highest_log_e`: largest natural log of an honest group's e-value.
        `tests`: for each test and for the combination, on the honest groups proposed from the whole world,
            the number of groups, how many e-values reached each of `LEVELS`, and the largest log e-value.
    """
    truth = pq.read_table(world / "truth.parquet", columns=["account_id", "campaign_id"])
    planted = set(truth.filter(truth.column("campaign_id").is_valid()).column("account_id").to_pylist())
    tests = all_group_tests()
    looks = alerts = 0
    confirmed, highest = False, 0.0
    evidence_of_tests: dict[str, list[float]] = {}
    with opened(world) as one:
        span = one.summaries.activity.agg(a=_.hour.min(), b=_.hour.max()).to_pyarrow().to_pylist()[0]
        prefixes = Prefixes(one.engine, one.summaries)
        hours = round((span["b"] - span["a"]) / HOUR) + 1
        for hour in range(every_h, hours + 1, every_h):
            moment = span["a"] + timedelta(hours=hour)
            tried = judge_prefix(
                prefixes.before(moment),
                tests,
                all_explanations(),
                one.engine.ask,
            )
            looks += 1
            false = [j.log_e for j in tried.judged if len(j.accounts & planted) < HONEST * len(j.accounts)]
            alerts += sum(log_e >= alert_log_e(tried.proposed, ALERTS_A_YEAR) for log_e in false)
            confirmed |= any(log_e >= confirm_log_e(tried.proposed, fdr, hour) for log_e in false)
            highest = max([highest, *false])
        evidence_of_tests = _each(
            judge_prefix(one.summaries, tests, all_explanations(), lambda e: e.to_pyarrow()).judged,
            planted,
        )
    return {
        "tests": evidence_of_tests,
        "looks": looks,
        "alerts": alerts,
        "confirmed": confirmed,
        "highest_log_e": highest,
        "allowed": ALERTS_A_YEAR * looks / HOURS_A_YEAR,
    }


def _each(judged: Sequence[Judged], planted: set[str]) -> dict[str, list[float]]:
    """By test: honest groups with an e-value, how many of these reached each of `LEVELS`, and the largest
    natural log.
    """
    log_e_of: dict[str, list[float]] = {}
    for one in judged:
        if len(one.accounts & planted) >= HONEST * len(one.accounts):
            continue
        logs = {name: finding.log_e for name, finding in one.findings.items()} | {"combined": one.log_e}
        for name, log_e in logs.items():
            row = log_e_of.setdefault(name, [0.0] * (2 + len(LEVELS)))
            row[0] += 1
            for place, level in enumerate(LEVELS, 1):
                row[place] += log_e >= np.log(level)
            row[-1] = max(row[-1], log_e)
    return log_e_of
