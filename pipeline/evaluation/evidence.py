"""What an evaluation found: every model's figures on the same rows, and how far each pair is apart, over all users and by slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from features.cutoff import Cutoff

FORMAT = 2

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

    def reversed(self) -> Estimate:
        """The same difference seen from the other side."""
        return Estimate(-self.value, None if self.upper is None else -self.upper, None if self.lower is None else -self.lower)


Figures = Mapping[str, Estimate]


@dataclass(frozen=True)
class Judged:
    """A model with its figures over all users.

    labels_until  the instant up to which outcomes have taught it
    checks        what its training recorded: `leak_gate` → `passed`, `sufficiency` → `go` or `warn`; empty for versions from before
    """

    version: str
    kind: str
    labels_until: Cutoff
    figures: Figures
    checks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """Figures of `version` − figures of `other` on the same rows; each pair of models is kept once.

    worse  figure → one-sided p-value: how likely `version` would look at least this much worse than `other` if both were equal
    """

    version: str
    other: str
    figures: Figures
    worse: Mapping[str, float] = field(default_factory=dict)

    def reversed(self) -> Difference:
        """The same pair seen from the other model."""
        figures = {name: estimate.reversed() for name, estimate in self.figures.items()}
        return Difference(self.other, self.version, figures, {name: 1 - p for name, p in self.worse.items()})


@dataclass(frozen=True)
class Slice:
    """One group of the users, such as those with `segment` = `Germany`, as all models see it.

    models       version → figures; empty where the group is too small to judge
    differences  of pairs, each kept once
    too_small    why the group was not judged; empty where it was
    """

    column: str
    value: str
    rows: int
    positives: int
    models: Mapping[str, Figures] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    too_small: str = ""

    @property
    def name(self) -> str:
        """As tables and sentences call it."""
        return f"{self.column} = {self.value}"

    def difference(self, version: str, other: str) -> Difference | None:
        """`version` against `other` among these users; None where the slice was not judged."""
        return _between(self.differences, version, other)


@dataclass(frozen=True)
class Evidence:
    """One evaluation.

    as_of            the instant of the training; evaluation: the later cutoff on whose rows all models are judged
    rows             users judged; positives: those with outcome 1
    models           judged, by version
    differences      of every pair of them, each kept once
    set_aside        version → why it could not be judged
    unranked         those among them that are fit to answer: only the rows, with too few of an outcome, cannot tell how well
    slices           declared groups of the users, those of a column next to each other: texts by number of rows, bands upwards
    operating_point  in words: where precision, recall and the like are taken
    replicates       of the bootstrap behind the intervals that have no formula
    """

    target: str
    as_of: Cutoff
    evaluation: Cutoff
    rows: int
    positives: int
    models: tuple[Judged, ...]
    differences: tuple[Difference, ...]
    set_aside: Mapping[str, str]
    unranked: tuple[str, ...] = ()
    slices: tuple[Slice, ...] = ()
    operating_point: str = ""
    replicates: int = 0

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

    def between(self, version: str, other: str) -> Difference:
        """`version` against `other`; both must have been judged."""
        found = _between(self.differences, version, other)
        if found is None:
            raise KeyError(f"Versions {version} and {other} of {self.target} were not judged beside each other")
        return found

    def difference(self, version: str, other: str) -> Estimate:
        """AUC of `version` − AUC of `other`; both must have been judged."""
        return self.between(version, other).figures["auc"]

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` turns back."""
        return {
            **asdict(self),
            "as_of": self.as_of.key,
            "evaluation": self.evaluation.key,
            "models": [_plain(each) for each in self.models],
        } | {"format": FORMAT}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Evidence:
        """Inverse of `to_json`. Raises ValueError for evidence of an earlier format."""
        if content.get("format") != FORMAT:
            raise ValueError(f"this evidence has format {content.get('format', 1)}; format {FORMAT} is read")
        return cls(
            target=content["target"],
            as_of=Cutoff.from_key(content["as_of"]),
            evaluation=Cutoff.from_key(content["evaluation"]),
            rows=content["rows"],
            positives=content["positives"],
            models=tuple(_judged(model) for model in content["models"]),
            differences=tuple(_difference(pair) for pair in content["differences"]),
            set_aside=dict(content["set_aside"]),
            unranked=tuple(content["unranked"]),
            slices=tuple(_slice(each) for each in content["slices"]),
            operating_point=content["operating_point"],
            replicates=content["replicates"],
        )


def _rank(model: Judged) -> tuple[float, float, int]:
    return -model.figures["auc"].value, model.figures["log_loss"].value, int(model.version)


def _between(differences: tuple[Difference, ...], version: str, other: str) -> Difference | None:
    for pair in differences:
        if (pair.version, pair.other) == (version, other):
            return pair
        if (pair.version, pair.other) == (other, version):
            return pair.reversed()
    return None


def _plain(model: Judged) -> dict[str, Any]:
    return {**asdict(model), "labels_until": model.labels_until.key}


def _judged(content: Mapping[str, Any]) -> Judged:
    until = Cutoff.from_key(content["labels_until"])
    return Judged(content["version"], content["kind"], until, _figures(content["figures"]), dict(content["checks"]))


def _difference(content: Mapping[str, Any]) -> Difference:
    return Difference(content["version"], content["other"], _figures(content["figures"]), dict(content["worse"]))


def _slice(content: Mapping[str, Any]) -> Slice:
    models = {version: _figures(figures) for version, figures in content["models"].items()}
    return Slice(**{**content, "models": models, "differences": tuple(_difference(pair) for pair in content["differences"])})


def _figures(content: Mapping[str, Any]) -> dict[str, Estimate]:
    return {name: Estimate(**estimate) for name, estimate in content.items()}
