"""How well parameters of the trees do on later rows: trainings that share one binned matrix, for a search and for the contest after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import lightgbm
import numpy as np
from scipy.stats import norm

from features.feature_set import FeatureSet
from features.timeline import Ints
from models import gbdt_rows
from models.classifier import Floats, NotLearnable
from models.forward_folds import ContestFold, ForwardFold
from models.gbdt_parameters import GbdtParameters
from models.gbdt_training import DeviceRefused, Stopped, stopped_early
from models.metrics import Interval
from models.sample_weights import sample_weights
from models.samples import Samples


class OutOfTime(Exception):
    """A training was ended between two rounds, as its deadline had come."""


@dataclass(frozen=True)
class FoldLoss:
    """Mean log loss of `rows` held-out rows after the best number of rounds."""

    loss: float
    rows: int
    rounds: int


class Judge:
    """Trains on rows of `samples` and judges on others.

    The matrix is binned once: bins do not depend on what is searched. Weights are those of `start`; bags are not, one stands for all.
    Raises NotLearnable when no column tells rows apart; `loss` and `contest` raise DeviceRefused like the training itself.
    """

    def __init__(self, samples: Samples, columns: FeatureSet, start: GbdtParameters, seed: int) -> None:
        self._samples = samples
        self._seed = seed
        self._features = gbdt_rows.fitted_features(samples, columns, seed)
        if not self._features.names:
            raise NotLearnable(f"All {len(self._features.dropped)} feature columns have one value in all {len(samples.labels)} samples")
        weights = sample_weights(samples, start.half_life_days, start.positive_weight)
        everything = np.arange(len(samples.labels))
        self._binned = gbdt_rows.dataset(samples, self._features, everything, weights, self._settings(start))

    def loss(self, parameters: GbdtParameters, fold: ForwardFold, deadline: float) -> FoldLoss:
        """The least log loss that the judged rows have after any round; outcomes weigh as in training.

        Raises OutOfTime when `time.monotonic` reaches the deadline.
        """
        stopped = self._trained(parameters, fold.learn, fold.judged, deadline)
        return FoldLoss(float(stopped.curve[stopped.rounds - 1]), len(fold.judged), stopped.rounds)

    def contest(self, parameters: Sequence[GbdtParameters], folds: Sequence[ContestFold]) -> tuple[Ints, Floats]:
        """(m,) the judged rows of all folds, and (k, m) what each of k parameters loses on each of them: log loss of one row."""
        rows, lost = [], []
        for fold in folds:
            X = self._features.apply(self._samples.matrix(fold.judged))
            lost.append([self._lost(self._trained(each, fold.learn, fold.stop, np.inf), X, fold, each) for each in parameters])
            rows.append(fold.judged)
        return np.concatenate(rows), np.concatenate(lost, axis=1)

    def _lost(self, stopped: Stopped, X: Floats, fold: ContestFold, parameters: GbdtParameters) -> Floats:
        raw = stopped.booster.predict(X, raw_score=True, num_iteration=stopped.rounds, num_threads=parameters.threads)
        # Weighting outcome 1 moves the log-odds by the logarithm of the weight: without it they are judged as probabilities.
        raw = np.asarray(raw, dtype=np.float64) - np.log(parameters.positive_weight)
        lost: Floats = np.logaddexp(0, raw) - self._samples.labels[fold.judged] * raw
        return lost

    def _trained(self, parameters: GbdtParameters, learn: Ints, held_out: Ints, deadline: float) -> Stopped:
        train, valid = self._binned.subset(learn), self._binned.subset(held_out)
        try:
            return stopped_early(train, valid, self._settings(parameters), parameters, _until(deadline))
        except lightgbm.basic.LightGBMError as error:
            if parameters.device == "cpu":
                raise
            raise DeviceRefused(f"LightGBM cannot train on '{parameters.device}': {error}") from error

    def _settings(self, parameters: GbdtParameters) -> dict[str, object]:
        return parameters.settings(self._features.names, self._seed)


def mean_difference(users: Ints, differences: Floats, level: float = 0.95) -> Interval:
    """The mean of (m,) differences with its interval, in which all rows of a user count as one draw.

    users (m,) numbers, equal for rows of one user. Needs two users.
    Source: the cluster-robust variance of a mean with the correction U / (U − 1); Cameron & Miller 2015, "A practitioner's guide".
    """
    mean = float(differences.mean())
    _, cluster = np.unique(users, return_inverse=True)
    sums = np.bincount(cluster, weights=differences - mean)
    variance = float((sums**2).sum()) / len(differences) ** 2 * len(sums) / (len(sums) - 1)
    half = float(norm.ppf(0.5 + level / 2)) * variance**0.5
    return Interval(mean, mean - half, mean + half)


def _until(deadline: float) -> Callable[[], None]:
    def watch() -> None:
        if time.monotonic() >= deadline:
            raise OutOfTime

    return watch
