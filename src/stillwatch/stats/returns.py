"""Test of whether exchanges of a group return to the same account less often than by chance."""

from __future__ import annotations

import numpy as np

from stillwatch.stats.arrays import Ints
from stillwatch.stats.evalues import mean_log_e

BETS = (0.9, 0.7, 0.5, 0.3, 0.1)  # rates of returns relative to chance that the alternative assumes


def fewer_returns_log_e(draws: Ints, distinct: Ints, accounts: int) -> float:
    """Log e-value against "a draw returns to an account already drawn in its window at least as often as
    chance".

    `draws[w]` exchanges came from `distinct[w]` of `accounts` accounts in window w. Returns 0.0 for fewer
    than two accounts or no window. Null: when u accounts
    have been drawn in a window, the next draw is one of them with probability at least u/`accounts`.
    Independent accounts of any rates obey it: unequal rates, bursts and sleeping accounts all raise the
    chance of a return.

    A bet that returns are b times as frequent as by chance multiplies the e-value by b at a return and by
    (1 - b u/k) / (1 - u/k) at a new account, where k is `accounts`. The order within a window does not
    matter, since the new accounts of a window have u = 0, 1, ... in turn. The mean over the bets `BETS` is an
    e-value.
    """
    if accounts < 2 or len(draws) == 0:
        return 0.0
    u = np.arange(accounts) / accounts
    logs = []
    for bet in BETS:
        fresh = np.concatenate([[0.0], np.cumsum(np.log1p(-bet * u) - np.log1p(-u))])
        d = np.minimum(distinct, accounts)
        # After all accounts were drawn a return is certain and should not lower the e-value. The order of
        # draws is not known, so every return lowers it.
        logs.append(float(fresh[d].sum() + (draws - d).sum() * np.log(bet)))
    return mean_log_e(np.asarray(logs))
