"""Tables of an experiment's outcomes, each figure with an interval over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import log10
from typing import Any

import numpy as np

from stillwatch.prove.power import power_of
from stillwatch.stats.intervals import Interval, of_mean

LabRow = dict[str, Any]
Job = dict[str, Any]
LEVELS = (1e-3, 1e-5)  # levels of the test at which rejections and power are given


def _held(values: Sequence[float], low: float = -np.inf, high: float = np.inf) -> dict[str, float] | None:
    """Mean with its 95 % interval within bounds; None where it cannot be computed."""
    one = of_mean(values, low, high)
    return asdict(one) if isinstance(one, Interval) else None


def curve(done: Sequence[Job]) -> list[LabRow]:
    """One row per way, number of answers and capability ("all" last): the student's and the teacher's
    accuracy.
    """
    rows: list[LabRow] = []
    keys = sorted({(job["way"], job["answers"]) for job in done})
    for way, answers in keys:
        some = [job for job in done if (job["way"], job["answers"]) == (way, answers)]
        names = list(some[0]["accuracy"])
        for name in [*names, "all"]:
            mine = [_of(job["accuracy"], name) for job in some]
            theirs = [_of(job["teacher"], name) for job in some]
            rows.append({
                "way": way, "answers": answers, "capability": name, "seeds": len(some),
                "accuracy": _held(mine, 0.0, 1.0), "teacher": _held(theirs, 0.0, 1.0),
            })  # fmt: skip
    return rows


def _of(accuracy: dict[str, float], name: str) -> float:
    """Accuracy in one capability, or the mean over `all`."""
    return float(np.mean(list(accuracy.values()))) if name == "all" else accuracy[name]


def traces(done: Sequence[Job]) -> list[LabRow]:
    """One row per mark, access and share: effect per window, z, number of windows, and the sorted p-values
    of all seeds.
    """
    rows: list[LabRow] = []
    for mark, share in sorted({(job["mark"], job["share"]) for job in done}):
        some = [job for job in done if (job["mark"], job["share"]) == (mark, share)]
        for access in ("open", "open_beside_teacher", "text", "text_beside_teacher"):
            found = [job[access] for job in some]
            rows.append({
                "mark": mark, "share": share, "access": access, "seeds": len(some),
                "effect": _held([one["effect"] for one in found]),
                "z": _held([one["effect"] * one["units"] ** 0.5 for one in found]),
                "units": float(np.mean([one["units"] for one in found])),
                "log10_p": sorted(one["log10_p"] for one in found),
                "rank_p": sorted(one["rank_p"] for one in found if one["rank_p"] is not None),
            })  # fmt: skip
    return rows


def power(done: Sequence[Job]) -> list[LabRow]:
    """One row per marked share, rewording and access.

    A row has the effect, the p-values, the number of students rejected at each of `LEVELS`, and the power
    at each that the mean effect gives for as many windows (normal approximation).
    """
    rows: list[LabRow] = []
    for share, reword in sorted({(job["share"], job["reword"]) for job in done}):
        some = [job for job in done if (job["share"], job["reword"]) == (share, reword)]
        for access in ("open", "open_beside_teacher", "text", "text_beside_teacher"):
            found = [job[access] for job in some if access in job]
            if not found:
                continue
            units = float(np.mean([one["units"] for one in found]))
            effect = float(np.mean([one["effect"] for one in found]))
            rows.append(
                {
                    "mark": some[0]["mark"],
                    "share": share,
                    "reword": reword,
                    "access": access,
                    "seeds": len(found),
                    "effect": _held([one["effect"] for one in found]),
                    "z": _held([one["effect"] * one["units"] ** 0.5 for one in found]),
                    "units": units,
                    "log10_p": sorted(one["log10_p"] for one in found),
                    "rejected": {
                        f"{level:g}": sum(one["log10_p"] <= log10(level) for one in found) for level in LEVELS
                    },
                    "power": {f"{level:g}": power_of(effect, round(units), level) for level in LEVELS},
                }
            )
    return rows


def slope(rows: Sequence[LabRow], mark: str, access: str) -> dict[str, float] | None:
    """Exponent b of z = a * share^b, by least squares on logarithms of the points with z above 2; 1 for
    proportionality.

    z is the effect per window times the root of the number of windows. Returns `exponent`, its standard
    `error`, `at_one` (a) and the number of `points`; None for fewer than three points.
    """
    some = [
        (row["share"], row["z"]["value"])
        for row in rows
        if (row["mark"], row["access"]) == (mark, access)
        and row["share"] > 0
        and row["z"]
        and row["z"]["value"] > 2
    ]
    if len(some) < 3:
        return None
    x, y = np.log([share for share, _ in some]), np.log([effect for _, effect in some])
    b, a = np.polyfit(x, y, 1)
    rest = y - (a + b * x)
    error = float(np.sqrt(rest @ rest / (len(x) - 2) / ((x - x.mean()) @ (x - x.mean()))))
    return {"exponent": float(b), "error": error, "at_one": float(np.exp(a)), "points": len(some)}


def defences(done: Sequence[Job]) -> list[LabRow]:
    """One row per defence and dose: right answers of honest users and students, and their loss against no
    defence with the same seeds.
    """
    base = {job["seed"]: job for job in done if job["defence"] == "none"}
    rows: list[LabRow] = []
    for name, dose in sorted({(job["defence"], job["dose"]) for job in done}):
        some = [job for job in done if (job["defence"], job["dose"]) == (name, dose) and job["seed"] in base]
        if not some:
            continue
        rows.append(
            {
                "defence": name,
                "dose": dose,
                "seeds": len(some),
                "honest": _held([_of(job["honest"], "all") for job in some], 0.0, 1.0),
                "student": _held([_of(job["student"], "all") for job in some], 0.0, 1.0),
                "by_capability": {
                    one: _held([job["student"][one] for job in some], 0.0, 1.0) for one in some[0]["student"]
                },
                "honest_loss": _held(
                    [_of(base[job["seed"]]["honest"], "all") - _of(job["honest"], "all") for job in some]
                ),
                "student_loss": _held(
                    [_of(base[job["seed"]]["student"], "all") - _of(job["student"], "all") for job in some]
                ),
                "trace_words": _held([job["trace_words"] for job in some], 0.0),
                "served": float(np.mean([job["served"] for job in some])),
            }
        )
    return rows


def removal(done: Sequence[Job]) -> list[LabRow]:
    """One row per attempt at removal: right answers, and log10 p with weights and with text."""
    rows: list[LabRow] = []
    for name in dict.fromkeys(job["removal"] for job in done):
        some = [job for job in done if job["removal"] == name]
        rows.append(
            {
                "removal": name,
                "seeds": len(some),
                "right": _held([job["right"] for job in some], 0.0, 1.0),
                **{
                    access: sorted(job[access]["log10_p"] for job in some)
                    for access in ("open_beside_teacher", "text_beside_teacher")
                },
                "effect": {
                    access: _held([job[access]["effect"] for job in some])
                    for access in ("open_beside_teacher", "text_beside_teacher")
                },
            }
        )
    return rows
