"""What a finished training says of itself: figures on users the model has not seen, and a few sentences. No user is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from math import isfinite
from typing import TYPE_CHECKING

from features.cutoff import Cutoff, local_name
from models import calibration, metrics
from models.calibration import Chosen
from models.classifier import Labels
from pipeline.evaluation.figures.training import wording

if TYPE_CHECKING:
    from pipeline.scoring.enrolment import Trained, Training

LIBRARIES = ("lightgbm", "keras", "numpy", "polars", "scipy", "scikit-learn", "tensorflow")
NAMES = {
    "gbdt": "Gradient-boosted trees",
    "sequence": "A recurrent network over events",
    "base_rate": "The share of all users",
    "recency": "Days since the last event",
    "active_days": "Active days",
    "bg_nbd": "BG/NBD",
}
"""Kind → what a person calls it."""


@dataclass(frozen=True)
class Findings:
    """Figures on the calibration rows.

    figures  name → value, of the same names whatever the model; AUC and what is derived from it only where both outcomes occur twice
    words    the same in a sentence
    """

    chosen: Chosen
    figures: Mapping[str, float] = field(default_factory=dict)
    words: str = ""


def examine(trained: Trained, chosen: Chosen, seconds: float) -> Findings:
    """How well the model ranks the calibration rows and how much its probabilities can be trusted.

    The calibrator has learned from the same rows: `out_of_fold_log_loss` and `out_of_fold_ece` flatter it a little, the
    cross-validated `calibration_…_log_loss` do not.
    """
    counted = {"rows": trained.rows, "positives": trained.positives, "calibration_rows": len(trained.y), "seconds": seconds}
    compared = {f"calibration_{name}_log_loss": loss for name, loss in chosen.losses.items()}
    if not both_outcomes(trained.y):
        return Findings(chosen, counted, f"All but one of {len(trained.y):,} users have the same outcome: nothing can be ranked.")
    probability = chosen.calibrator.probability(trained.raw)
    auc = metrics.auc_interval(trained.y, trained.raw)
    error, bound = calibration.expected_calibration_error(trained.y, probability), calibration.calibration_bound(probability)
    figures = {
        "out_of_fold_auc": auc.value,
        "out_of_fold_auc_lower": auc.lower,
        "out_of_fold_auc_upper": auc.upper,
        "out_of_fold_average_precision": metrics.average_precision(trained.y, trained.raw),
        "out_of_fold_log_loss": metrics.log_loss(trained.y, probability),
        "out_of_fold_brier": metrics.brier(trained.y, probability),
        "out_of_fold_ece": error,
        "out_of_fold_ece_bound": bound,
    }
    words = (
        f"AUC {auc.value:.3f} ({auc.lower:.3f} to {auc.upper:.3f}) on {len(trained.y):,} samples of users it had not seen, "
        f"{int(trained.y.sum()):,} with outcome 1. Calibration ({chosen.calibrator.name}): error {error:.4f}; "
        f"exact probabilities would show up to {bound:.4f}."
    )
    return Findings(chosen, {**figures, **counted, **compared}, words)


def both_outcomes(y: Labels) -> bool:
    """Whether each outcome occurs twice: an AUC needs that for its interval."""
    return min(int((y == 1).sum()), int((y != 1).sum())) >= 2


def title(training: Training, kind: str) -> str:
    """A version in a line, for the registry."""
    return f"{NAMES.get(kind, kind)} for {training.target.name}, as of {day(training, training.as_of)}"


def day(training: Training, cutoff: Cutoff) -> str:
    """A cutoff as people write it: the day where it is a midnight of the source's time zone."""
    return local_name(cutoff, training.config.source.time_zone)


def note(training: Training, trained: Trained, found: Findings) -> str:
    """The run's description in MLflow, in Markdown."""
    first, newest = day(training, training.split.training[0]), day(training, training.newest)
    cutoffs = f"{len(training.split.training)} cutoffs from {first} to {newest}" if first != newest else f"one cutoff, {newest}"
    lines = [
        f"**{title(training, trained.classifier.kind)}**: {asked(training)}",
        "",
        f"- Learned from {trained.rows:,} samples, {trained.positives:,} with outcome 1, at {cutoffs}.",
        f"- {found.words}",
        f"- It will be judged at {day(training, training.split.evaluation)}, later than everything it has seen.",
    ]
    return "\n".join(lines)


def asked(training: Training) -> str:
    """The target's question in words."""
    target = training.target
    kind = "" if target.event_type == "any" else f"`{target.event_type}` "
    when = f"within {target.horizon_days} days" + (f", from day {target.gap_days} after the cutoff on," if target.gap_days else "")
    questions = {
        "occurs": f"will there be a {kind}event {when}?",
        "absent": f"will there be no {kind}event {when}?",
        "sum": f"what will the {kind}events {when} be worth?",
    }
    return questions[target.kind].replace(",?", "?").replace("a event", "an event")


def environment() -> dict[str, str]:
    """Versions of the libraries that decide a model's numbers."""
    return {f"version_{name.replace('-', '_')}": version(name) for name in LIBRARIES}


def example(training: Training, trained: Trained) -> tuple[float, ...]:
    """A row of the feature set that belongs to nobody: the typical value of each column, 0 where none is known."""
    values = [trained.typical.get(name, 0.0) for name in training.features.names]
    return tuple(float(value) if isfinite(value) else 0.0 for value in values)


def importances(trained: Trained) -> dict[str, list[str | float]]:
    """The importances as columns of a table, the strongest first."""
    names = sorted(trained.importance, key=lambda name: (-trained.importance[name][1], name))
    return {
        "feature": list(names),
        "mean_abs_shap": [trained.importance[name][1] for name in names],
        "gain": [trained.importance[name][0] for name in names],
        "sentence": [wording(trained.sentences.get(name, "")) for name in names],
    }
