"""From the answers of several models on the same rows to evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from types import MappingProxyType

import numpy as np

from features.cutoff import Cutoff
from models.baselines import BaseRate
from models.classifier import Floats, Labels
from pipeline.config_sections import Evaluation
from pipeline.evaluation.evidence import LEAST_OF_EACH, Difference, Estimate, Evidence, Figures, Judged, rankable
from pipeline.evaluation.overall import levels, weigh_all
from pipeline.evaluation.slice_figures import weigh_parts
from pipeline.evaluation.slicing import Column, parts

DEFAULTS = Evaluation()
SCALES = ("raw", "probability")
NO_GROUPS: Mapping[str, Column] = MappingProxyType({})
UNKNOWN_LEAD = Estimate(0.0, -1.0, 1.0)
"""The difference of two AUCs where too few users of an outcome say nothing of an order: anything is possible."""


@dataclass(frozen=True)
class Answers:
    """One model's answers on the n evaluation rows, all models in the same order of rows.

    expected  (n,) where the target is a sum; checks: what its training recorded, see `Judged`
    """

    version: str
    kind: str
    labels_until: Cutoff
    raw: Floats
    probability: Floats
    expected: Floats | None = None
    checks: Mapping[str, str] = field(default_factory=dict)

    @property
    def unanswered(self) -> int:
        """Rows without a whole answer."""
        whole = np.isfinite(self.probability)
        return int((~(whole if self.expected is None else whole & np.isfinite(self.expected))).sum())

    def judged(self, figures: Figures) -> Judged:
        """The model with its figures, as evidence keeps it."""
        return Judged(self.version, self.kind, self.labels_until, figures, dict(self.checks))


def weigh(
    target: str,
    as_of: Cutoff,
    evaluation: Cutoff,
    y: Labels,
    answers: Sequence[Answers],
    set_aside: Mapping[str, str],
    amounts: Floats | None = None,
    *,
    groups: Mapping[str, Column] = NO_GROUPS,
    settings: Evaluation = DEFAULTS,
    seed: int = 0,
) -> Evidence:
    """The evidence in all models' answers on the rows with outcomes y (n,), at least one, and amounts (n,) where the target is a sum.

    groups  column → (n,) texts or numbers, see `slicing.parts`: models are judged within each group too
    seed    of the bootstrap

    A model that left a row without a finite answer is set aside: figures on different rows cannot be compared.
    With fewer than `LEAST_OF_EACH` rows of an outcome there is no order to compare by. Every model but a base rate, whose answers are the
    same for everybody, is then set aside as `unranked`; the base rate's AUC is 0.5 [0, 1].
    """
    judged, aside, unranked = _admitted(y, answers, evaluation)
    raw, probability = (np.stack([getattr(model, name) for model in judged]) if judged else np.empty((0, len(y))) for name in SCALES)
    versions = [model.version for model in judged]
    figures, differences = _overall(y, judged, raw, probability, amounts, settings, seed)
    return Evidence(
        target=target,
        as_of=as_of,
        evaluation=evaluation,
        rows=len(y),
        positives=int(y.sum()),
        models=tuple(model.judged(found) for model, found in zip(judged, figures, strict=True)),
        differences=differences,
        set_aside={**set_aside, **aside},
        unranked=unranked,
        slices=weigh_parts(y, versions, raw, probability, parts(groups, settings.bands), settings),
        operating_point=f"the {100 * settings.reach:g} % of the users whom the model ranks best",
        replicates=settings.replicates,
    )


def _admitted(y: Labels, answers: Sequence[Answers], evaluation: Cutoff) -> tuple[list[Answers], dict[str, str], tuple[str, ...]]:
    """The models to judge, why the others are not, and those of them that only the rows are to blame for."""
    positives = int(y.sum())
    incomplete = {
        model.version: f"it gave no finite score for {model.unanswered} of {len(y)} users" for model in answers if model.unanswered
    }
    whole = [model for model in answers if model.version not in incomplete]
    few = f"at {evaluation} {positives} of {len(y)} users have outcome 1"
    why = f"{few}: users cannot be ranked, that takes at least {LEAST_OF_EACH} of each outcome"
    unranked = {} if rankable(positives, len(y)) else {model.version: why for model in whole if model.kind != BaseRate.kind}
    return [model for model in whole if model.version not in unranked], {**incomplete, **unranked}, tuple(unranked)


def _overall(
    y: Labels, judged: Sequence[Answers], raw: Floats, probability: Floats, amounts: Floats | None, settings: Evaluation, seed: int
) -> tuple[Sequence[Figures], tuple[Difference, ...]]:
    """Each model's figures, and the differences of all pairs."""
    versions = [model.version for model in judged]
    expected = None if amounts is None or not judged else np.stack([model.expected for model in judged if model.expected is not None])
    sums = amounts if expected is not None else None
    if rankable(int(y.sum()), len(y)):
        return weigh_all(y, versions, raw, probability, settings, seed=seed, amounts=sums, expected=expected)
    pairs = tuple(Difference(version, other, {"auc": UNKNOWN_LEAD}) for version, other in combinations(versions, 2))
    return levels(y, raw, probability, settings, amounts=sums, expected=expected), pairs
