"""A small evaluation with a champion, a challenger that is better for one group and worse for another, and a baseline."""

from __future__ import annotations

from pipeline.evaluation.decision import Decision, Gate
from pipeline.evaluation.evidence import Difference, Estimate, Evidence, Figures, Judged, Slice
from tests.synthetic_lake import AS_OF


def figures(auc: float) -> Figures:
    """A model's figures over all users."""
    return {
        "auc": Estimate(auc, auc - 0.01, auc + 0.01),
        "log_loss": Estimate(0.9 - auc, 0.89 - auc, 0.91 - auc),
        "accuracy": Estimate(0.8),
        "recall": Estimate(0.3, 0.28, 0.32),
    }


def difference(version: str, other: str, lead: float, width: float = 0.01) -> Difference:
    """The same lead in AUC and in log loss."""
    found = Estimate(lead, lead - width, lead + width)
    return Difference(version, other, {"auc": found, "log_loss": found.reversed()})


def treated(auc: float, ratio: float) -> Figures:
    """A model's figures in one group."""
    return {
        "auc": Estimate(auc, auc - 0.05, auc + 0.05),
        "calibration_ratio": Estimate(ratio, ratio - 0.05, ratio + 0.05),
        "reached": Estimate(0.1, 0.08, 0.12),
        "recall": Estimate(0.3, 0.2, 0.4),
    }


NAMED = "<b>Côte & d'Ivoire</b>"
EVIDENCE = Evidence(
    target="purchase_7d",
    as_of=AS_OF,
    evaluation=AS_OF.plus_days(-7),
    rows=2_000,
    positives=300,
    models=(
        Judged("7", "gbdt", AS_OF.plus_days(-14), figures(0.76), {"leak_gate": "passed", "sufficiency": "go"}),
        Judged("4", "gbdt", AS_OF.plus_days(-40), figures(0.74)),
        Judged("5", "recency", AS_OF.plus_days(-14), figures(0.68)),
    ),
    differences=(difference("7", "4", 0.02), difference("7", "5", 0.08), difference("4", "5", 0.06)),
    set_aside={"3": "it reads <other> features"},
    slices=(
        Slice("tenure", "under 30 days", 800, 90, {"7": treated(0.75, 1.01), "4": treated(0.7, 0.8)}, (difference("7", "4", 0.05, 0.02),)),
        Slice("segment", NAMED, 700, 110, {"7": treated(0.6, 1.3), "4": treated(0.7, 1.0)}, (difference("7", "4", -0.1, 0.02),)),
        Slice("segment", "Malta", 12, 2, too_small="it has 12 users; at least 200 are needed"),
    ),
    operating_point="the 10 % of the users whom the model ranks best",
    replicates=1_000,
)

GATES = (
    Gate("leaks", "passed", "the leak gate said passed; passed is asked"),
    Gate("slices", "failed", f"segment = {NAMED} is significantly worse"),
    Gate("amounts", "skipped", "there are no expected values to compare"),
)
REFUSED = Decision(False, "7", "4", ("version 7 (gbdt) does not replace champion version 4 (gbdt)", "a <second> reason"), GATES)
PROMOTED = Decision(True, "7", "4", ("version 7 (gbdt) replaces champion version 4 (gbdt)",), GATES[:1])
FIRST = Decision(True, "7", None, ("there is no champion yet",), GATES[:1])
