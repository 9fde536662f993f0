"""Give the alias `champion` to a candidate if the evaluation's evidence allows it, and record the decision with its reasons."""

from __future__ import annotations

import logging
from typing import Any

from features.cutoff import Cutoff
from features.target import Target
from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.evaluation.decision import Decision, Rule
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.promotion import decide
from pipeline.evaluation.recollection import recall
from pipeline.tracking import registry
from pipeline.tracking.runs import Run

logger = logging.getLogger(__name__)

TAG_LENGTH = 4000


def run(config: Config, target: Target, cutoff: Cutoff, *, dry_run: bool, show: bool) -> dict[str, Any]:  # noqa: ARG001 – nothing to count
    """Decide by the newest evaluation of the training as of `cutoff`; whether the alias moved, to which version, and why.

    `dry_run` decides and says so, and changes nothing. Raises MissingInput without an evaluation, or if that evaluation does not
    know today's candidates or champion.
    """
    evaluation, evidence = recall(config, target.name, cutoff)
    held = registry.find_champion(config, target.name)
    _require_current(config, evidence, held.version if held else None)
    decision = decide(evidence, held.version if held else None, Rule(**config.promotion.rule))
    if not dry_run:
        _carry_out(config, target.name, decision, evaluation)
    logger.info("%s of %s as of %s: %s", "promotion" if decision.promoted else "no promotion", target.name, cutoff, decision.reasons[0])
    return {
        "target": target.name,
        "as_of": str(cutoff),
        "promoted": decision.promoted,
        "version": decision.version,
        "champion": decision.version if decision.promoted and not dry_run else decision.champion,
        "dry_run": dry_run,
        "reasons": list(decision.reasons),
    }


def _require_current(config: Config, evidence: Evidence, champion: str | None) -> None:
    known = {*(model.version for model in evidence.models), *evidence.set_aside}
    candidates = {model.version for model in registry.candidates(config, evidence.target, evidence.as_of)}
    if unknown := sorted((candidates | ({champion} if champion else set())) - known, key=int):
        raise MissingInput(
            f"The evaluation of {evidence.target} as of {evidence.as_of} does not know version {', '.join(unknown)}",
            mend=f"run `nightcast evaluate --target {evidence.target} --cutoff {evidence.as_of}` again",
        )


def _carry_out(config: Config, target: str, decision: Decision, evaluation: Run) -> None:
    """Record the decision, then move the alias: a run killed in between leaves the old champion, and a rerun ends it."""
    reasons = "; ".join(decision.reasons)[:TAG_LENGTH]
    verdict = "promoted" if decision.promoted else "refused"
    evaluation.tags({"decision": verdict, "decision_version": decision.version or "", "decision_reasons": reasons})
    if decision.version is None:
        return
    tags = {"decision": verdict, "decision_reasons": reasons, "decision_run_id": evaluation.id}
    registry.annotate(config, target, decision.version, tags)
    if decision.promoted:
        registry.set_alias(config, target, registry.CHAMPION, decision.version)
        registry.drop_alias(config, target, registry.CHALLENGER)
    else:
        registry.set_alias(config, target, registry.CHALLENGER, decision.version)
