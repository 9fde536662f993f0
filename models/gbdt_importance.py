"""How much each column matters to a model of gradient-boosted trees."""

from __future__ import annotations

import numpy as np

from models.classifier import Floats
from models.gbdt import Gbdt
from models.tree_shap import contributions


def importance(model: Gbdt, X: Floats) -> dict[str, tuple[float, float]]:
    """Column of the model → its gain in training, and the mean of |SHAP| over the rows X (n, F) of the feature set, in log-odds."""
    gain = model.booster.feature_importance(importance_type="gain")
    moved = np.abs(contributions(model.booster, model.features.apply(X), model.threads)).mean(axis=0)
    return {name: (float(each), float(mean)) for name, each, mean in zip(model.features.names, gain, moved, strict=True)}
