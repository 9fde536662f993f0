"""A saved view of an experiment's run list: the judged candidates with the figures that compare them.

MLflow's run list shows no metric until somebody chooses columns. It keeps a choice as a tag of the experiment: name, times and the state
of the page, as text in text (MLflow 3.17, 2026-11). People find this one under "Views".
"""

from __future__ import annotations

import json

NAME = "Candidates"
KEY = "candidates"
ADDRESS = f"viewStateShareKey={KEY}"
"""What opens it, at the end of the run list's address, after a question mark."""

MADE = 1_793_491_200_000
"""2026-11-01 in milliseconds: MLflow wants a time, and it must not change the tag from one start to the next."""

PLACE = {"attributes.`Run Name`": 260, "runDateAndNestInfo": 150, "attributes.`Models`": 180}
FIGURES = {"auc": 130, "auc_lower": 165, "auc_upper": 165, "log_loss": 155, "ece": 130, "average_precision": 215, "gini": 130, "mae": 130}
"""Column → its width in pixels, so that the name can be read. A target without one of the figures shows the others."""


def tags() -> dict[str, str]:
    """The experiment's tag, key → value.

    An evaluation's own run has the figures of one of them again and stays out. The newest training comes first and not the best
    candidate: those of two trainings were judged on different users, and their figures do not compare. By time of creation MLflow would
    fold them below their training, without figures.
    """
    figures = {f"metrics.`evaluation_{name}`": width for name, width in FIGURES.items()}
    state = {
        "searchFilter": "metrics.evaluation_auc > 0 and tags.kind != 'evaluation'",
        "orderByKey": "tags.`cutoff`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": ["attributes.`Models`", *figures],
        "columnOrder": [*PLACE, *figures],
        "columnWidths": {**PLACE, **figures},
    }
    view = {"name": NAME, "createdAt": MADE, "updatedAt": MADE, "state": json.dumps(state)}
    return {f"mlflow.sharedViewState.{KEY}": json.dumps(view)}
