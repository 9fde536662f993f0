"""From the answers of several models on the same rows to evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from features.cutoff import Cutoff
from models import metrics
from models.calibration import expected_calibration_error
from models.classifier import Floats, Labels
from pipeline.evaluation.evidence import Difference, Estimate, Evidence, Judged

LEAST_OF_EACH = 2
"""Users of each outcome without whom an interval of the AUC does not exist."""


@dataclass(frozen=True)
class Answers:
    """One model's answers on the n evaluation rows, all models in the same order of rows."""

    version: str
    kind: str
    labels_until: Cutoff
    raw: Floats
    probability: Floats


def assess(y: Labels, raw: Floats, probability: Floats) -> dict[str, Estimate]:
    """Metric → estimate for outcomes y (n,), log-odds and calibrated probabilities (n,), all finite.

    auc, average_precision  of the order; the AUC with DeLong's interval
    log_loss, brier         of the probabilities, lower is better
    ece                     expected calibration error over ten bins of equal size
    """
    return {
        "auc": Estimate(*metrics.auc_interval(y, raw)),
        "average_precision": Estimate(metrics.average_precision(y, raw)),
        "log_loss": Estimate(metrics.log_loss(y, probability)),
        "brier": Estimate(metrics.brier(y, probability)),
        "ece": Estimate(expected_calibration_error(y, probability)),
    }


def weigh(target: str, as_of: Cutoff, evaluation: Cutoff, y: Labels, answers: Sequence[Answers], set_aside: Mapping[str, str]) -> Evidence:
    """The evidence in all models' answers on the rows with outcomes y (n,).

    A model that left a row without a finite answer is set aside: figures on different rows cannot be compared.
    Raises ValueError for fewer than two rows of either outcome.
    """
    missing = {model.version: int((~np.isfinite(model.probability)).sum()) for model in answers}
    incomplete = {version: f"it gave no finite score for {count} of {len(y)} users" for version, count in missing.items() if count}
    whole = [model for model in answers if model.version not in incomplete]
    return Evidence(
        target=target,
        as_of=as_of,
        evaluation=evaluation,
        rows=len(y),
        positives=int(y.sum()),
        models=tuple(Judged(model.version, model.kind, model.labels_until, assess(y, model.raw, model.probability)) for model in whole),
        differences=tuple(
            Difference(one.version, other.version, Estimate(*metrics.paired_auc(y, one.raw, other.raw)))
            for one, other in permutations(whole, 2)
        ),
        set_aside={**set_aside, **incomplete},
    )
