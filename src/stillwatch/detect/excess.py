"""What share of a group's requests is more than its members' ordinary use would be?

The mix of request styles of a pool is taken as (1 - s) of what other accounts ask, each account counting
alike, plus s of something else. What is asked for elsewhere and hardly by the pool bounds 1 - s from above;
the bound is taken where three tenths of ordinary use lie below it, so that neither noise in rare styles nor a
campaign's own choice among common ones decides. This is the mixture proportion of Blanchard, Lee and Scott
(2010), whose infimum over all sets is relaxed to a quantile over single styles. A harvest without cover has s
near 1, end users relayed have s near 0.

What one group of people asks is not the average of all: its languages, hours and trades shift every style a
little. So a request is only told apart where most of its style is left over when ordinary use is taken
`LARGEST_ORDINARY_RATIO` times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

ORDINARY_SHARE = 0.3
LARGEST_ORDINARY_RATIO = 2.0  # a group's ordinary use of a style may be this many times the average of all
# below this share of requests told apart nothing stands out, and none is told from another by its style
LEAST_SHARE_TOLD_APART = 0.05
SMALLEST_LOG_RATIO, LARGEST_LOG_RATIO = -4.0, 6.0
STRANGE_LOG_RATIO = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """Per style the log-likelihood ratio of the something else against ordinary use.

    `share` is what remains of s where a group's ordinary use may vary, and the prior of an exchange;
    `strange` says of which styles more requests are something else even so, and `told` is the share of
    requests of these styles.
    """

    share: float
    styles: tuple[object, ...]  # whatever names them in the table
    ratios: npt.NDArray[np.float64]
    strange: npt.NDArray[np.bool_]
    told: float = 0.0
    apart: bool = True  # whether that something else may be told from the rest exchange by exchange

    @property
    def prior(self) -> float:
        """Log odds that an exchange of the pool is not its ordinary use, before it is looked at; 0 excess
        tells nothing.
        """
        some = min(max(self.share, 1e-9), 1.0 - 1e-9)
        return float(np.clip(np.log(some) - np.log(1.0 - some), -STRANGE_LOG_RATIO, STRANGE_LOG_RATIO))

    @property
    def tells(self) -> bool:
        """Whether exchanges are told apart by their style: enough of them are, and the rest is not the
        pool's as well.
        """
        return self.apart and self.told >= LEAST_SHARE_TOLD_APART


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
        nothing = np.zeros(len(styles))
        return Excess(share=0.0, styles=styles, ratios=nothing, strange=nothing > 0)
    mine, each = mine / mine.sum(), each / each.sum()
    known = np.flatnonzero(each > 0)
    ratio = mine[known] / each[known]
    order = np.argsort(ratio, kind="stable")
    below = np.cumsum(each[known][order])
    ordinary = min(1.0, float(ratio[order][np.searchsorted(below, ORDINARY_SHARE)]))
    floor = 1.0 / max(counts[~inside].sum(), 1.0)
    each = np.maximum(each, floor)
    more, rest = (
        np.maximum(mine - times * ordinary * each, 0.02 * mine) for times in (1.0, LARGEST_ORDINARY_RATIO)
    )
    strange = 2 * rest > mine
    ratios = np.log(np.maximum(more, floor) / more.sum()) - np.log(each)
    return Excess(
        share=float(rest.sum()),
        styles=styles,
        ratios=np.clip(ratios, SMALLEST_LOG_RATIO, LARGEST_LOG_RATIO),
        strange=strange,
        told=float(mine[strange].sum()),
    )
