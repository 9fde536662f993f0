"""From the answers of several models on the same rows to evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from features.cutoff import Cutoff
from models import metrics
from models.baselines import BaseRate
from models.calibration import expected_calibration_error
from models.classifier import Floats, Labels
from pipeline.evaluation.evidence import LEAST_OF_EACH, Difference, Estimate, Evidence, Judged, rankable

UNKNOWN_ORDER, UNKNOWN_LEAD = Estimate(0.5, 0.0, 1.0), Estimate(0.0, -1.0, 1.0)
"""The AUC, and the difference of two, where too few users of an outcome say nothing of an order: anything is possible."""


@dataclass(frozen=True)
class Answers:
    """One model's answers on the n evaluation rows, all models in the same order of rows; `expected` (n,) where the target is a sum."""

    version: str
    kind: str
    labels_until: Cutoff
    raw: Floats
    probability: Floats
    expected: Floats | None = None

    @property
    def unanswered(self) -> int:
        """Rows without a whole answer."""
        whole = np.isfinite(self.probability)
        return int((~(whole if self.expected is None else whole & np.isfinite(self.expected))).sum())


def assess(y: Labels, raw: Floats, probability: Floats) -> dict[str, Estimate]:
    """Metric → estimate for outcomes y (n,), log-odds and calibrated probabilities (n,), all finite.

    auc, average_precision  of the order; the AUC with DeLong's interval
    log_loss, brier         of the probabilities, lower is better
    ece                     expected calibration error over ten bins of equal size
    """
    order = {
        "auc": Estimate(*metrics.auc_interval(y, raw)),
        "average_precision": Estimate(metrics.average_precision(y, raw)),
    }
    return order | _assess_probabilities(y, probability)


def _assess_probabilities(y: Labels, probability: Floats) -> dict[str, Estimate]:
    """The figures that one outcome is enough for."""
    return {
        "log_loss": Estimate(metrics.log_loss(y, probability)),
        "brier": Estimate(metrics.brier(y, probability)),
        "ece": Estimate(expected_calibration_error(y, probability)),
    }


def assess_amounts(amounts: Floats, expected: Floats) -> dict[str, Estimate]:
    """Metric → estimate for the values (n,) of a sum target and those expected (n,), in the source's unit; a value below 0 counts as 0.

    mae, rmse    of one user's value, lower is better
    gini         of the order by expected value, 1 is the best there can be; not there where all values are equal
    total_ratio  expected over observed total, 1 is right; not there where nothing was observed
    """
    spent = np.maximum(amounts, 0.0)
    found = {"mae": Estimate(metrics.mae(spent, expected)), "rmse": Estimate(metrics.rmse(spent, expected))}
    if (spent != spent[0]).any():
        found["gini"] = Estimate(metrics.gini(spent, expected))
    if total := float(spent.sum()):
        found["total_ratio"] = Estimate(float(expected.sum()) / total)
    return found


def weigh(
    target: str,
    as_of: Cutoff,
    evaluation: Cutoff,
    y: Labels,
    answers: Sequence[Answers],
    set_aside: Mapping[str, str],
    amounts: Floats | None = None,
) -> Evidence:
    """The evidence in all models' answers on the rows with outcomes y (n,), at least one, and amounts (n,) where the target is a sum.

    A model that left a row without a finite answer is set aside: figures on different rows cannot be compared.
    With fewer than `LEAST_OF_EACH` rows of an outcome there is no order to compare by. Every model but a base rate, whose answers are the
    same for everybody, is then set aside as `unranked`; the base rate's AUC is 0.5 [0, 1].
    """
    positives = int(y.sum())
    ranked = rankable(positives, len(y))
    incomplete = {
        model.version: f"it gave no finite score for {model.unanswered} of {len(y)} users" for model in answers if model.unanswered
    }
    whole = [model for model in answers if model.version not in incomplete]
    few = f"at {evaluation} {positives} of {len(y)} users have outcome 1"
    why = f"{few}: users cannot be ranked, that takes at least {LEAST_OF_EACH} of each outcome"
    unranked = {} if ranked else {model.version: why for model in whole if model.kind != BaseRate.kind}
    judged = [model for model in whole if model.version not in unranked]
    return Evidence(
        target=target,
        as_of=as_of,
        evaluation=evaluation,
        rows=len(y),
        positives=positives,
        models=tuple(Judged(model.version, model.kind, model.labels_until, _figures(y, model, amounts)) for model in judged),
        differences=tuple(
            Difference(
                one.version, other.version, {"auc": Estimate(*metrics.paired_auc(y, one.raw, other.raw)) if ranked else UNKNOWN_LEAD}
            )
            for one, other in combinations(judged, 2)
        ),
        set_aside={**set_aside, **incomplete, **unranked},
        unranked=tuple(unranked),
    )


def _figures(y: Labels, model: Answers, amounts: Floats | None) -> dict[str, Estimate]:
    if rankable(int(y.sum()), len(y)):
        found = assess(y, model.raw, model.probability)
    else:
        found = {"auc": UNKNOWN_ORDER, **_assess_probabilities(y, model.probability)}
    return found if amounts is None or model.expected is None else found | assess_amounts(amounts, model.expected)
