"""The figures of one model on rows it has not learned from."""

from __future__ import annotations

from dataclasses import dataclass

from models import metrics
from models.calibration import expected_calibration_error
from models.classifier import Floats, Labels

LEAST_OF_EACH = 2
"""Users of each outcome without whom an interval of the AUC does not exist."""


@dataclass(frozen=True)
class Estimate:
    """A figure; lower and upper are the ends of its 95 % interval where one is known."""

    value: float
    lower: float | None = None
    upper: float | None = None


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
