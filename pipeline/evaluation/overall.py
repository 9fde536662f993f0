"""Every model's figures over all users, and how far each pair of models is apart: by formula where there is one, else by bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from models import bootstrap, metrics
from models.classifier import Floats, Labels
from pipeline.config_sections import Evaluation
from pipeline.evaluation import intervals
from pipeline.evaluation.evidence import Difference, Estimate

UNKNOWN_ORDER = Estimate(0.5, 0.0, 1.0)
"""The AUC where too few users of an outcome say nothing of an order: anything is possible."""
FIRST = ("auc", "average_precision", "log_loss", "brier", "ece", "mae", "rmse", "gini", "total_ratio")
"""Figures that are read first; the others follow."""
COMPARED = ("average_precision", "log_loss", "brier", "ece", "accuracy", "precision", "recall", "f1", "mae", "rmse", "gini")
"""Figures of pairs, beside the AUC: lifts and gains are for a curve, and a ratio of totals is best in the middle."""
OF_ORDER = frozenset({"auc", "average_precision"})
TESTED = {"log_loss": -1, "gini": 1}
"""Figures, beside the AUC, by which a model may be surely worse than another; 1 where more is better, −1 where less is."""


def weigh_all(
    y: Labels,
    versions: Sequence[str],
    raw: Floats,
    probability: Floats,
    settings: Evaluation,
    *,
    seed: int,
    amounts: Floats | None = None,
    expected: Floats | None = None,
) -> tuple[tuple[dict[str, Estimate], ...], tuple[Difference, ...]]:
    """The figures of each of the k models, and the differences of each pair, on the same n users, at least two of each outcome.

    y (n,), raw and probability (k, n), all finite; of a target that is a sum also amounts (n,) and expected (k, n).
    Figures are those of `bootstrap.replicates`, with its intervals from `settings.replicates` samples by the seed, which all models share:
    a difference is as sure as the pair allows. The AUC and its differences have DeLong's, and `calibration_ratio`, the sum of
    probabilities over that of outcomes, has a formula too. One-sided p-values are those of a normal difference.
    """
    if not versions:
        return (), ()
    reach, count = settings.reach, settings.replicates
    points = bootstrap.points(y, raw, probability, reach=reach, amounts=amounts, expected=expected)
    samples = bootstrap.replicates(y, raw, probability, reach=reach, count=count, seed=seed, amounts=amounts, expected=expected)
    areas, spread = metrics.delong(y, raw)
    figures = tuple(
        {
            "auc": intervals.normal(float(areas[place]), float(spread[place, place]), least=0.0, most=1.0),
            **_figures(points, samples, place),
            "calibration_ratio": intervals.ratio(probability[place], y.astype(np.float64)),
        }
        for place in range(len(versions))
    )
    pairs = []
    for one, other in combinations(range(len(versions)), 2):
        lead, chance = intervals.difference(areas, spread, one, other)
        apart, worse = _apart(points, samples, one, other)
        pairs.append(Difference(versions[one], versions[other], {"auc": lead, **apart}, {"auc": chance, **worse}))
    return figures, tuple(pairs)


def levels(
    y: Labels, raw: Floats, probability: Floats, settings: Evaluation, *, amounts: Floats | None = None, expected: Floats | None = None
) -> tuple[dict[str, Estimate], ...]:
    """The figures of each of the k models that one outcome is enough for, without intervals, and an AUC that may be anything.

    Shapes are those of `weigh_all`.
    """
    if not len(raw):
        return ()
    points = bootstrap.points(y, raw, probability, reach=settings.reach, amounts=amounts, expected=expected)
    known = [name for name in FIRST if name in points and name not in OF_ORDER]
    return tuple({"auc": UNKNOWN_ORDER, **{name: Estimate(float(points[name][place])) for name in known}} for place in range(len(raw)))


def _figures(points: Mapping[str, Floats], samples: Mapping[str, Floats], place: int) -> dict[str, Estimate]:
    names = sorted(points, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    return {name: _estimate(name, float(points[name][place]), samples[name][place]) for name in names if name != "auc"}


def _apart(
    points: Mapping[str, Floats], samples: Mapping[str, Floats], one: int, other: int
) -> tuple[dict[str, Estimate], dict[str, float]]:
    """Differences of one pair, and how likely the first would look so much worse by chance."""
    found, worse = {}, {}
    for name in COMPARED:
        if name not in points:
            continue
        value, sample = float(points[name][one] - points[name][other]), samples[name][one] - samples[name][other]
        lower, upper = bootstrap.interval_between(name, points[name][[one, other]], samples[name][[one, other]])
        found[name] = Estimate(value, min(lower, value), max(upper, value))
        if name in TESTED:
            worse[name] = intervals.chance_of_less(TESTED[name] * value, float(np.nanvar(sample, ddof=1)))
    return found, worse


def _estimate(name: str, value: float, sample: Floats) -> Estimate:
    """A figure that chance makes larger may lie above its interval; what is shown holds what was found."""
    lower, upper = bootstrap.interval(name, value, sample)
    return Estimate(value, min(lower, value), max(upper, value))
