"""How much users spend who spend at all: the second half of a zero-inflated total, beside the classifier that gives the first.

E[value] = P(value > 0) × E[value | value > 0]
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import lightgbm
import numpy as np

from features.timeline import Ints
from models import folds, gbdt_rows
from models.classifier import Floats
from models.gbdt import FEATURES_FILE
from models.gbdt_parameters import GbdtParameters
from models.model_features import ModelFeatures
from models.samples import Samples
from models.tree_walk import Forest

TREES_FILE, AMOUNT_FILE = "amount.txt", "amount.json"
LEAST_ROWS = 200
"""Below so many rows with an amount, trees know less than the mean."""

FOLDS = 5
LARGEST_CORRECTION = 4.0


@dataclass(frozen=True)
class Amount:
    """E[value | value > 0] in the source's unit: `scale` × what the trees say of the user; without trees `scale` for everybody.

    rows  with an amount above 0 that taught it
    """

    scale: float
    rows: int
    features: ModelFeatures | None = None
    booster: lightgbm.Booster | None = None
    threads: int = 0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.scale) and self.scale >= 0):
            raise ValueError(f"The scale of an amount is finite and not below 0, got {self.scale!r}")

    def expected(self, X: Floats) -> Floats:
        """(n,) finite and not below 0, for the (n, F) matrix of the feature set. Each user's answer depends on that user alone."""
        if self.booster is None or self.features is None:
            return np.full(len(X), self.scale)
        answer: Floats = self.scale * np.exp(self._forest.raw(self.features.apply(X), self.threads))
        return answer

    @cached_property
    def _forest(self) -> Forest:
        return Forest.of(self.booster)

    def save(self, folder: Path) -> None:
        """Write `amount.json` and, with trees, `amount.txt`. The classifier beside it writes the features that both read."""
        if self.booster is not None:
            self.booster.save_model(folder / TREES_FILE)
        told = {"scale": self.scale, "rows": self.rows, "features": self.features and self.features.fingerprint}
        (folder / AMOUNT_FILE).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def fit(
    samples: Samples, features: ModelFeatures, parameters: GbdtParameters, seed: int, calibration_rows: Ints, probability: Floats
) -> Amount:
    """Trees of the amount on the classifier's columns, learned from the rows with an amount above 0 at every cutoff but the newest.

    calibration_rows (m,) positions of rows at the newest cutoff, ascending, with their calibrated probability (m,): there the scale makes
    the total of probability × amount what was observed. An amount below 0, which cancellations leave, counts as 0 here and there.
    With fewer than `LEAST_ROWS` rows to learn from it is one mean for everybody. The same input gives the same trees.
    A single cutoff teaches and calibrates.
    """
    spent, newest = _spent(samples.amounts), len(samples.cutoffs) - 1
    rows = np.flatnonzero((spent > 0) & ((samples.cutoff < newest) | (newest == 0)))
    if len(rows) < LEAST_ROWS:
        return constant(spent[calibration_rows], probability)
    booster = _trees(samples, features, rows, parameters, seed)
    unscaled = Amount(1.0, len(rows), features, booster, parameters.threads)
    expected = probability * unscaled.expected(samples.matrix(calibration_rows))
    return replace(unscaled, scale=_correction(spent[calibration_rows], expected))


def constant(amounts: Floats, probability: Floats) -> Amount:
    """One amount for everybody, so that the total of probability (m,) × amount is that of amounts (m,); below 0 counts as 0."""
    spent = _spent(amounts)
    return Amount(float(spent.sum() / probability.sum()), int((spent > 0).sum()))


def load(folder: Path, threads: int = 0) -> Amount:
    """The amount that `save` wrote, with the features that the classifier of the same folder reads.

    Raises ValueError for an amount that is not there or not whole, and where those features are not the ones it was trained on. The caller
    has checked the files' digests.
    """
    if not (folder / AMOUNT_FILE).is_file():
        raise ValueError(f"The model of a sum has no {AMOUNT_FILE}")
    told = json.loads((folder / AMOUNT_FILE).read_text(encoding="utf-8"))
    if set(told) != {"scale", "rows", "features"}:
        raise ValueError(f"An amount has scale, rows and features, got {', '.join(sorted(told)) or 'nothing'}")
    if told["features"] is None:
        return Amount(told["scale"], told["rows"])
    features = ModelFeatures.from_json(json.loads((folder / FEATURES_FILE).read_text(encoding="utf-8")))
    if features.fingerprint != told["features"]:
        raise ValueError(f"The amount was trained on features {told['features']}, those beside it are {features.fingerprint}")
    return Amount(told["scale"], told["rows"], features, lightgbm.Booster(model_file=folder / TREES_FILE), threads)


def _spent(amounts: Floats) -> Floats:
    return np.maximum(np.nan_to_num(amounts, nan=0.0), 0.0)


def _trees(samples: Samples, features: ModelFeatures, rows: Ints, parameters: GbdtParameters, seed: int) -> lightgbm.Booster:
    """A gamma regression with as many rounds as serve a fifth of the users best, then refitted on all of them.

    What makes a purchase likelier need not make it larger, so the classifier's monotone columns are free here. On earlier cutoffs of Online
    Retail and on a simulated shop a regression of logarithms ordered users as well and needed the larger correction of the total (1.4 and
    1.6 times, a gamma 1.2 and 1.1 times); to cut off the largest amounts made the errors on Online Retail larger.
    """
    gamma = {"objective": "gamma", "metric": "gamma_deviance"}
    settings = replace(parameters, monotone={}).settings(features.names, seed) | gamma
    data = gbdt_rows.dataset(samples, features, rows, None, settings).set_label(_spent(samples.amounts[rows]))
    held_out = folds.assign(samples.users[rows], FOLDS, seed) == 0
    stopped = lightgbm.train(
        settings,
        data.subset(np.flatnonzero(~held_out)),
        num_boost_round=parameters.rounds,
        valid_sets=[data.subset(np.flatnonzero(held_out))],
        callbacks=[lightgbm.early_stopping(parameters.early_stopping, verbose=False)],
    )
    return lightgbm.train(settings, data, num_boost_round=max(1, stopped.best_iteration))


def _correction(observed: Floats, expected: Floats) -> float:
    """Observed over expected total, within a factor of `LARGEST_CORRECTION`; 1 where nothing was observed."""
    ratio = float(observed.sum() / expected.sum())
    return float(np.clip(ratio, 1 / LARGEST_CORRECTION, LARGEST_CORRECTION)) if ratio > 0 else 1.0
