"""PRADA on the pooled requests of each proposed group."""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.prada import MOST_PROMPTS, abnormality
from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats


def prada_pooled(traffic: Traffic) -> Floats:
    """1 - W on the pooled requests of a group, in time order; each account gets the highest value of its
    groups, NaN outside all.
    """
    places = traffic.of_accounts(8)
    pooled = [np.sort(np.concatenate([places[a] for a in group]))[:MOST_PROMPTS] for group in traffic.groups]
    return traffic.spread([abnormality(traffic.vectors, some) for some in pooled])
