"""Gradient-boosted trees on the feature matrix: the LightGBM room."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import lightgbm
import numpy as np

from models.classifier import Batch, Effects, Floats
from models.model_features import ModelFeatures
from models.tree_shap import contributions
from models.tree_walk import Forest

MODEL_FILE, FEATURES_FILE = "model.txt", "model_features.json"

CHUNK_ROWS = 16_384
"""Read and answered together: what is copied for them stays in fast memory, which doubles the pace of a million users."""


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
        X, answers = batch.features, np.empty(len(batch.features))
        for first in range(0, max(len(X), 1), CHUNK_ROWS):
            chunk = slice(first, first + CHUNK_ROWS)
            answers[chunk] = self._forest.raw(self.features.apply(X[chunk]), self.threads)
        return answers

    def effects(self, batch: Batch) -> Effects:
        """Exact SHAP values of every column of `features`: they and the mean prediction add up to `raw`."""
        X = self.features.apply(batch.features)
        return Effects(self.features.names, contributions(self.booster, X, self.threads), X)

    def save(self, folder: Path) -> None:
        """Write `model.txt`, LightGBM's text form, and `model_features.json`."""
        self.booster.save_model(folder / MODEL_FILE)
        (folder / FEATURES_FILE).write_text(json.dumps(self.features.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @cached_property
    def _forest(self) -> Forest:
        return Forest.of(self.booster)


def load(folder: Path, threads: int = 0) -> Gbdt:
    """The model that `save` wrote. Raises ValueError for what is no model, and for features that were changed or are not the model's.

    The caller has checked the files' digests: LightGBM ends the process on a damaged file.
    """
    features = ModelFeatures.from_json(json.loads((folder / FEATURES_FILE).read_text(encoding="utf-8")))
    try:
        booster = lightgbm.Booster(model_file=folder / MODEL_FILE)
    except lightgbm.basic.LightGBMError as error:
        raise ValueError(f"{MODEL_FILE} is no model of LightGBM's: {error}") from error
    return Gbdt(booster, features, threads)
