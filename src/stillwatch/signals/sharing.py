"""Test of whether members share an account attribute more often than independent customers do."""

from __future__ import annotations

from collections.abc import Callable

import ibis.expr.types as ir
import numpy as np
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome
from stillwatch.stats.arrays import Ints
from stillwatch.stats.evalues import binomial_log_e

MIN_REPEAT_PROBABILITY = 0.05  # least probability of a repeat that the null allows
ENRICHMENT = 3.0  # times the share of repeats among other accounts that the null allows
FEWEST_ACCOUNTS, FEWEST_OTHERS = 8, 40  # members, and other accounts, that need a value


def attribute(kind: str) -> Callable[[Summaries], ir.Table]:
    """A function for `GroupTest.rows`: account, value of the account indicator `kind`, and exchanges; one row
    for each active account with a value.
    """

    def rows(summaries: Summaries) -> ir.Table:
        """Rows of the summaries: account, value of the indicator, and exchanges."""
        active = summaries.halves.group_by("account_id").agg(exchanges=_.exchanges.sum())
        seen = summaries.sightings.filter(_.kind == kind).select("account_id", "value").distinct()
        return active.join(seen, "account_id").select("account_id", "value", "exchanges")

    return rows


def sharing_finding(rows: Columns, member: Mask, sentence: str, attribute: str) -> Outcome:
    """Test of whether members repeat each other's values, over the rows of `attribute`.

    A value that k members show counts as k-1 repeats. Null: a further member shows a value already seen
    in the group with probability at most max(`MIN_REPEAT_PROBABILITY`, `ENRICHMENT` times the share of
    repeats among as many other accounts, drawn at random).

    Args:
        rows: Columns `value` (codes) and `exchanges`.
        member: Mask of the members' rows.
        sentence: Statement of the finding, with the fields {repeats}, {members}, {values} and {share}.
        attribute: What an account needs in order to count, for reasons: "a known sign-up address".
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
    bound = min(max(MIN_REPEAT_PROBABILITY, ENRICHMENT * usual), 0.9)
    return Finding(
        log_e=binomial_log_e(repeats, len(mine), bound),
        value=f"{held} values over {len(mine)} members",
        accounts=len(mine),
        exchanges=int(np.asarray(rows["exchanges"])[member].sum()),
        statement=sentence.format(
            repeats=repeats, members=len(mine), values=held, share=f"{100 * usual:.1f} %"
        ),
    )


def _usual_share(others: Ints, size: int) -> float:
    """Expected share of repeats among `size` of `others` (one code per account), drawn at random without
    replacement; from the exact expected number of distinct values (Hurlbert 1971).
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
    """A draw under the null: every account has a random value of a long list, members and others alike."""
    n = accounts * 8
    value = rng.integers(0, 50 * n, n)
    return {"value": value, "exchanges": np.full(n, 5), "account": np.arange(n)}, np.arange(n) < accounts
