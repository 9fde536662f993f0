"""What an evaluation found: every model's figures on the same rows, and how far each pair is apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from features.cutoff import Cutoff

LEAST_OF_EACH = 2
"""Users of each outcome without whom an interval of the AUC does not exist."""


def rankable(positives: int, rows: int) -> bool:
    """Whether models can be told apart by how they rank `rows` users, `positives` of them with outcome 1."""
    return min(positives, rows - positives) >= LEAST_OF_EACH


@dataclass(frozen=True)
class Estimate:
    """A figure; lower and upper are the ends of its 95 % interval where one is known."""

    value: float
    lower: float | None = None
    upper: float | None = None


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
    unranked       those among them that are fit to answer: only the rows, with too few of an outcome, cannot tell how well
    """

    target: str
    as_of: Cutoff
    evaluation: Cutoff
    rows: int
    positives: int
    models: tuple[Judged, ...]
    differences: tuple[Difference, ...]
    set_aside: dict[str, str]
    unranked: tuple[str, ...] = ()

    @property
    def rankable(self) -> bool:
        """Whether the rows can tell models apart; where they cannot, none but base rates are judged."""
        return rankable(self.positives, self.rows)

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
            "unranked": list(self.unranked),
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
        """Inverse of `to_json`; evidence of before there was `unranked` has none."""
        return cls(
            target=content["target"],
            as_of=Cutoff.from_key(content["as_of"]),
            evaluation=Cutoff.from_key(content["evaluation"]),
            rows=content["rows"],
            positives=content["positives"],
            models=tuple(_judged(model) for model in content["models"]),
            differences=tuple(Difference(pair["version"], pair["other"], Estimate(**pair["auc"])) for pair in content["differences"]),
            set_aside=dict(content["set_aside"]),
            unranked=tuple(content.get("unranked", ())),
        )


def _rank(model: Judged) -> tuple[float, float, int]:
    return -model.figures["auc"].value, model.figures["log_loss"].value, int(model.version)


def _judged(content: dict[str, Any]) -> Judged:
    figures = {name: Estimate(**estimate) for name, estimate in content["figures"].items()}
    return Judged(content["version"], content["kind"], Cutoff.from_key(content["labels_until"]), figures)
