"""Figures over the outcomes of many worlds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from stillwatch.evaluate.compare import compare
from stillwatch.stats.intervals import Interval, of_mean, of_share

KINDS = ("harvest", "relay", "mixed")  # kinds of campaigns that are summarised apart


def summarise(outcomes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per world; each figure is a dict with its interval over seeds, None without values."""
    worlds: dict[str, list[Mapping[str, Any]]] = {}
    tuning: dict[str, list[Mapping[str, Any]]] = {}
    for outcome in outcomes:
        (tuning if outcome["tunes"] else worlds).setdefault(outcome["world"], []).append(outcome)
    rows = []
    for world, some in worlds.items():
        row = {"world": world, "seeds": len(some)} | _figures(some)
        if world in tuning:
            row["baselines"] = compare(some, tuning[world])
        if "monitor" in some[0]:
            row["monitor"] = _monitored([o["monitor"] for o in some])
        row |= {"replay": _looks(some), "costs": _costs(some)}
        rows.append(row)
    return rows


def balanced_accuracy(outcomes: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Accuracy of the reported kinds over all campaigns found; None where no harvest or no relay was found.

    `harvest` and `relay` are the shares of found campaigns of each kind that are reported as that kind;
    `undetermined` counts as wrong. `balanced` is the mean of both; its limits are the means of the exact
    limits, which is conservative.
    """
    accuracies = []
    for kind in ("harvest", "relay"):
        found = [
            c
            for o in outcomes
            if not o["tunes"]
            for c in o["score"]["campaigns"]
            if c["kinds"] and c["campaign_id"].startswith(kind)
        ]
        accuracies.append(of_share(sum(c["kinds"] == [kind] for c in found), len(found)))
    harvest, relay = accuracies
    if harvest is None or relay is None:
        return None
    mean = {k: (asdict(harvest)[k] + asdict(relay)[k]) / 2 for k in ("value", "low", "high")}
    return {"harvest": asdict(harvest), "relay": asdict(relay), "balanced": mean}


def _monitored(some: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """False alarms of a monitor over all seeds, beside the number allowed."""
    confirmed = of_share(sum(one["confirmed"] for one in some), len(some))
    return {
        "looks": sum(one["looks"] for one in some),
        "alerts": sum(one["alerts"] for one in some),
        "allowed": sum(one["allowed"] for one in some),
        "confirmed": asdict(confirmed) if confirmed else None,
        "tests": _tests(some),
    }


def _tests(some: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By test: honest groups with an e-value, and the shares of its e-values of at least 20 and at least
    100.
    """
    values_of: dict[str, list[list[float]]] = {}
    for one in some:
        for name, row in one["tests"].items():
            values_of.setdefault(name, []).append(row)
    rows = {}
    for name, each in sorted(values_of.items()):
        groups, twenty, hundred = (int(sum(row[k] for row in each)) for k in range(3))
        shares = {"at_20": of_share(twenty, groups), "at_100": of_share(hundred, groups)}
        rows[name] = {
            "groups": groups,
            "highest_log_e": max(row[-1] for row in each),
            **{k: asdict(v) if v else None for k, v in shares.items()},
        }
    return rows


def _costs(some: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Costs of a world's planted campaigns, summed over campaigns and averaged over seeds."""
    each = [one for outcome in some for one in outcome["costs"]]
    return {name: sum(one[name] for one in each) / len(some) for name in each[0]} if each else {}


def _looks(some: Sequence[Mapping[str, Any]]) -> list[list[dict[str, float]]]:
    """Looks at each planted campaign that was reported, over all seeds."""
    return [
        outcome["replay"].get(name, [])
        for outcome in some
        for campaign in outcome["score"]["campaigns"]
        for name in campaign["reported_as"][:1]
    ]


def _confirmed(some: Sequence[Mapping[str, Any]]) -> list[float]:
    """Share of each planted campaign's exchanges made before it was confirmed, 1 where it never was."""
    shares = []
    for outcome in some:
        for campaign in outcome["score"]["campaigns"]:
            looks = [look for name in campaign["reported_as"] for look in outcome["replay"].get(name, [])]
            shares.append(min((k["share"] for k in looks if k["log10_e"] >= k["log10_confirm"]), default=1.0))
    return shares


def _figures(some: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rates and errors over the worlds of one kind, with intervals; None where unknown."""
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
            "share_before_confirmation": of_mean(_confirmed(some), 0.0, 1.0),
            "hours_to_detection": of_mean(_hours(some), 0.0),
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


def _hours(some: Sequence[Mapping[str, Any]]) -> list[float]:
    """Hours from the first exchange to the alert of each campaign found that had an alert."""
    firsts = [[k["hours"] for k in looks if k["log10_e"] >= k["log10_alert"]][:1] for looks in _looks(some)]
    return [hours for first in firsts for hours in first]


def _known(values: Iterable[float | None]) -> list[float]:
    """The values that are not None."""
    return [value for value in values if value is not None]


def _of_seed(outcome: Mapping[str, Any], name: str) -> float:
    """Sum of a number over the campaigns of one world."""
    return float(sum(c[name] for c in outcome["score"]["campaigns"]))


def _kinds(planted: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Number of found campaigns reported with their true kind, and number of found campaigns;
    `undetermined` is wrong.
    """
    found = [c for c in planted if c["kinds"]]
    return sum(c["kinds"] == [c["campaign_id"].split("-")[0]] for c in found), len(found)


def _pairs(some: Sequence[Mapping[str, Any]]) -> list[tuple[int, Mapping[str, Any]]]:
    """True number of exchanges and the reported row of each planted campaign that was reported exactly
    once.
    """
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
    """Relative errors of the numbers of exchanges of found campaigns."""
    return [report["exchanges"] / true - 1.0 for true, report in _pairs(some)]


def _coverage(some: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Number of found campaigns whose interval holds the true number of exchanges, and number of all."""
    pairs = _pairs(some)
    return sum(r["exchanges_low"] <= true <= r["exchanges_high"] for true, r in pairs), len(pairs)
