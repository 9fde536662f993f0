"""What an evaluation found: every model's figures on the same rows, and how far each pair is apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

import numpy as np

from features.cutoff import Cutoff
from models import metrics
from models.classifier import Floats, Labels
from pipeline.evaluation.assessment import Estimate, assess


@dataclass(frozen=True)
class Answers:
    """One model's answers on the n evaluation rows, all models in the same order of rows."""

    version: str
    kind: str
    labels_until: Cutoff
    raw: Floats
    probability: Floats


@dataclass(frozen=True)
class Judged:
    """A model with its figures; `labels_until` is the instant up to which outcomes have taught it."""

    version: str
    kind: str
    labels_until: Cutoff
    figures: dict[str, Estimate]


@dataclass(frozen=True)
class Difference:
    """AUC of `version` − AUC of `other` on the same rows."""

    version: str
    other: str
    auc: Estimate


@dataclass(frozen=True)
class Evidence:
    """One evaluation.

    as_of          the instant of the training; evaluation: the later cutoff on whose rows all models are judged
    rows           users judged; positives: those with outcome 1
    models         judged, by version
    differences    every ordered pair of them
    set_aside      version → why it could not be judged
    """

    target: str
    as_of: Cutoff
    evaluation: Cutoff
    rows: int
    positives: int
    models: tuple[Judged, ...]
    differences: tuple[Difference, ...]
    set_aside: dict[str, str]

    @property
    def best(self) -> Judged | None:
        """The highest AUC; ties go to the lower log loss, then to the older version."""
        return min(self.models, key=_rank, default=None)

    def model(self, version: str) -> Judged | None:
        """The judged model of that version."""
        return next((model for model in self.models if model.version == version), None)

    def difference(self, version: str, other: str) -> Estimate:
        """AUC of `version` − AUC of `other`; both must have been judged."""
        return next(pair.auc for pair in self.differences if (pair.version, pair.other) == (version, other))

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` turns back."""
        return {
            **{name: getattr(self, name) for name in ("target", "rows", "positives", "set_aside")},
            "as_of": self.as_of.key,
            "evaluation": self.evaluation.key,
            "models": [
                {
                    "version": model.version,
                    "kind": model.kind,
                    "labels_until": model.labels_until.key,
                    "figures": {name: asdict(estimate) for name, estimate in model.figures.items()},
                }
                for model in self.models
            ],
            "differences": [asdict(pair) for pair in self.differences],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Evidence:
        """Inverse of `to_json`."""
        return cls(
            target=content["target"],
            as_of=Cutoff.from_key(content["as_of"]),
            evaluation=Cutoff.from_key(content["evaluation"]),
            rows=content["rows"],
            positives=content["positives"],
            models=tuple(_judged(model) for model in content["models"]),
            differences=tuple(Difference(pair["version"], pair["other"], Estimate(**pair["auc"])) for pair in content["differences"]),
            set_aside=dict(content["set_aside"]),
        )


def weigh(target: str, as_of: Cutoff, evaluation: Cutoff, y: Labels, answers: Sequence[Answers], set_aside: dict[str, str]) -> Evidence:
    """The evidence in all models' answers on the rows with outcomes y (n,).

    A model that left a row without a finite answer is set aside: figures on different rows cannot be compared.
    Raises ValueError for fewer than two rows of either outcome.
    """
    aside = dict(set_aside)
    whole = []
    for model in answers:
        missing = int((~np.isfinite(model.probability)).sum())
        if missing:
            aside[model.version] = f"it gave no finite score for {missing} of {len(y)} users"
        else:
            whole.append(model)
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
        set_aside=aside,
    )


def _rank(model: Judged) -> tuple[float, float, int]:
    return -model.figures["auc"].value, model.figures["log_loss"].value, int(model.version)


def _judged(content: dict[str, Any]) -> Judged:
    figures = {name: Estimate(**estimate) for name, estimate in content["figures"].items()}
    return Judged(content["version"], content["kind"], Cutoff.from_key(content["labels_until"]), figures)
