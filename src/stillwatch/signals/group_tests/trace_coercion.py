"""Do many members try to bring out the model's hidden reasoning?"""

from __future__ import annotations

import numpy as np

from stillwatch.signals.profiles import summaries_activity
from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.stats.evalues import binomial_log_e

FEWEST = 8
MANY = 0.2
FLOOR, ENRICHMENT = 0.2, 5.0


def curious(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """Accounts of which one in fifty tries it, now and then."""
    n = accounts * 6
    share = np.where(rng.random(n) < 0.02, rng.random(n), 0.0)
    rows = {
        "account": np.arange(n),
        "half": np.ones(n, np.int64),
        "value": share,
        "exchanges": np.full(n, 10),
    }
    return rows, np.arange(n) < accounts


@group_test(
    family="coercion",
    rows=summaries_activity(lambda t: t.coercions / t.exchanges, fewest=1),
    sample_null=curious,
    measures="members of whose prompts at least a fifth try to force the hidden reasoning into the answer",
    null="each member independently does so with probability at most max(1/5, 5 times the share of other accounts that do)",
    innocent=(
        "a course on prompt injection",
        "the provider's own red team",
        "a prompt that makes the rounds",
    ),
    evaded_by="a phrase that the classifier has not learned",
    source="Anthropic, February and September 2026 (quoted attack prompts); Google GTIG, February 2026",
    reads=("observations.coerces",),
)
def trace_coercion(rows: Columns, member: Mask) -> Finding | None:
    tested = np.asarray(rows["half"]) == 1
    does = np.asarray(rows["value"], float) >= MANY
    mine, others = does[tested & member], does[tested & ~member]
    if len(mine) < FEWEST or len(others) < 5 * FEWEST or not mine.any():
        return None
    usual = float((others.sum() + 1) / (len(others) + 1))
    return Finding(
        log_e=binomial_log_e(int(mine.sum()), len(mine), min(max(FLOOR, ENRICHMENT * usual), 0.9)),
        value=f"{int(mine.sum())} of {len(mine)} members",
        accounts=int(mine.sum()),
        exchanges=int(np.asarray(rows["exchanges"])[tested & member].sum()),
        statement=f"{int(mine.sum())} of {len(mine)} members try, in at least a fifth of their prompts, to force hidden reasoning "
        f"into the answer; {100 * usual:.1f} % of other accounts do",
    )
