"""Does work return to an account less often than chance, as when accounts take turns?"""

from __future__ import annotations

import numpy as np

from stillwatch.signals.profiles import hourly, hourly_strangers
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome, group_test
from stillwatch.stats.evalues import mean_log_e
from stillwatch.stats.factorize import codes, distinct
from stillwatch.stats.returns import fewer_returns_log_e

FEWEST_ACCOUNTS = 5  # members that the test needs
WINDOWS_H = (1, 4, 24)  # lengths of the windows in which returns are counted; each is tried


@group_test(
    family="turns",
    rows=hourly,
    sample_null=hourly_strangers,
    measures="how rarely work returns to an account before the others had their turn",
    null="when u of the k members were used in a window, the next exchange returns to one of them with "
    "probability "
    "at least u/k; unequal rates, sessions and sleep only raise it",
    innocent=("one program that polls once an hour for every customer",),
    evaded_by="dispatch at random, at the price of uneven use and idle accounts",
    source="relay software picks the least recently used account (Wei-Shaw/claude-relay-service)",
    reads=("observations.timestamp",),
    alone=True,
)
def rotation(rows: Columns, member: Mask) -> Outcome:
    """Whether work returns to a member after the others had their turn, or why that cannot be tested."""
    hour, count = np.asarray(rows["hour"], np.int64)[member], np.asarray(rows["exchanges"], np.int64)[member]
    account, accounts = codes(np.asarray(rows["account"])[member])
    if accounts < FEWEST_ACCOUNTS:
        return NoFinding(f"the group has fewer than {FEWEST_ACCOUNTS} members")
    logs, counted = [], (0, 0)
    for width in WINDOWS_H:
        window, _windows = codes(hour // width)
        draws = np.bincount(window, weights=count).astype(np.int64)
        used = np.bincount(distinct(window * accounts + account) // accounts, minlength=len(draws))
        logs.append(fewer_returns_log_e(draws, used, accounts))
        if logs[-1] == max(logs):
            counted = (width, int((draws - used).sum()))
    width, returns = counted
    return Finding(
        log_e=mean_log_e(np.asarray(logs)),
        value=f"{returns} returns within {width} h",
        accounts=accounts,
        exchanges=int(count.sum()),
        statement=f"of {int(count.sum())} exchanges {returns} came back to an account that had already been "
        f"used within "
        f"the same {width} h window, over {accounts} accounts",
    )
