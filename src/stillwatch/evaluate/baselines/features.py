"""Features of an account for anomaly detectors."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats

HOUR = 3600.0  # seconds


def account_features(traffic: Traffic) -> Floats:
    """Feature matrix, shape (accounts, 14), each column standardised to zero mean and unit variance.

    Features describe volume, active hours, pauses, lengths and variety of values.
    """
    n = len(traffic.names)
    count = np.maximum(traffic.counts, 1)

    def mean(values: Floats) -> Floats:
        """Mean of a value of each request, by account."""
        return np.asarray(np.bincount(traffic.account, weights=values, minlength=n) / count)

    def variety(name: str) -> Floats:
        """Number of distinct values of a column, by account."""
        codes = traffic.rows.column(name).combine_chunks().dictionary_encode().indices.fill_null(-1)
        pairs = np.unique(np.stack([traffic.account, codes.to_numpy()]), axis=1)
        return np.bincount(pairs[0], minlength=n).astype(np.float64)

    def number(name: str) -> Floats:
        """log2(1 + value) of a column of numbers, 0 for null, by request."""
        return np.log2(traffic.rows.column(name).cast(pa.float64()).fill_null(0.0).to_numpy() + 1.0)

    hour = (traffic.at // HOUR).astype(np.int64)
    active = np.bincount(
        np.unique(traffic.account * (hour.max() + 1) + hour) // (hour.max() + 1), minlength=n
    )
    order = np.lexsort((traffic.at, traffic.account))
    gap = np.diff(traffic.at[order], prepend=traffic.at[order][0])
    inner = np.concatenate([[False], np.diff(traffic.account[order]) == 0])
    gaps = np.zeros(len(order))
    gaps[order] = np.where(inner, np.log2(np.maximum(gap, 1.0)), 0.0)
    length = np.log2(pc.utf8_length(traffic.rows.column("prompt").fill_null("")).to_numpy() + 1.0)
    night = (traffic.at // HOUR % 24 < 6).astype(np.float64)
    columns = [
        np.log2(count),
        np.log2(active + 1.0),
        mean(night),
        mean(gaps),
        mean(gaps**2),
        mean(length),
        mean(length**2),
        mean(number("output_tokens")),
        mean(number("max_tokens")),
        variety("client_ip"),
        variety("user_agent"),
        variety("model"),
        variety("tls_fingerprint"),
        variety("prompt") / count,
    ]
    table = np.stack(columns, axis=1)
    spread = table.std(axis=0)
    return np.asarray((table - table.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
