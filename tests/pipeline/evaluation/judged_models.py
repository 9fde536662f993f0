"""Evidence about made-up models whose figures are given."""

from __future__ import annotations

from itertools import combinations

from features.cutoff import Cutoff
from pipeline.evaluation.evidence import Difference, Estimate, Evidence, Judged, Slice

AS_OF = Cutoff.from_key("20260601T000000Z")
EVALUATION = AS_OF.plus_days(-7)


def around(value: float, half: float) -> Estimate:
    """An estimate in the middle of its interval."""
    return Estimate(value, value - half, value + half)


def model(version: str, auc: float, half: float = 0.02, labels_until: Cutoff = EVALUATION, kind: str = "gbdt") -> Judged:
    """A learned model."""
    return Judged(version, kind, labels_until, {"auc": around(auc, half), "log_loss": Estimate(0.5)})


def baseline(version: str, kind: str, auc: float) -> Judged:
    """A simple predictor; the base rate knows its AUC."""
    return model(version, auc, half=0.0 if kind == "base_rate" else 0.02, kind=kind)


BASE, RECENCY, DAYS, BG_NBD = (
    baseline("1", "base_rate", 0.5),
    baseline("2", "recency", 0.70),
    baseline("3", "active_days", 0.68),
    baseline("4", "bg_nbd", 0.72),
)
BASELINES = (BASE, RECENCY, DAYS, BG_NBD)


def evidence(
    *models: Judged,
    half: float = 0.01,
    set_aside: dict[str, str] | None = None,
    positives: int = 200,
    apart: dict[str, Estimate] | None = None,
    slices: tuple[Slice, ...] = (),
) -> Evidence:
    """On 1000 users; every two models are as far apart as their AUCs, ± `half`, and by the figures in `apart`."""
    differences = tuple(
        Difference(
            one.version, other.version, {"auc": around(one.figures["auc"].value - other.figures["auc"].value, half), **(apart or {})}
        )
        for one, other in combinations(models, 2)
    )
    return Evidence("purchase_7d", AS_OF, EVALUATION, 1000, positives, models, differences, set_aside or {}, slices=slices)


def group(value: str, one: str, other: str, p: dict[str, float]) -> Slice:
    """A slice of 300 users where `one` differs from `other` by -0.05 in every figure of `p`, with these one-sided p-values."""
    figures = {name: around(-0.05, 0.02) for name in p}
    return Slice("segment", value, 300, 60, {}, (Difference(one, other, figures, p),))
