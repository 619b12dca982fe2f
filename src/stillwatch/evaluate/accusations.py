"""How often honest groups are reported: figures of many honest worlds, by innocent explanation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from stillwatch.stats.intervals import Interval, of_bounded_sum, of_mean, of_share

ORDINARY = "ordinary crowd"  # name of honest accounts that belong to no group


def summarise_crowds(outcomes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per world of the matrix, from the outcomes of honest worlds (`honest.outcome_of`).

    Shares, means and counts of a row that have an interval are dicts of `Interval`'s fields; they are None
    where there are no values. `any_report` is the share of worlds with a reported campaign of any kind.
    `explanations` has one row per explanation and one for the ordinary crowd: `worlds` that contain the
    group, `reported` of them with a campaign whose largest group it is, `share` (reported / worlds) with
    its exact interval, and `led`, worlds with a lead whose largest group it is. `mean` is the mean share
    over explanations; None where a world has several explanations. `accused` is the share of explanations
    reported at least once.
    """
    worlds: dict[str, list[Mapping[str, Any]]] = {}
    for outcome in outcomes:
        worlds.setdefault(outcome["world"], []).append(outcome)
    return [{"world": world, "seeds": len(some)} | _figures(some) for world, some in worlds.items()]


def of_bounded_mean(values: Sequence[float]) -> Interval | None:
    """Mean of values in [0, 1] with a 95 % interval; None without values.

    Unlike Student's interval it has a positive width where all values are equal.
    """
    return of_bounded_sum(float(np.sum(values)), len(values))


def _figures(some: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How often honest groups were reported, over all worlds."""
    names = sorted({name for outcome in some for name in outcome["crowds"]})
    rows = [_tally(name, name, [o for o in some if name in o["crowds"]]) for name in names]
    shares = [row["reported"] / row["worlds"] for row in rows]
    kinds = Counter(report["kind"] for outcome in some for report in outcome["reported"])
    figures = {
        "any_report": of_share(sum(bool(o["reported"]) for o in some), len(some)),
        "leads": of_mean([len(o["leads"]) for o in some], 0.0),
        "mean": of_bounded_mean(shares) if all(len(o["crowds"]) == 1 for o in some) else None,
        "accused": of_share(sum(share > 0 for share in shares), len(shares)),
        "elapsed_s": of_mean([o["elapsed_s"] for o in some], 0.0),
    }
    return {name: asdict(value) if value else None for name, value in figures.items()} | {
        "left_out": any(o["left_out"] for o in some),
        "reported_worlds": sum(bool(o["reported"]) for o in some),
        "reported_explanations": sum(share > 0 for share in shares),
        "kinds": dict(sorted(kinds.items())),
        "explanations": [*rows, _tally(ORDINARY, None, some)],
        "accounts": int(np.mean([o["accounts"] for o in some])),
        "exchanges": int(np.mean([o["exchanges"] for o in some])),
        "peak_mib": max(o["peak_mib"] for o in some),
    }


def _tally(name: str, group: str | None, present: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Numbers of worlds that report, and that list as a lead, a set of accounts whose largest group is
    `group`; None is the ordinary crowd.
    """
    reported, led = (
        sum(any(one["group"] == group for one in outcome[table]) for outcome in present)
        for table in ("reported", "leads")
    )
    share = of_share(reported, len(present))
    return {
        "explanation": name,
        "worlds": len(present),
        "reported": reported,
        "share": asdict(share) if share else None,
        "led": led,
    }
