"""All pictures of an evaluation, drawn once for MLflow and for the page."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from models.classifier import Labels
from pipeline.evaluation.assessment import Answers
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.figures.forest import forest, lines
from pipeline.evaluation.figures.judgement import judgement
from pipeline.evaluation.figures.over_time import over_time
from pipeline.evaluation.quality_history import ALL_USERS, Point
from pipeline.evaluation.report.duel import Duel, named, ranked

CHANCE, RIGHT = 0.5, 1.0


def album(evidence: Evidence, sides: Duel, y: Labels, answers: Sequence[Answers], history: Sequence[Point]) -> dict[str, bytes]:
    """Name → PNG: those of `judgement`, the best model first; `forest` and `forest_log_loss`; `over_time` and `calibration_over_time`.

    y (n,) outcomes; answers of the judged models, none where nothing can be ranked. What there is nothing to show of is left out.
    """
    given = {answer.version: answer.probability for answer in answers}
    probabilities = {named(model): given[model.version] for model in ranked(evidence) if model.version in given}
    drawn = [*judgement(y, probabilities), *_leads(evidence, sides), *_times(evidence, history)]
    return {name: _png(figure) for name, figure in drawn}


def _leads(evidence: Evidence, sides: Duel) -> Iterator[tuple[str, Figure]]:
    if not (evidence.rankable and evidence.slices and sides.model and sides.rival):
        return
    for name, metric in (("forest", "auc"), ("forest_log_loss", "log_loss")):
        found = lines(evidence, sides.model.version, sides.rival.version, metric)
        if any(line.lead for line in found):
            yield name, forest(found, metric, named(sides.model), named(sides.rival))


def _times(evidence: Evidence, history: Sequence[Point]) -> Iterator[tuple[str, Figure]]:
    if not any(point.basis == "realised" for point in history):
        return
    users = [ALL_USERS, *(each.name for each in evidence.slices)]
    for name, metric, level in (("over_time", "auc", CHANCE), ("calibration_over_time", "calibration_ratio", RIGHT)):
        if any(point.metric == metric and point.users in users for point in history):
            yield name, over_time(history, users, metric, level)


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
