"""Differentially private counts of accounts for publication (OpenDP).

Two tables are published: the number of members by kind of campaign, and the number of members whose campaigns
sought each capability. Adding or removing one account changes the first table by 1 in one cell, and the
second by 1 in at most `MOST_CAPABILITIES` cells. Each table receives half of the budget. The noise is that of
the geometric mechanism (Ghosh, Roughgarden and Sundararajan 2012) as OpenDP samples it, with scale
sensitivity / (epsilon / 2).
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

from stillwatch.contract import results as contract
from stillwatch.errors import Problem, UsageError
from stillwatch.results.folder import read_table

MOST_CAPABILITIES = 3
"""Most capabilities counted per campaign; those sought most are taken."""
# Kinds of campaigns whose accounts are counted.
KINDS = ("harvest", "relay", "mixed", "fleet", "undetermined")
MOST_EPSILON = 2.0
"""Largest budget. Chosen: with a larger one, the noise no longer hides a single account."""


def private_counts(results: Path, epsilon: float) -> dict[str, Any]:
    """Noisy counts of accounts, with the scale of the noise and the half-width of its 95 % interval. Negative
    counts become 0.

    Each call spends the budget `epsilon` again: publish the result of one call only. Raises `UsageError`
    where `epsilon` is out of range.
    """
    from stillwatch.contract.summaries import CAPABILITIES

    if not 0 < epsilon <= MOST_EPSILON:
        raise UsageError(
            Problem(
                fact="`--epsilon` is out of range",
                found=str(epsilon),
                expected=f"above 0, at most {MOST_EPSILON}",
            )
        )
    campaigns = {row["campaign_id"]: row for row in read_table(results, contract.CAMPAIGNS).to_pylist()}
    kinds: Counter[str] = Counter()
    sought: Counter[str] = Counter()
    for row in read_table(results, contract.MEMBERS).select(["account_id", "campaign_id"]).to_pylist():
        one = campaigns[row["campaign_id"]]
        kinds[one["kind"]] += 1
        sought.update(one["capabilities"][:MOST_CAPABILITIES])
    tables = {}
    for name, cells, counted, sensitivity in (
        ("accounts_by_kind", KINDS, kinds, 1),
        ("accounts_by_capability", CAPABILITIES, sought, MOST_CAPABILITIES),
    ):
        scale = sensitivity / (epsilon / 2)
        tables[name] = {
            "counts": _noisy([counted[cell] for cell in cells], cells, scale),
            "scale": scale,
            "within_95": _within(scale, 0.95),
        }
    return {"epsilon": epsilon, "unit": "account", "mechanism": "geometric", **tables}


def _noisy(counts: list[int], cells: tuple[str, ...], scale: float) -> dict[str, int]:
    """The counts by cell with geometric noise of this scale; negative ones become 0."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.atom_domain(T=int), dp.absolute_distance(T=int)
    measure = dp.m.make_geometric(*space, scale=scale)
    return {cell: max(0, int(measure(count))) for cell, count in zip(cells, counts, strict=True)}


def _within(scale: float, share: float) -> int:
    """The least k for which the noise lies in [-k, k] with probability `share`."""
    alpha = math.exp(-1 / scale)
    return math.ceil(math.log((1 - share) * (1 + alpha) / 2) / math.log(alpha) - 1)
