"""Share of a group's requests that exceeds ordinary use, by style of request.

The distribution of a group's request styles is modelled as a mixture: a share 1 - s of ordinary use, which is
the mean distribution of other accounts, and a share s of something else. Styles that others use and the group
hardly uses bound 1 - s from above. The bound is the `ORDINARY_SHARE` quantile, over ordinary use, of the
ratio of the group's share of a style to the others'; so neither noise in rare styles nor the group's choice
among common ones determines it. This is the mixture proportion of Blanchard, Lee and Scott (2010), with the
infimum over all sets relaxed to a quantile over single styles. For a harvest without cover traffic s is near
1, for relayed end users near 0.

Ordinary use of one group differs from the average: languages, hours and trades shift every style a little. A
request is therefore called beyond ordinary use only if most of its style remains after ordinary use is
subtracted `LARGEST_ORDINARY_RATIO` times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from stillwatch.stats.arrays import Bools, Floats

ORDINARY_SHARE = 0.3  # share of ordinary use in the styles whose ratio is below the bound on 1 - s
LARGEST_ORDINARY_RATIO = 2.0  # times the average of all that a group's ordinary use of a style may be
LEAST_UNUSUAL_SHARE = 0.05  # share of requests beyond ordinary use from which styles separate requests
SMALLEST_LOG_RATIO, LARGEST_LOG_RATIO = -4.0, 6.0  # bounds on the log-likelihood ratio of a style
STRANGE_LOG_RATIO = 4.0  # largest absolute value of the prior log odds


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """Result of `excess`.

    * `share`: estimate of s after ordinary use is subtracted `LARGEST_ORDINARY_RATIO` times.
    * `styles`: the styles; `ratios`, `strange`: for each style, the natural-log likelihood ratio of the
      something else against ordinary use, and whether most of the group's requests of it are beyond
      ordinary use.
    * `unusual`: share of the group's requests in the styles that are `strange`.
    * `apart`: whether single exchanges may be separated by style.
    """

    share: float
    styles: tuple[object, ...]  # as in the column `value` of the input
    ratios: Floats
    strange: Bools
    unusual: float = 0.0
    apart: bool = True

    @property
    def prior(self) -> float:
        """Prior natural-log odds that an exchange of the group is beyond its ordinary use: the log odds of
        `share`, clipped to `STRANGE_LOG_RATIO` in absolute value.
        """
        some = min(max(self.share, 1e-9), 1.0 - 1e-9)
        return float(np.clip(np.log(some) - np.log(1.0 - some), -STRANGE_LOG_RATIO, STRANGE_LOG_RATIO))

    @property
    def tells(self) -> bool:
        """Whether exchanges are separated by style: `apart` holds and `unusual` is at least
        `LEAST_UNUSUAL_SHARE`.
        """
        return self.apart and self.unusual >= LEAST_UNUSUAL_SHARE


def excess(styled: pa.Table, members: frozenset[str]) -> Excess:
    """Compare the request styles of `members` with those of all other accounts.

    `styled` has one row per account and style, with `account_id`, `value` (the style) and `exchanges`. Every
    other account has the same weight. The excess is 0 where members or others have no exchange.
    """
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
        unusual=float(mine[strange].sum()),
    )
