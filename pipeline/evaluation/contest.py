"""Every challenger with what its gates said, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.baselines import KINDS, BaseRate
from pipeline.evaluation.challenge import Challenge
from pipeline.evaluation.decision import Gate, Rule
from pipeline.evaluation.evidence import Evidence, Judged
from pipeline.evaluation.gates_beside_champion import OF_BASELINES, OF_MODELS, Ask
from pipeline.evaluation.wording import named


@dataclass(frozen=True)
class Tried:
    """A challenger, and what its gates said."""

    challenge: Challenge
    gates: tuple[Gate, ...]

    @property
    def model(self) -> Judged:
        """The version that challenges."""
        return self.challenge.considered

    @property
    def failed(self) -> tuple[Gate, ...]:
        """Those it did not pass; nobody who failed one is promoted."""
        return tuple(gate for gate in self.gates if gate.verdict == "failed")

    @property
    def shortfalls(self) -> tuple[str, ...]:
        """Each failed gate in words."""
        return tuple(f"{named(self.model)} fails at {gate.name}: {gate.words}" for gate in self.failed)


@dataclass(frozen=True)
class Contest:
    """All who challenge the champion, best first; `held` is the champion if it was judged."""

    evidence: Evidence
    champion: str | None
    held: Judged | None
    models: tuple[Tried, ...]
    baselines: tuple[Tried, ...]

    @property
    def shortfalls(self) -> tuple[str, ...]:
        """Why no model is promoted."""
        return tuple(why for tried in self.models for why in tried.shortfalls)


def challengers(evidence: Evidence, champion: str | None) -> list[Judged]:
    """Models before baselines, then by AUC. Ties go to another baseline than the base rate, to the lower log loss, to the older version."""
    return sorted(
        (model for model in evidence.models if model.version != champion),
        key=lambda model: (
            model.kind in KINDS,
            -model.figures["auc"].value,
            model.kind == BaseRate.kind,
            model.figures["log_loss"].value,
            int(model.version),
        ),
    )


def contest(evidence: Evidence, champion: str | None, held: Judged | None, asking: Sequence[Judged], rule: Rule) -> Contest:
    """Let the versions that are `asking`, best first, go through their gates."""

    def tried(model: Judged, gates: Sequence[Ask]) -> Tried:
        challenge = Challenge(evidence, model, held, rule)
        return Tried(challenge, tuple(gate(challenge) for gate in gates))

    return Contest(
        evidence,
        champion,
        held,
        tuple(tried(model, OF_MODELS) for model in asking if model.kind not in KINDS),
        tuple(tried(model, OF_BASELINES) for model in asking if model.kind in KINDS),
    )
