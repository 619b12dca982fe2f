"""Is the share of one capability in their requests the same for the members?"""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
from ibis import _

from stillwatch.contract.summaries import CAPABILITIES, Summaries
from stillwatch.signals.profiles import ALIKE_NULL, FEWEST_EXCHANGES, alike_finding
from stillwatch.signals.registry import Columns, Mask, NoFinding, Outcome, group_test


def shares(summaries: Summaries) -> ir.Table:
    """Account × half: share of exchanges in each capability class."""
    rows = summaries.halves
    return rows.filter(_.exchanges >= FEWEST_EXCHANGES).select(
        "account_id",
        "half",
        "exchanges",
        **{
            f"share_{c}": rows[f"capability_{c}"].cast("float64") / rows.exchanges
            for c in range(len(CAPABILITIES))
        },
    )


def mixes(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """A draw under the null: every account has its own mix of capabilities, sampled on both halves."""
    n = accounts * 6
    mix = rng.dirichlet(np.full(len(CAPABILITIES), 0.4), n)
    both = np.concatenate([np.stack([rng.multinomial(20, m) / 20 for m in mix]) for _ in range(2)])
    rows = {f"share_{c}": both[:, c] for c in range(len(CAPABILITIES))}
    half = np.repeat([0, 1], n)
    return rows | {"half": half, "exchanges": np.full(2 * n, 20)}, np.tile(np.arange(n) < accounts, 2)


@group_test(
    family="purpose",
    rows=shares,
    sample_null=mixes,
    measures="share of the capability class that the members ask for most, other than `other`",
    null=ALIKE_NULL,
    innocent=("users of one tool", "a class with one assignment"),
    evaded_by="asking for other things as well, at the price of more exchanges",
    source="Anthropic, February 2026 (massive volume in few areas)",
    reads=("observations.capability",),
)
def capability_concentration(rows: Columns, member: Mask) -> Outcome:
    """Whether members ask more for one capability than others, or why that cannot be tested."""
    half = np.asarray(rows["half"])
    named = range(len(CAPABILITIES) - 1)
    totals = [float(np.asarray(rows[f"share_{c}"])[member & (half == 0)].sum()) for c in named]
    top = int(np.argmax(totals))
    if totals[top] == 0:
        return NoFinding(
            "no member asks for a named capability in the half of the hours that proposes the range"
        )
    return alike_finding(
        {"value": rows[f"share_{top}"], "half": half, "exchanges": rows["exchanges"]},
        member,
        "{inside} of {members} members give between {low} and {high} of their exchanges to "
        + CAPABILITIES[top].replace("_", " ")
        + "; {share} of other accounts do",
        lambda x: f"{100 * x:.0f} %",
        needs=f"{FEWEST_EXCHANGES} exchanges",
    )
