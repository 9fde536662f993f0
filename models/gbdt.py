"""Gradient-boosted trees on the feature matrix: the LightGBM room."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import lightgbm
import numpy as np

from features.feature_set import FeatureSet
from features.timeline import Ints
from models import folds, model_features
from models.classifier import Batch, Effects, Floats, Labels, NotLearnable, refuse_unlearnable
from models.gbdt_parameters import GbdtParameters
from models.model_features import ModelFeatures
from models.tree_shap import contributions

MODEL_FILE, FEATURES_FILE = "model.txt", "model_features.json"


@dataclass(frozen=True)
class Gbdt:
    """A LightGBM model of log-odds, and the columns it reads. Raises ValueError if these are not the ones it was trained on."""

    kind: ClassVar[str] = "gbdt"
    booster: lightgbm.Booster
    features: ModelFeatures
    threads: int = 0

    def __post_init__(self) -> None:
        learned = tuple(self.booster.feature_name())
        if learned != self.features.names:
            other = sorted(set(learned) ^ set(self.features.names))
            raise ValueError(
                f"The model was trained on {len(learned)} columns, its features are {len(self.features.names)}; "
                + (f"only in one of them: {', '.join(other)}" if other else "their order differs")
            )

    def raw(self, batch: Batch) -> Floats:
        """(n,) uncalibrated log-odds. Raises ValueError when the number of feature columns is not the model's."""
        X = self.features.apply(batch.features)
        return np.asarray(self.booster.predict(X, raw_score=True, num_threads=self.threads), dtype=np.float64)

    def effects(self, batch: Batch) -> Effects:
        """Exact SHAP values of every column of `features`: they and the mean prediction add up to `raw`."""
        X = self.features.apply(batch.features)
        return Effects(self.features.names, contributions(self.booster, X, self.threads), X)

    def save(self, folder: Path) -> None:
        """Write `model.txt`, LightGBM's text form, and `model_features.json`."""
        self.booster.save_model(folder / MODEL_FILE)
        (folder / FEATURES_FILE).write_text(json.dumps(self.features.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class FittedGbdt:
    """A model and what its folds say.

    model            trained on every sample
    out_of_fold_raw  (n,) log-odds of each sample by the fold model that has not seen its user: what calibration learns from
    rounds           trees of `model`, the mean of the folds' best
    curve            (r,) held-out log loss after each round, mean over folds, up to the first fold's stop
    """

    model: Gbdt
    out_of_fold_raw: Floats
    rounds: int
    curve: Floats


def fit(X: Floats, y: Labels, users: Ints, columns: FeatureSet, parameters: GbdtParameters, seed: int) -> FittedGbdt:
    """A model of P(y = 1 | X), cross-fitted by user.

    X (n, F) float64, the matrix of `columns`, NaN = undefined; y (n,) 0/1; users (n,) int64, equal for samples of one user.
    The columns that the model reads are fitted on all of X, which needs no outcome. Each fold stops early on its own held-out users; the
    final model takes every sample and the folds' mean best number of rounds. Outcomes are not reweighted, so the log-odds stay near the
    truth. The same input gives the same model text.
    Raises NotLearnable for one outcome only, fewer users than two per fold, or samples that are all alike.
    """
    refuse_unlearnable(y, users, least_users=2 * parameters.folds)
    features = model_features.fit(X, columns, seed)
    if not features.names:
        raise NotLearnable(f"All {len(features.dropped)} feature columns have one value in all {len(y)} samples")
    X, settings = features.apply(X), _settings(parameters, seed)
    data = lightgbm.Dataset(X, label=y, feature_name=list(features.names), params=settings, free_raw_data=False).construct()
    held_out = folds.assign(users, parameters.folds, seed)
    out_of_fold = np.empty(len(y))
    best, curves = [], []
    for fold in range(parameters.folds):
        outside, inside = np.flatnonzero(held_out == fold), np.flatnonzero(held_out != fold)
        refuse_unlearnable(y[inside], users[inside], least_users=parameters.folds)
        booster, curve = _stopped_early(data, inside, outside, settings, parameters)
        out_of_fold[outside] = booster.predict(X[outside], raw_score=True, num_threads=parameters.threads)
        best.append(booster.best_iteration)
        curves.append(curve)
    rounds = max(1, round(float(np.mean(best))))
    model = Gbdt(lightgbm.train(settings, data, num_boost_round=rounds), features, parameters.threads)
    shortest = min(len(curve) for curve in curves)
    return FittedGbdt(model, out_of_fold, rounds, np.mean([curve[:shortest] for curve in curves], axis=0))


def load(folder: Path, threads: int = 0) -> Gbdt:
    """The model that `save` wrote. Raises ValueError for features that were changed, or that are not the model's.

    The caller has checked the files' digests: LightGBM ends the process on a damaged file.
    """
    features = ModelFeatures.from_json(json.loads((folder / FEATURES_FILE).read_text(encoding="utf-8")))
    return Gbdt(lightgbm.Booster(model_file=folder / MODEL_FILE), features, threads)


def _stopped_early(
    data: lightgbm.Dataset, inside: Ints, outside: Ints, settings: dict[str, Any], parameters: GbdtParameters
) -> tuple[lightgbm.Booster, Floats]:
    history: dict[str, dict[str, list[float]]] = {}
    booster = lightgbm.train(
        settings,
        data.subset(inside),
        num_boost_round=parameters.rounds,
        valid_sets=[data.subset(outside)],
        valid_names=["held_out"],
        callbacks=[
            lightgbm.early_stopping(parameters.early_stopping, verbose=False),
            lightgbm.record_evaluation(history),
        ],
    )
    return booster, np.array(history["held_out"]["binary_logloss"])


def _settings(parameters: GbdtParameters, seed: int) -> dict[str, Any]:
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": parameters.learning_rate,
        "num_leaves": parameters.leaves,
        "max_depth": parameters.depth,
        "min_data_in_leaf": parameters.min_leaf,
        "num_threads": parameters.threads,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
