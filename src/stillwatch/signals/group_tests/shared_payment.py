"""Do many cards each pay for several members that claim to be strangers?"""

from __future__ import annotations

import numpy as np

from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.signals.sharing import attribute, own_values
from stillwatch.stats.evalues import binomial_log_e

FEWEST = 8
FLOOR, ENRICHMENT = 0.1, 3.0


@group_test(
    family="ownership",
    rows=attribute("payment_fingerprint"),
    sample_null=own_values,
    measures="cards that pay for more than one member",
    null="a member's card pays for a second member with probability at most max(0.1, 3 times the share of other cards "
    "that pay for several accounts); every card counts once, so that one company's card is one trial",
    innocent=("several companies' accounts in one group", "families"),
    evaded_by="one virtual card per account",
    source="Anthropic, February 2026 (shared payment methods)",
    reads=("accounts.payment_fingerprint",),
)
def shared_payment(rows: Columns, member: Mask) -> Finding | None:
    value = np.asarray(rows["value"], np.int64)
    mine, others = np.bincount(value[member]), np.bincount(value[~member])
    mine, others = mine[mine > 0], others[others > 0]
    if len(mine) < FEWEST or len(others) < 5 * FEWEST:
        return None
    usual = float((others > 1).mean())
    several = int((mine > 1).sum())
    return Finding(
        log_e=binomial_log_e(several, len(mine), min(max(FLOOR, ENRICHMENT * usual), 0.9)),
        value=f"{several} of {len(mine)} cards",
        accounts=int(mine.sum()),
        exchanges=int(np.asarray(rows["exchanges"])[member].sum()),
        statement=f"{several} of the {len(mine)} cards that pay for {int(mine.sum())} members pay for more than one of them; of "
        f"other cards {100 * usual:.1f} % pay for more than one account",
    )
