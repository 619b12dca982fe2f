"""What do many outcomes say together?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from stillwatch.stats.intervals import Interval, of_mean, of_share

KINDS = ("harvest", "relay", "mixed")


def summarise(outcomes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per world, each figure with its interval over seeds."""
    worlds: dict[str, list[Mapping[str, Any]]] = {}
    for outcome in outcomes:
        worlds.setdefault(outcome["world"], []).append(outcome)
    return [{"world": world, "seeds": len(some)} | _figures(some) for world, some in worlds.items()]


def _figures(some: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    planted = [c for o in some for c in o["score"]["campaigns"]]
    figures: dict[str, Interval | None] = {
        "any_false_campaign": of_share(sum(o["score"]["false_campaigns"] > 0 for o in some), len(some)),
        "honest_flagged_per_100000": of_mean(
            _known(o["score"]["accounts"]["honest_flagged_per_100000"] for o in some), 0.0
        ),
        "elapsed_s": of_mean([o["elapsed_s"] for o in some], 0.0),
    }
    if planted:
        figures |= {
            "found": of_share(sum(c["accounts_found"] > 0 for c in planted), len(planted)),
            "account_recall": of_mean(
                [_of_seed(o, "accounts_found") / _of_seed(o, "accounts") for o in some], 0.0, 1.0
            ),
            "account_precision": of_mean(_known(o["score"]["accounts"]["precision"] for o in some), 0.0, 1.0),
            "exchange_recall": of_mean(
                [_of_seed(o, "exchanges_found") / _of_seed(o, "exchanges") for o in some], 0.0, 1.0
            ),
            "exchange_precision": of_mean(
                _known(o["score"]["exchanges"]["precision"] for o in some), 0.0, 1.0
            ),
            "share_before_detection": of_mean(
                [
                    1.0 if c["share_before_detection"] is None else c["share_before_detection"]
                    for c in planted
                ],
                0.0,
                1.0,
            ),
            "right_kind": of_share(*_kinds(planted)),
            "count_error": of_mean(_errors(some)),
            "interval_covers": of_share(*_coverage(some)),
        }
    bins = np.sum([o["calibration"] for o in some], axis=0)
    return {name: asdict(value) if value else None for name, value in figures.items()} | {
        "calibration": bins.tolist(),
        "brier": float(bins[:, 3].sum() / bins[:, 0].sum()) if bins[:, 0].sum() else None,
        "exchanges": int(np.mean([o["exchanges"] for o in some])),
        "accounts": int(np.mean([o["accounts"] for o in some])),
        "peak_mib": max(o["peak_mib"] for o in some),
    }


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _of_seed(outcome: Mapping[str, Any], name: str) -> float:
    return float(sum(c[name] for c in outcome["score"]["campaigns"]))


def _kinds(planted: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """How many found campaigns are called what they are; `undetermined` is not right."""
    found = [c for c in planted if c["kinds"]]
    return sum(c["kinds"] == [c["campaign_id"].split("-")[0]] for c in found), len(found)


def _pairs(some: Sequence[Mapping[str, Any]]) -> list[tuple[int, Mapping[str, Any]]]:
    """True number of exchanges beside each report, of planted campaigns that were reported exactly once."""
    pairs = []
    for outcome in some:
        reports = {r["campaign_id"]: r for r in outcome["reported"]}
        pairs += [
            (campaign["exchanges"], reports[campaign["reported_as"][0]])
            for campaign in outcome["score"]["campaigns"]
            if len(campaign["reported_as"]) == 1
        ]
    return pairs


def _errors(some: Sequence[Mapping[str, Any]]) -> list[float]:
    return [report["exchanges"] / true - 1.0 for true, report in _pairs(some)]


def _coverage(some: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    pairs = _pairs(some)
    return sum(r["exchanges_low"] <= true <= r["exchanges_high"] for true, r in pairs), len(pairs)
