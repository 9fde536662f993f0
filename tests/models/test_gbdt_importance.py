from __future__ import annotations

import numpy as np
import pytest

from models.gbdt_importance import importance
from models.gbdt_parameters import GbdtParameters
from models.gbdt_training import fit
from tests.models.feature_columns import columns
from tests.models.gbdt_samples import samples


def test_what_decides_matters_and_dropped_columns_are_not_named() -> None:
    random = np.random.default_rng(1)
    X = np.column_stack([random.normal(size=(900, 2)), np.zeros(900)])
    y = (X[:, 0] + 0.3 * random.normal(size=900) > 0).astype(np.int8)
    parameters = GbdtParameters(rounds=20, folds=2, threads=1)
    model = fit(samples(X, y, np.arange(900)), columns(["decides", "noise", "constant"]), parameters, seed=1).model
    found = importance(model, X)
    assert list(found) == ["decides", "noise"]
    assert found["decides"][0] > 10 * found["noise"][0]
    contributions = model.booster.predict(X[:, :2], pred_contrib=True)
    assert [moved for _, moved in found.values()] == pytest.approx(np.abs(contributions[:, :2]).mean(axis=0).tolist())
