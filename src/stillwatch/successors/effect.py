"""The effect of an action: how far a group's rate fell, and which accounts took over its work.

Requests of the accounts that were acted on, and of the group's other accounts, are counted in bins before
the first and after the last action. The time between the two is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stillwatch.errors import InputError, Problem
from stillwatch.stats.arrays import Bools, Floats, Ints
from stillwatch.stats.interrupted import FEWEST_BINS, Change, TakenUp, change, taken_up

SECOND = 1_000_000  # microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The effect of an action.

    * `whole`: the change of all the group's requests. `acted`: that of accounts that were acted on, None
      where they sent nothing before.
    * `taken`: the part of the lost work that the group's other accounts took over, None without any;
      `takers` accounts sent more after than before, of which `newcomers` had sent nothing before.
    * `bins_before`, `bins_after` of `bin_s` seconds; `first`, `last` action in microseconds since 1970.
    """

    whole: Change
    acted: Change | None
    taken: TakenUp | None
    takers: int
    newcomers: int
    accounts_acted_on: int
    accounts: int
    bins_before: int
    bins_after: int
    bin_s: float
    first: int
    last: int

    @property
    def statement(self) -> str:
        """The effect as a sentence."""
        low, value, high = (
            f"{100 * (1 - x):.0f}" for x in (self.whole.high, self.whole.ratio, self.whole.low)
        )
        if self.whole.low > 1:
            fell = (
                f"the harvest rose by {100 * (self.whole.ratio - 1):.0f} % "
                f"({100 * (self.whole.low - 1):.0f} to {100 * (self.whole.high - 1):.0f} %)"
            )
        elif self.whole.high >= 1:
            fell = (
                f"the harvest did not fall beyond chance: a change of "
                f"{100 * (self.whole.ratio - 1):+.0f} % ({100 * (self.whole.low - 1):+.0f} to "
                f"{100 * (self.whole.high - 1):+.0f} %)"
            )
        else:
            fell = f"the harvest fell by {value} % ({low} to {high} %)"
        if self.taken is None:
            return f"{fell}; no other account of the group is known"
        if not self.takers:
            return f"{fell}; no other account took up work"
        new = f", {self.newcomers:,} of them new," if self.newcomers else ""
        return (
            f"{fell}; {self.takers:,} account{'s' * (self.takers != 1)}{new} took up "
            f"{100 * self.taken.share:.0f} % "
            f"({100 * self.taken.low:.0f} to {100 * self.taken.high:.0f} %) of it"
        )


def effect(
    at: Ints,
    account: Ints,
    is_acted: Bools,
    actions: tuple[int, int],
    span: tuple[int, int],
    *,
    bin_s: float,
    most_bins: int,
) -> Effect:
    """The effect of actions on the requests of a group.

    Args:
        at: time of each request, microseconds since 1970.
        account: account number of each request, an index into `is_acted`.
        is_acted: for each account, whether it was acted on.
        actions: times of the first and the last action.
        span: first and last time of the log.
        bin_s: width of a bin in seconds.
        most_bins: most bins on each side.

    Raises:
        InputError: where the log is too short on one side, or the group sent nothing before.
    """
    width = int(bin_s * SECOND)
    first, last = actions
    before = min(most_bins, (first - span[0]) // width)
    after = min(most_bins, (span[1] + 1 - last) // width)
    if min(before, after) < FEWEST_BINS:
        raise InputError(
            Problem(
                fact="the log is too short around the action",
                found=f"{max(before, 0)} whole bins of {bin_s:g} s before it, {max(after, 0)} after",
                expected=f"{FEWEST_BINS} at least on each side",
                fix="a longer log, or a smaller --bin",
            )
        )
    low, high = first - before * width, last + after * width
    keep = ((at >= low) & (at < first)) | ((at >= last) & (at < high))
    at, account = at[keep], account[keep]
    place = np.where(at < first, (at - low) // width, before + (at - last) // width)
    counts = np.zeros((len(is_acted), before + after))
    np.add.at(counts, (account, place), 1.0)
    total: Floats = counts.sum(axis=0)
    if total[:before].sum() == 0:
        raise InputError(
            Problem(fact="the group sent nothing before the action", found=f"{before} bins without a request")
        )
    mine: Floats = counts[is_acted].sum(axis=0)
    acted = change(mine[:before], mine[before:]) if mine[:before].sum() > 0 else None
    others = counts[~is_acted]
    taken, takers, newcomers = None, 0, 0
    if len(others) and acted is not None:
        lost = max(acted.before - acted.after, 1e-9)
        taken = taken_up(others.sum(axis=0)[:before], others.sum(axis=0)[before:], lost)
        more = others[:, before:].mean(axis=1) > others[:, :before].mean(axis=1)
        takers = int(more.sum()) if taken.share > 0 else 0
        newcomers = int((more & (others[:, :before].sum(axis=1) == 0)).sum()) if takers else 0
    return Effect(
        whole=change(total[:before], total[before:]),
        acted=acted,
        taken=taken,
        takers=takers,
        newcomers=newcomers,
        accounts_acted_on=int(is_acted.sum()),
        accounts=len(is_acted),
        bins_before=before,
        bins_after=after,
        bin_s=bin_s,
        first=first,
        last=last,
    )
