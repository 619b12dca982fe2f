"""What share of a group's requests is more than its members' ordinary use would be?

The mix of request styles of a pool is taken as (1 - s) of what other accounts ask, each account counting alike, plus s
of something else. What is asked for elsewhere and hardly by the pool bounds 1 - s from above; the bound is taken where
three tenths of ordinary use lie below it, so that neither noise in rare styles nor a campaign's own choice among
common ones decides. This is the mixture proportion of Blanchard, Lee and Scott (2010), whose infimum over all sets is
relaxed to a quantile over single styles. A harvest without cover has s near 1, end users relayed have s near 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

ORDINARY = 0.3
WORTH = 0.25  # below this share nothing stands out, and no exchange is told from another by its style
LEAST, MOST = -4.0, 6.0
SURE = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """The share s, and per style the log-likelihood ratio of the something else against ordinary use."""

    share: float
    styles: tuple[str, ...]
    ratios: npt.NDArray[np.float64]
    apart: bool = True  # whether that something else may be told from the rest exchange by exchange

    @property
    def prior(self) -> float:
        """Log odds that an exchange of the pool is not its ordinary use, before it is looked at; 0 excess tells nothing."""
        return float(np.clip(np.log(self.share) - np.log(max(1.0 - self.share, 1e-9)), -SURE, SURE))

    @property
    def tells(self) -> bool:
        """Whether exchanges are told apart by their style: the share is large, and the rest is not the pool's as well."""
        return self.apart and self.share >= WORTH


def excess(styled: pa.Table, members: frozenset[str]) -> Excess:
    """From `account_id`, `value` (style) and `exchanges` of all accounts; `members` are the pool's."""
    account = styled.column("account_id").combine_chunks().dictionary_encode()
    value = styled.column("value").combine_chunks().dictionary_encode()
    counts = styled.column("exchanges").to_numpy().astype(float)
    who, what = account.indices.to_numpy(), value.indices.to_numpy()
    inside = np.array([name in members for name in account.dictionary.to_pylist()], bool)[who]
    totals = np.bincount(who, weights=counts)
    styles = tuple(value.dictionary.to_pylist())
    mine = np.bincount(what[inside], weights=counts[inside], minlength=len(styles))
    each = np.bincount(what[~inside], weights=counts[~inside] / totals[who[~inside]], minlength=len(styles))
    if mine.sum() == 0 or each.sum() == 0:
        return Excess(share=0.0, styles=styles, ratios=np.zeros(len(styles)))
    mine, each = mine / mine.sum(), each / each.sum()
    known = np.flatnonzero(each > 0)
    ratio = mine[known] / each[known]
    order = np.argsort(ratio, kind="stable")
    below = np.cumsum(each[known][order])
    ordinary = min(1.0, float(ratio[order][np.searchsorted(below, ORDINARY)]))
    share = 1.0 - ordinary
    left = np.maximum(mine - ordinary * each, 0.02 * mine)
    floor = 1.0 / max(counts[~inside].sum(), 1.0)
    found = np.log(np.maximum(left, floor) / left.sum()) - np.log(np.maximum(each, floor))
    return Excess(share=share, styles=styles, ratios=np.clip(found, LEAST, MOST))
