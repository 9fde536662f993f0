"""Every model's figures in each group of the users, and how far each pair of models is apart there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from models import metrics
from models.classifier import Floats, Labels
from models.weighted_figures import SMALLEST
from pipeline.config_sections import Evaluation
from pipeline.evaluation import intervals
from pipeline.evaluation.evidence import Difference, Estimate, Slice
from pipeline.evaluation.slicing import Part


@dataclass(frozen=True)
class _Reach:
    """Whom one model reaches: every user with log-odds above `edge`, and of those at the edge this `share`."""

    edge: float
    share: float

    def of(self, raw: Floats) -> Floats:
        """(m,) how much each user counts as reached, 0 to 1."""
        reached: Floats = (raw > self.edge) + self.share * (raw == self.edge)
        return reached


def weigh_parts(
    y: Labels, versions: Sequence[str], raw: Floats, probability: Floats, parts: Iterable[Part], settings: Evaluation
) -> tuple[Slice, ...]:
    """A slice for each part of the n users, in the order of `parts`; `versions` name the k models.

    y (n,) outcomes; raw, probability (k, n) log-odds and calibrated probabilities, finite. A part with fewer users than
    `settings.slice_rows`, or fewer than `settings.slice_positives` of an outcome, has no figures and says why. The others have

    auc                with DeLong's interval
    log_loss, brier    with the normal interval of a mean
    calibration_ratio  sum of probabilities over sum of outcomes; 1 is right
    reached, recall    share of the part's users, and of those with outcome 1, among the `settings.reach` of all n ranked best

    and differences of auc and log_loss of every pair of models.
    """
    reaches = [_reach(each, settings.reach) for each in raw]
    return tuple(_slice(part, y, versions, raw, probability, reaches, settings) for part in parts)


def _reach(raw: Floats, reach: float) -> _Reach:
    wanted = reach * len(raw)
    place = len(raw) - int(np.ceil(wanted))
    edge = np.partition(raw, place)[place]
    return _Reach(float(edge), float((wanted - (raw > edge).sum()) / (raw == edge).sum()))


def _slice(
    part: Part, y: Labels, versions: Sequence[str], raw: Floats, probability: Floats, reaches: Sequence[_Reach], settings: Evaluation
) -> Slice:
    happened = y[part.rows]
    positives = int(happened.sum())
    why = _too_small(len(happened), positives, settings)
    if why or not versions:
        return Slice(part.column, part.value, len(happened), positives, too_small=why)
    scores, answers = raw[:, part.rows], probability[:, part.rows]
    areas, spread = metrics.delong(happened, scores)
    losses, loose = _mean_losses(happened, answers)
    models = {
        version: {
            "auc": intervals.normal(float(areas[place]), float(spread[place, place]), least=0.0, most=1.0),
            "log_loss": intervals.normal(float(losses[place]), float(loose[place, place]), least=0.0),
            **_figures(happened, answers[place], reaches[place].of(scores[place])),
        }
        for place, version in enumerate(versions)
    }
    pairs = [
        _apart(
            versions[one], versions[other], intervals.difference(areas, spread, one, other), intervals.difference(losses, loose, one, other)
        )
        for one, other in combinations(range(len(versions)), 2)
    ]
    return Slice(part.column, part.value, len(happened), positives, models, tuple(pairs))


def _too_small(rows: int, positives: int, settings: Evaluation) -> str:
    if rows < settings.slice_rows:
        return f"it has {rows} users; at least {settings.slice_rows} are needed"
    if min(positives, rows - positives) < settings.slice_positives:
        return f"{positives} of its {rows} users have outcome 1; at least {settings.slice_positives} with it and without it are needed"
    return ""


def _figures(y: Labels, probability: Floats, reached: Floats) -> dict[str, Estimate]:
    squares = np.square(probability - y)
    return {
        "brier": intervals.normal(float(squares.mean()), float(squares.var(ddof=1)) / len(y), least=0.0),
        "calibration_ratio": intervals.ratio(probability, y.astype(np.float64)),
        "reached": intervals.share(float(reached.sum()), len(y)),
        "recall": intervals.share(float(reached[y == 1].sum()), int(y.sum())),
    }


def _mean_losses(y: Labels, probability: Floats) -> tuple[Floats, Floats]:
    """Each model's log loss (k,), and the covariance (k, k) of these means."""
    losses = np.where(y == 1, probability, 1 - probability)
    np.clip(losses, SMALLEST, 1 - SMALLEST, out=losses)
    np.negative(np.log(losses, out=losses), out=losses)
    means: Floats = losses.mean(axis=1)
    losses -= means[:, None]
    return means, losses @ losses.T / (len(y) * (len(y) - 1))


def _apart(version: str, other: str, auc: tuple[Estimate, float], loss: tuple[Estimate, float]) -> Difference:
    """A higher AUC is better, and a lower loss."""
    return Difference(version, other, {"auc": auc[0], "log_loss": loss[0]}, {"auc": auc[1], "log_loss": 1 - loss[1]})
