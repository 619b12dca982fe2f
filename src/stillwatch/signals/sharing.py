"""How often do members share an account attribute that independent customers do not share?"""

from __future__ import annotations

from collections.abc import Callable

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome
from stillwatch.stats.evalues import binomial_log_e

FLOOR = 0.05
ENRICHMENT = 3.0
FEWEST_ACCOUNTS, FEWEST_OTHERS = 8, 40  # accounts


def attribute(kind: str) -> Callable[[Summaries], ir.Table]:
    """`rows` of a group test over one account indicator: account, value."""

    def rows(summaries: Summaries) -> ir.Table:
        active = summaries.halves.group_by("account_id").agg(exchanges=_.exchanges.sum())
        seen = summaries.sightings.filter(_.kind == kind).select("account_id", "value").distinct()
        return active.join(seen, "account_id").select("account_id", "value", "exchanges")

    return rows


def sharing_finding(rows: Columns, member: Mask, sentence: str, attribute: str) -> Outcome:
    """Evidence that members repeat each other's values; `sentence` has {repeats}, {members}, {values},
    {share}; `attribute` is what an account needs in order to count, such as "a known sign-up address".

    A value that k members show counts k-1 repeats, so a value is used up by its first holder. Null: a further
    member shows a value already seen in the group with probability at most max(`FLOOR`, `ENRICHMENT` times
    the share of repeats among as many other accounts, drawn at random).
    """
    value = np.asarray(rows["value"], np.int64)
    mine, others = value[member], value[~member]
    if len(mine) < FEWEST_ACCOUNTS:
        return NoFinding(f"fewer than {FEWEST_ACCOUNTS} members have {attribute}")
    if len(others) < FEWEST_OTHERS:
        return NoFinding(f"fewer than {FEWEST_OTHERS} other accounts have {attribute}")
    held = int((np.bincount(mine) > 0).sum())
    repeats = len(mine) - held
    usual = _usual_share(others, len(mine))
    bound = min(max(FLOOR, ENRICHMENT * usual), 0.9)
    return Finding(
        log_e=binomial_log_e(repeats, len(mine), bound),
        value=f"{held} values over {len(mine)} members",
        accounts=len(mine),
        exchanges=int(np.asarray(rows["exchanges"])[member].sum()),
        statement=sentence.format(
            repeats=repeats, members=len(mine), values=held, share=f"{100 * usual:.1f} %"
        ),
    )


def _usual_share(others: npt.NDArray[np.int64], size: int) -> float:
    """Expected share of repeats among `size` of the other accounts, drawn without their order mattering.

    Exact expectation of the number of distinct values in a sample without replacement (Hurlbert 1971).
    """
    size = min(size, len(others))
    counts = np.bincount(others)
    counts = counts[counts > 0]
    total = len(others)
    with np.errstate(divide="ignore"):
        steps = np.arange(size)
        absent = np.array(
            [
                np.exp(np.sum(np.log(np.maximum(total - c - steps, 0) / (total - steps))))
                for c in np.unique(counts)
            ]
        )
    weights = np.array([(counts == c).sum() for c in np.unique(counts)])
    distinct = float(((1 - absent) * weights).sum())
    return max(0.0, 1 - distinct / size)


def own_values(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """Every account draws its own value from one long list, as independent customers do."""
    n = accounts * 8
    value = rng.integers(0, 50 * n, n)
    return {"value": value, "exchanges": np.full(n, 5), "account": np.arange(n)}, np.arange(n) < accounts
