"""The pictures of one or several models' answers about the same users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from matplotlib.figure import Figure

from models.classifier import Floats, Labels
from pipeline.evaluation.figures.ranked import ranked
from pipeline.evaluation.figures.ranking import lift, precision_recall, roc
from pipeline.evaluation.figures.reliability import calibration, scores


def judgement(y: Labels, probabilities: Mapping[str, Floats]) -> Iterator[tuple[str, Figure]]:
    """Name and picture each: `roc`, `precision_recall`, `lift`, `calibration`, `scores`.

    y (n,) 0/1 with both outcomes; probabilities name → (n,) calibrated and finite. Of no model nothing is drawn.
    """
    if not probabilities:
        return
    orders = {name: ranked(y, probability) for name, probability in probabilities.items()}
    for rank in (roc, precision_recall, lift):
        yield rank.__name__, rank(y, orders)
    for draw in (calibration, scores):
        yield draw.__name__, draw(y, probabilities)
