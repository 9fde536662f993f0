"""The simple predictors that a model must beat, fitted, calibrated and registered as candidates."""

from __future__ import annotations

import logging
import time
from typing import Any

from features.cutoff import Cutoff
from features.splits import roles
from features.target import Target
from features.timeline import Ints
from models import amount, baseline_training, calibration
from models.amount import Amount
from models.baseline_training import FittedBaseline
from models.classifier import Floats, Labels
from models.samples import Samples
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import NotEnoughData
from pipeline.lake import Lake
from pipeline.scoring.enrolment import MEND, Trained, Training, enrol, opened
from pipeline.training_set import training_set

logger = logging.getLogger(__name__)


def run(config: Config, target: Target, cutoff: Cutoff, *, show: bool) -> dict[str, Any]:  # noqa: ARG001 – four fits, nothing to count
    """Train as of `cutoff` on the newest labels matured by then; the registered versions, and why there is none of the other kinds.

    Raises MissingInput if features or labels of a training cutoff have not been built, NotEnoughData if nobody has a label.
    """
    training = Training(config, target, cutoff, config.split(target, cutoff), configured_features(config))
    samples = training_set(Lake(config.lake_url), training.features, target, training.split.training)
    if not len(samples.labels):
        raise NotEnoughData(f"Target '{target.name}' as of {cutoff} has no eligible user at any training cutoff", mend=MEND)
    rows = baseline_training.teaching_rows(samples, roles(len(samples.cutoffs)).calibrate)
    began = time.perf_counter()
    found = baseline_training.fit(samples, rows, training.features, target, config.training.seed)
    seconds = (time.perf_counter() - began) / len(found.fitted)
    made = [_enrolled(training, samples, rows, each, seconds) for each in found.fitted]
    logger.info("trained %s of %s as of %s", ", ".join(each["kind"] for each in made), target.name, cutoff)
    for kind, reason in found.left_out.items():
        logger.warning("there is no baseline %s of %s: %s", kind, target.name, reason)
    return {
        "target": target.name,
        "as_of": str(cutoff),
        "trained": True,
        "rows": len(rows),
        "baselines": [{name: each[name] for name in ("kind", "version", "run_id", "auc_out_of_fold")} for each in made],
        "left_out": [f"{kind}: {reason}" for kind, reason in found.left_out.items()],
    }


def _enrolled(training: Training, samples: Samples, rows: Ints, fitted: FittedBaseline, seconds: float) -> dict[str, Any]:
    labels = samples.labels[rows]
    trained = Trained(
        classifier=fitted.model,
        sentences=fitted.sentences,
        y=labels,
        raw=fitted.raw,
        rows=len(rows),
        positives=int(labels.sum()),
        parameters=fitted.parameters,
        curves={},
        step="",
        typical=fitted.typical,
        amount=_amount(training.target, samples.amounts[rows], labels, fitted.raw),
    )
    with opened(training, fitted.model.kind) as tracked:
        return enrol(training, tracked, trained, seconds)


def _amount(target: Target, amounts: Floats, labels: Labels, raw: Floats) -> Amount | None:
    """One amount for everybody, of a sum target."""
    return amount.constant(amounts, calibration.fit(labels, raw).probability(raw)) if target.kind == "sum" else None
