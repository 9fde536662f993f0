"""Gradient-boosted trees for one target, held out by user and cutoff, calibrated and registered as a candidate."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from features.cutoff import Cutoff
from features.target import Target
from models import amount, calibration, gbdt_training
from models.amount import Amount
from models.gbdt import Gbdt
from models.gbdt_importance import importance
from models.gbdt_parameters import GbdtParameters
from models.gbdt_training import DeviceRefused, FittedGbdt
from models.model_features import ModelFeatures, fitted_features, levels_of, medians
from models.samples import Samples
from pipeline import sufficiency
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import ConfigError
from pipeline.lake import Lake
from pipeline.progress import counter
from pipeline.scoring.enrolment import Trained, Training, enrol, opened
from pipeline.sufficiency import Sufficiency
from pipeline.tracking.runs import Run
from pipeline.training_set import training_set

logger = logging.getLogger(__name__)

SHOWN_ROWS = 10_000
"""Enough for the mean of a column's |SHAP| and for its median."""


def run(config: Config, target: Target, cutoff: Cutoff, *, show: bool) -> dict[str, Any]:
    """Train as of `cutoff` on the labels matured by then; the registered version and its out-of-fold AUC, or why there is none.

    Raises MissingInput if features or labels of a training cutoff have not been built, NotEnoughData if nobody has a label, ConfigError
    for a monotone column that does not exist or a device that LightGBM cannot use.
    """
    training = Training(config, target, cutoff, config.split(target, cutoff), configured_features(config))
    parameters = _parameters(training)
    samples = training_set(Lake(config.lake_url), training.features, target, training.split.training)
    enough = sufficiency.judge(training, samples.labels)
    return sufficiency.trained_or_skipped(
        training, Gbdt.kind, enough, lambda: _registered(training, samples, parameters, enough, show=show)
    )


def _registered(training: Training, samples: Samples, parameters: GbdtParameters, enough: Sufficiency, *, show: bool) -> dict[str, Any]:
    """The result of a whole training.

    Raises NotEnoughData for what only shows in training: one outcome at the cutoff that calibrates, columns without a difference.
    """
    with opened(training, Gbdt.kind) as tracked:
        tracked.tags(enough.tags)
        began = time.perf_counter()
        parameters, fitted = _fit(training, tracked, samples, parameters, show=show)
        spent = _amount(training, samples, fitted, parameters)
        seconds = time.perf_counter() - began
        _describe(tracked, fitted.model.features)
        result = enrol(training, tracked, _trained(training, samples, fitted, parameters, spent), seconds)
    logger.info("trained %s of %s as of %s: version %s", result["kind"], training.target.name, training.as_of, result["version"])
    return result


def _parameters(training: Training) -> GbdtParameters:
    """As configured, with half the cores where nothing is said.

    The sequence model trains at the same time, and threads that wait for each other's core slow both down.
    """
    settings = training.config.training.gbdt
    parameters = GbdtParameters(**settings.model_dump())
    names = _possible(training)
    if unknown := parameters.unmatched(names):
        raise ConfigError(
            f"training.gbdt.monotone names {', '.join(map(repr, unknown))}, but no feature is called so; there are {len(names)}",
            mend="use a name of `nightcast features describe`, or its beginning followed by *",
        )
    return replace(parameters, threads=settings.threads or max(1, (os.cpu_count() or 2) // 2))


def _possible(training: Training) -> list[str]:
    """Every column that a model of these features may read."""
    wanted = training.features.definition
    fitted = fitted_features(wanted.repeat_event, wanted.repeat_days) if wanted.repeat_event else ()
    return [column.name for feature in (*training.features.features, *fitted) for column in levels_of(feature) or (feature,)]


def _tuned(training: Training, tracked: Run, samples: Samples, parameters: GbdtParameters, *, show: bool) -> GbdtParameters:
    if not training.config.training.tuning.minutes:
        return parameters
    from pipeline import tuning

    return tuning.tuned(training, tracked, samples, parameters, show=show)


def _fit(
    training: Training, tracked: Run, samples: Samples, parameters: GbdtParameters, *, show: bool
) -> tuple[GbdtParameters, FittedGbdt]:
    """The parameters used, and the model."""
    try:
        used = _tuned(training, tracked, samples, parameters, show=show)
        with counter("boosting round", show) as on_round:
            return used, gbdt_training.fit(samples, training.features, used, training.config.training.seed, on_round)
    except DeviceRefused as error:
        raise ConfigError(str(error), mend='set training.gbdt.device = "cpu", or install a LightGBM built for the device') from error


def _amount(training: Training, samples: Samples, fitted: FittedGbdt, parameters: GbdtParameters) -> Amount | None:
    if training.target.kind != "sum":
        return None
    seed, rows = training.config.training.seed, fitted.calibration_rows
    probability = calibration.fit(fitted.y, fitted.raw, seed=seed).probability(fitted.raw)
    return amount.fit(samples, fitted.model.features, parameters, seed, rows, probability)


def _trained(training: Training, samples: Samples, fitted: FittedGbdt, parameters: GbdtParameters, spent: Amount | None) -> Trained:
    features = fitted.model.features
    shown = fitted.calibration_rows[np.linspace(0, len(fitted.y) - 1, min(SHOWN_ROWS, len(fitted.y)), dtype=np.int64)]
    matrix = samples.matrix(shown)
    return Trained(
        classifier=fitted.model,
        sentences=features.sentences,
        y=fitted.y,
        raw=fitted.raw,
        rows=fitted.taught,
        positives=fitted.taught_positives,
        parameters={**asdict(parameters), **_described(samples, fitted)},
        curves={"held_out": fitted.curve.tolist()},
        step="round",
        refitted=fitted.refitted_raw,
        best=fitted.rounds,
        importance=importance(fitted.model, matrix),
        typical=medians(matrix, training.features.names),
        amount=spent,
    )


def _described(samples: Samples, fitted: FittedGbdt) -> dict[str, object]:
    """What came of the parameters, and which cutoff did what."""
    features, roles = fitted.model.features, fitted.roles
    return {
        "best_rounds": fitted.rounds,
        "folds_used": fitted.folds,
        "refitted": fitted.folds > 1,
        "teaching_cutoffs": " ".join(str(samples.cutoffs[place]) for place in roles.teach),
        "stopping_cutoff": samples.cutoffs[roles.stop],
        "calibration_cutoff": samples.cutoffs[roles.calibrate],
        "held_out_by": "user and cutoff" if roles.calibrate not in (*roles.teach, roles.stop) else "user",
        "calibration_rows": len(fitted.y),
        "model_features_fingerprint": features.fingerprint,
        "features_kept": len(features.names),
        "features_dropped": len(features.dropped),
    }


def _describe(tracked: Run, features: ModelFeatures) -> None:
    """Which columns the model reads, and why not the others."""
    tracked.table("model_features.json", features.to_json())
    tracked.grid("dropped_features", {"feature": list(features.dropped), "reason": list(features.dropped.values())})
    logger.info("the model reads %s columns; %s tell nothing new", len(features.names), len(features.dropped))
