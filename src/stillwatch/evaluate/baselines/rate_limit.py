"""A limit on each account's requests per day."""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats

DAY = 86400.0  # seconds


def rate_limit(traffic: Traffic) -> Floats:
    """Requests of each account on its busiest day."""
    day = ((traffic.at - traffic.at[0]) // DAY).astype(np.int64)
    days = int(day.max()) + 1
    per_day = np.bincount(traffic.account * days + day, minlength=len(traffic.names) * days)
    return per_day.reshape(len(traffic.names), days).max(axis=1).astype(np.float64)
