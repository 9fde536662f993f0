"""From samples to a model of gradient-boosted trees, with answers about users and a cutoff that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import lightgbm
import numpy as np

from features.feature_set import FeatureSet
from features.splits import Roles
from features.timeline import Ints
from models import cross_fitting, gbdt_rows
from models.classifier import Floats, Labels, NotLearnable
from models.cross_fitting import Fold, Plan
from models.gbdt import Gbdt
from models.gbdt_bags import averaged
from models.gbdt_parameters import GbdtParameters
from models.model_features import ModelFeatures
from models.sample_weights import sample_weights
from models.samples import Samples

METRIC = "binary_logloss"


class DeviceRefused(RuntimeError):
    """LightGBM cannot train on the device it was told to."""


@dataclass(frozen=True)
class FittedGbdt:
    """A model and what it says about rows that it was not fitted on when it said it.

    model             to be used
    y, raw            (m,) outcomes and log-odds at the cutoff that calibrates, of held-out users by the model that did not see them
    refitted_raw      (m,) what `model` says of the same rows, if it was fitted again, on these rows too; None if it was not
    calibration_rows  (m,) positions of these in the samples, ascending
    rounds            trees of one bag of `model`
    curve             (r,) weighted held-out log loss after each round, mean over trainings, up to the first one's end
    taught            samples that `model` learned from; taught_positives: those with outcome 1
    folds             of users; 1: a tenth of the users was held out, and the model was not fitted again
    roles             of the cutoffs, as positions in `Samples.cutoffs`
    """

    model: Gbdt
    y: Labels
    raw: Floats
    refitted_raw: Floats | None
    calibration_rows: Ints
    rounds: int
    curve: Floats
    taught: int
    taught_positives: int
    folds: int
    roles: Roles


@dataclass(frozen=True)
class Stopped:
    """A training that ended early: `rounds` trees of `booster` count; curve (r,) held-out log loss after each round."""

    booster: lightgbm.Booster
    rounds: int
    curve: Floats


def fit(
    samples: Samples, columns: FeatureSet, parameters: GbdtParameters, seed: int, on_round: Callable[[], None] = lambda: None
) -> FittedGbdt:
    """A model of P(y = 1 | features), held out by user and by cutoff; see `cross_fitting`.

    columns are those of the blocks' matrices. In each fold a model learns from the other folds' users, ends early on this fold's users
    at a later cutoff, and answers about this fold's users at the cutoff after that. The model then takes every sample and the mean best
    number of rounds. With a single fold, where there is plenty to learn from, that fold's model is the model.
    The columns that the model reads are fitted on samples of every user, which needs no outcome. On a CPU the same input gives the same
    model text. `on_round` is called after every round of every training.
    Raises NotLearnable for samples that cannot teach a model, DeviceRefused where LightGBM cannot use `parameters.device`.
    """
    plan = cross_fitting.plan(samples, parameters.folds, parameters.crossfit_rows, seed)
    features = gbdt_rows.fitted_features(samples, columns, seed)
    if not features.names:
        raise NotLearnable(f"All {len(features.dropped)} feature columns have one value in all {len(samples.labels)} samples")
    work = _Work(samples, features, parameters, seed, on_round)
    try:
        return work.cross_fitted(plan) if plan.refit else work.held_out_once(plan)
    except lightgbm.basic.LightGBMError as error:
        if parameters.device == "cpu":
            raise
        raise DeviceRefused(f"LightGBM cannot train on '{parameters.device}': {error}") from error


def stopped_early(
    train: lightgbm.Dataset,
    held_out: lightgbm.Dataset,
    settings: dict[str, object],
    parameters: GbdtParameters,
    on_round: Callable[[], None],
) -> Stopped:
    """A training that ends once `parameters.early_stopping` rounds have not lowered the loss of `held_out`, or after all rounds."""
    history: dict[str, dict[str, list[float]]] = {}
    booster = lightgbm.train(
        settings,
        train,
        num_boost_round=parameters.rounds,
        valid_sets=[held_out],
        valid_names=["held_out"],
        callbacks=[
            lightgbm.early_stopping(parameters.early_stopping, verbose=False),
            lightgbm.record_evaluation(history),
            lambda _: on_round(),
        ],
    )
    return Stopped(booster, max(1, booster.best_iteration), np.array(history["held_out"][METRIC]))


class _Work:
    """One training: what stays the same in all its folds and bags."""

    def __init__(
        self, samples: Samples, features: ModelFeatures, parameters: GbdtParameters, seed: int, on_round: Callable[[], None]
    ) -> None:
        self._samples = samples
        self._features = features
        self._parameters = parameters
        self._settings = [parameters.settings(features.names, seed + bag) for bag in range(parameters.bags)]
        self._weights = sample_weights(samples, parameters.half_life_days, parameters.positive_weight)
        self._on_round = on_round

    def cross_fitted(self, plan: Plan) -> FittedGbdt:
        """Folds of one binned matrix, then all of it."""
        everything = np.arange(len(self._samples.labels))
        whole = self._dataset(everything)
        stopped = [self._bags(whole.subset(fold.teach), whole.subset(fold.stop)) for fold in plan.folds]
        rounds = max(1, round(float(np.mean([bag.rounds for bags in stopped for bag in bags]))))
        boosters = [self._boosted(settings, whole, rounds) for settings in self._settings]
        return self._fitted(plan, stopped, averaged(boosters, [rounds] * len(boosters)), rounds, everything)

    def held_out_once(self, plan: Plan) -> FittedGbdt:
        """Only the rows that one fold needs are binned."""
        (fold,) = plan.folds
        train = self._dataset(fold.teach)
        bags = self._bags(train, self._dataset(fold.stop, train))
        model = averaged([bag.booster for bag in bags], [bag.rounds for bag in bags])
        return self._fitted(plan, [bags], model, round(float(np.mean([bag.rounds for bag in bags]))), fold.teach)

    def _fitted(self, plan: Plan, stopped: list[list[Stopped]], booster: lightgbm.Booster, rounds: int, taught: Ints) -> FittedGbdt:
        rows, X, raw = self._answers(plan.folds, stopped)
        curves = [bag.curve for bags in stopped for bag in bags]
        shortest = min(map(len, curves))
        return FittedGbdt(
            model=Gbdt(booster, self._features, self._parameters.threads),
            y=self._samples.labels[rows],
            raw=raw,
            refitted_raw=self._predicted(booster, X) if plan.refit else None,
            calibration_rows=rows,
            rounds=rounds,
            curve=np.mean([curve[:shortest] for curve in curves], axis=0),
            taught=len(taught),
            taught_positives=int(self._samples.labels[taught].sum()),
            folds=len(plan.folds),
            roles=plan.roles,
        )

    def _answers(self, folds: tuple[Fold, ...], stopped: list[list[Stopped]]) -> tuple[Ints, Floats, Floats]:
        """Ascending positions of the calibrating samples, what the model reads of them, and the mean log-odds of their fold's bags."""
        rows = np.sort(np.concatenate([fold.calibrate for fold in folds]))
        X, raw = self._features.apply(self._samples.matrix(rows)), np.zeros(len(rows))
        for fold, bags in zip(folds, stopped, strict=True):
            asked = np.searchsorted(rows, fold.calibrate)
            for bag in bags if len(asked) else []:
                raw[asked] += self._predicted(bag.booster, X[asked], bag.rounds) / len(bags)
        return rows, X, raw

    def _predicted(self, booster: lightgbm.Booster, X: Floats, rounds: int | None = None) -> Floats:
        """(n,) log-odds."""
        answers = booster.predict(X, raw_score=True, num_iteration=rounds, num_threads=self._parameters.threads)
        return np.asarray(answers, dtype=np.float64)

    def _bags(self, train: lightgbm.Dataset, held_out: lightgbm.Dataset) -> list[Stopped]:
        return [stopped_early(train, held_out, settings, self._parameters, self._on_round) for settings in self._settings]

    def _boosted(self, settings: dict[str, object], train: lightgbm.Dataset, rounds: int) -> lightgbm.Booster:
        return lightgbm.train(settings, train, num_boost_round=rounds, callbacks=[lambda _: self._on_round()])

    def _dataset(self, rows: Ints, reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
        return gbdt_rows.dataset(self._samples, self._features, rows, self._weights, self._settings[0], reference)
