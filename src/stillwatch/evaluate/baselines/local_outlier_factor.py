"""Local outlier factor on account features (Breunig et al. 2000)."""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.features import account_features
from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats


def local_outlier_factor(traffic: Traffic) -> Floats:
    """Local outlier factor of each account among twenty neighbours, by scikit-learn; higher is more
    anomalous.
    """
    from sklearn.neighbors import LocalOutlierFactor

    model = LocalOutlierFactor(n_neighbors=20).fit(account_features(traffic))
    return -np.asarray(model.negative_outlier_factor_)
