"""The baselines of one target, fitted on rows of its training: what they need of a population, and which of them there can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import logit

from features.feature_set import FeatureSet
from features.target import ANY, Target
from features.timeline import Ints
from models import bg_nbd
from models.baselines import STATISTICS, ActiveDays, BaseRate, Quantity, Recency, Repetition, statistics
from models.classifier import Floats, Labels
from models.explanations import compared
from models.feature_selection import sampled
from models.model_features import coming, fitted_features, medians
from models.samples import Samples

LEAST_OF_EACH = 2
"""Rows of either outcome without which nothing can be said of an order."""

ANY_STATISTICS = ("active_days_ever", "days_known", "days_since_any")
"""The columns from which BG/NBD's statistics of any event are derived."""


@dataclass(frozen=True)
class FittedBaseline:
    """A baseline, its reason texts, (m,) its raw answers for the rows it was fitted on, and there the median of each column it reads."""

    model: BaseRate | Quantity
    sentences: Mapping[str, str]
    raw: Floats
    typical: Mapping[str, float] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, object]:
        """What a person wants to know of it: what it reads, and of BG/NBD the population."""
        read: dict[str, object] = (
            {"log_odds": self.model.log_odds} if isinstance(self.model, BaseRate) else {"reads": ", ".join(self.model.columns)}
        )
        return read | (self.model.population.to_json() if isinstance(self.model, Repetition) else {})


@dataclass(frozen=True)
class FittedBaselines:
    """Those that could be fitted, and kind → why not of the others."""

    fitted: tuple[FittedBaseline, ...]
    left_out: Mapping[str, str]


def teaching_rows(samples: Samples, newest: int) -> Ints:
    """Positions of the rows that baselines are fitted and calibrated on: those at cutoff number `newest`, one per user.

    All rows where that cutoff has fewer than `LEAST_OF_EACH` of an outcome. Calibration sees rows that taught, which costs a baseline next
    to nothing: of all outcomes it knows their mean.
    """
    rows = np.flatnonzero(samples.cutoff == newest)
    return rows if _rarer(samples.labels[rows]) >= LEAST_OF_EACH else np.arange(len(samples.labels))


def fit(samples: Samples, rows: Ints, columns: FeatureSet, target: Target, seed: int) -> FittedBaselines:
    """The baselines of `target` on the rows at positions `rows`, ascending, at least one; of their features only a few columns are kept.

    Outcomes decide the base rate, from which all start, and nothing else. With fewer than `LEAST_OF_EACH` of one there is the base rate
    alone. The seed chooses the rows for BG/NBD where there are more than `feature_selection.SAMPLE_ROWS`.
    """
    labels = samples.labels[rows]
    base_rate, reads = _base_rate(labels), _reads(columns, target)
    fitted = [FittedBaseline(base_rate, {}, np.full(len(rows), base_rate.log_odds))]
    if _rarer(labels) < LEAST_OF_EACH:
        few = f"{int((labels == 1).sum())} of {len(rows)} samples have outcome 1; at least {LEAST_OF_EACH} of each are needed"
        return FittedBaselines(tuple(fitted), dict.fromkeys(reads, few))
    left_out = {kind: f"it needs {NEEDS[kind]}, which [features] leaves out" for kind, names in reads.items() if not names}
    places = {name: columns.names.index(name) for name in sorted({name for names in reads.values() for name in names})}
    values = dict(zip(places, _values(samples, rows, list(places.values())).T, strict=True))
    for kind, names in reads.items():
        if names:
            known = np.column_stack([values[name] for name in names])
            draft = DRAFTS[kind](_Plan(columns, target, names, sampled(known, seed), base_rate.log_odds))
            position = draft.position(known)
            model = replace(draft, typical=float(position.mean()))
            raw = base_rate.log_odds + model.direction * (position - model.typical)
            fitted.append(FittedBaseline(model, {model.reason: _sentence(model, columns, known)}, raw, medians(known, names)))
    return FittedBaselines(tuple(fitted), left_out)


@dataclass(frozen=True)
class _Plan:
    """What a baseline is made of: the columns it reads, some rows of them, and the log-odds of the base rate."""

    columns: FeatureSet
    target: Target
    names: tuple[str, ...]
    rows: Floats
    base: float

    def shared(self, reason: str) -> dict[str, Any]:
        """The fields that all baselines of a quantity have; the typical position is not known yet."""
        names = self.columns.names
        return {
            "reason": reason,
            "columns": self.names,
            "places": tuple(names.index(name) for name in self.names),
            "width": len(names),
            "direction": -1 if self.target.kind == "absent" else 1,
            "base": self.base,
            "typical": 0.0,
        }


def _rarer(labels: Labels) -> int:
    ones = int((labels == 1).sum())
    return min(ones, len(labels) - ones)


def _base_rate(labels: Labels) -> BaseRate:
    """The posterior mean of the share under a uniform prior: finite where one outcome is missing."""
    return BaseRate(float(logit((int((labels == 1).sum()) + 1) / (len(labels) + 2))))


def _recency(plan: _Plan) -> Quantity:
    return Recency(**plan.shared(plan.names[0]), lookback_days=plan.columns.definition.lookback_days)


def _active_days(plan: _Plan) -> Quantity:
    return ActiveDays(**plan.shared(plan.names[0]))


def _repetition(plan: _Plan) -> Quantity:
    definition, days, of_any = plan.columns.definition, plan.target.horizon_days, plan.names == ANY_STATISTICS
    population = bg_nbd.fit(*statistics(plan.rows, definition.lookback_days if of_any else None))
    reason = f"expected_{ANY if of_any else definition.repeat_event}_{days}d"
    return Repetition(**plan.shared(reason), population=population, days=days, of_any=of_any, lookback_days=definition.lookback_days)


DRAFTS: Mapping[str, Callable[[_Plan], Quantity]] = {"recency": _recency, "active_days": _active_days, "bg_nbd": _repetition}
"""Kind → how it is made."""

NEEDS = {
    "recency": "the family 'recency'",
    "active_days": "the family 'frequency'",
    "bg_nbd": "the family 'lifetime' with a repeat event, or the families 'lifetime' and 'recency'",
}
"""Kind → the features without which there is none."""


def _reads(columns: FeatureSet, target: Target) -> dict[str, tuple[str, ...]]:
    """Kind → the columns it reads; empty where the feature set lacks them. A shop with one event type has columns of any event alone."""
    wanted, known = columns.definition, set(columns.names)
    alone = len(wanted.event_types) == 1
    event, longest = ANY if alone else target.event_type, wanted.windows[-1]
    repeated = tuple(f"repeat_{wanted.repeat_event}_{part}" for part in STATISTICS)
    own = wanted.repeat_event == (wanted.event_types[0] if alone else target.event_type)
    choices: dict[str, list[tuple[str, ...]]] = {
        "recency": [(f"days_since_{event}", "days_since_any")],
        "active_days": [(f"active_days_{event}_{longest}d",)],
        "bg_nbd": [repeated, ANY_STATISTICS] if own else [ANY_STATISTICS, repeated],
    }
    return {kind: next((names for names in each if known.issuperset(names)), ()) for kind, each in choices.items()}


def _values(samples: Samples, rows: Ints, places: Sequence[int]) -> Floats:
    """(len(rows), len(places)) these columns of these rows; of the others no more than one block is in memory at a time."""
    return np.concatenate([block.matrix()[within][:, places] for block, within in samples.pieces(rows)])


def _sentence(model: Quantity, columns: FeatureSet, known: Floats) -> str:
    """The column's own where the quantity is one, with the median over users behind it, as `explanations.wordings` reads it."""
    plain = columns.features[model.places[0]].sentence
    if isinstance(model, Repetition):
        event, days = columns.definition.repeat_event, model.days
        of_any = f"{{value}} active days to be expected {coming(days)}|never seen so far"
        plain = of_any if model.of_any else fitted_features(event, days)[0].sentence
    return compared(plain, medians(model.quantity(known)[:, None], [model.reason]).get(model.reason))
