"""Has the provider itself refused many members' requests as attempts to extract its model?"""

from __future__ import annotations

import numpy as np

from stillwatch.signals.group_tests.trace_coercion import ENRICHMENT, FEWEST, FLOOR, curious
from stillwatch.signals.profiles import summaries_activity
from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.stats.evalues import binomial_log_e

MANY = 0.05


@group_test(
    family="coercion",
    rows=summaries_activity(lambda t: t.refusals / t.exchanges, fewest=1),
    sample_null=curious,
    measures="members of whose requests at least one in twenty was refused in a category of extraction or distillation",
    null="each member independently does so with probability at most max(1/5, 5 times the share of other accounts that do)",
    innocent=(
        "a classifier of the provider's that misfires on one popular prompt",
        "the provider's own red team",
    ),
    evaded_by="requests that the provider's classifier does not refuse",
    source="categories of refusal in providers' answers, such as `reasoning_extraction` (ecosystem, section 1)",
    reads=("observations.finish_reason",),
)
def refused_extraction(rows: Columns, member: Mask) -> Finding | None:
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
        statement=f"of {int(mine.sum())} of {len(mine)} members the provider refused at least one request in twenty as extraction or "
        f"distillation; {100 * usual:.1f} % of other accounts had that",
    )
