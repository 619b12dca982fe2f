"""Is an account in a thinner place than its neighbours? (Breunig et al. 2000)"""

from __future__ import annotations

import numpy as np

from stillwatch.evaluate.baselines.features import account_features
from stillwatch.evaluate.baselines.registry import Reals, Traffic


def local_outlier_factor(traffic: Traffic) -> Reals:
    """Local outlier factor among twenty neighbours, as scikit-learn computes it."""
    from sklearn.neighbors import LocalOutlierFactor

    model = LocalOutlierFactor(n_neighbors=20).fit(account_features(traffic))
    return -np.asarray(model.negative_outlier_factor_)
