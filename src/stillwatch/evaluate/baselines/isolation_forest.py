"""Isolation forest on account features (Liu, Ting and Zhou 2008)."""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.features import account_features
from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats


def isolation_forest(traffic: Traffic) -> Floats:
    """Anomaly score of each account by scikit-learn's forest of 200 trees; higher is more anomalous."""
    from sklearn.ensemble import IsolationForest

    table = account_features(traffic)
    return -np.asarray(IsolationForest(n_estimators=200, random_state=0).fit(table).score_samples(table))
