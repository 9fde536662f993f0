"""Which two models a report sets beside each other: the one that was considered, and the one it had to beat."""

from __future__ import annotations

from dataclasses import dataclass

from models.baselines import KINDS
from pipeline.evaluation.decision import Decision
from pipeline.evaluation.evidence import Evidence, Judged


@dataclass(frozen=True)
class Duel:
    """One decision, seen from the reader.

    model   the candidate that was considered; without one, the best model judged
    rival   the champion it is compared with; without a champion that was judged, the best baseline, else the best other model
    scorer  who scores if the decision is carried out; None where that is nobody, or a champion that was not judged
    """

    model: Judged | None
    rival: Judged | None
    scorer: Judged | None


def duel(evidence: Evidence, decision: Decision) -> Duel:
    """The sides of the decision; None for a side that there is not."""
    champion = evidence.model(decision.champion) if decision.champion else None
    model = (evidence.model(decision.version) if decision.version else None) or evidence.best
    scorer = model if decision.promoted else champion
    if model is None or (champion and champion is not model):
        return Duel(model, champion, scorer)
    others = [each for each in ranked(evidence) if each is not model]
    return Duel(model, next((each for each in others if each.kind in KINDS), others[0] if others else None), scorer)


def ranked(evidence: Evidence) -> list[Judged]:
    """The judged models, the highest AUC first, ties in order of their versions."""
    return sorted(evidence.models, key=lambda model: (-model.figures["auc"].value, int(model.version)))


def named(model: Judged) -> str:
    """As tables and legends call it: `gbdt v7`."""
    return f"{model.kind} v{model.version}"
