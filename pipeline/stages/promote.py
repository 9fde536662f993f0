"""Give the alias `champion` to a candidate if the evaluation's evidence allows it, and record the decision with its reasons."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from features.cutoff import Cutoff
from features.target import Target
from pipeline.config import Config
from pipeline.errors import Busy, MissingInput
from pipeline.evaluation import standing
from pipeline.evaluation.decision import Decision, Rule
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.promotion import decide
from pipeline.evaluation.recollection import DECISION, decided, recall, without
from pipeline.scoring.readiness import require_ready
from pipeline.tracking import aliases, registry
from pipeline.tracking.runs import Run

logger = logging.getLogger(__name__)

NOTHING = "none"
"""As `expected`: what was approved is that nobody is promoted."""


def run(
    config: Config,
    target: Target,
    cutoff: Cutoff,
    *,
    dry_run: bool,
    expected: str | None = None,
    declined: str | None = None,
    show: bool,  # noqa: ARG001 – nothing to count
) -> dict[str, Any]:
    """Decide by the newest evaluation of the training as of `cutoff`; whether the alias moves, to which version, and why.

    dry_run   decide and say so, and change nothing; `champion` is then still the one before
    expected  the version whose promotion was approved, or `none` if none was: any other decision is refused
    declined  why a person said no to the promotion, which is recorded as refused then; it does not undo one that was carried out

    One promotion or rollback of a target at a time; the champion is read only once nobody else can move it. A promotion that has been
    carried out is said again, not decided again; one that was killed half-way is ended. Raises MissingInput without an evaluation, if
    that evaluation does not know today's candidates or champion, or if the decision is not the expected one; ModelRefused, with the
    alias where it was, if the version is not finished or its files are not those that were registered; Busy.
    """
    with nullcontext() if dry_run else aliases.alone(config, target.name):
        evaluation, evidence = recall(config, target.name, cutoff)
        champion = aliases.holder(config, target.name, registry.CHAMPION)
        _require_current(config, evidence, champion)
        earlier = decided(evaluation)
        carried_out = bool(earlier and earlier.promoted and earlier.version == champion)
        decision = earlier if earlier and carried_out else _decide(config, evidence, champion)
        if declined is not None and decision.promoted and not carried_out:
            decision = replace(decision, promoted=False, reasons=(f"a person declined it: {declined}", *decision.reasons))
        _require_expected(evidence, decision, expected)
        if not dry_run:
            _conclude(config, target, decision, evaluation) if carried_out else _carry_out(config, target, decision, evaluation)
    logger.info("%s of %s as of %s: %s", "promotion" if decision.promoted else "no promotion", target.name, cutoff, decision.reasons[0])
    scores = champion if dry_run or not decision.promoted else decision.version
    return {"target": target.name, "as_of": str(cutoff), "champion": scores, "dry_run": dry_run, **_told(decision)}


def _told(decision: Decision) -> dict[str, Any]:
    """The decision as the stage's result says it."""
    return {
        "promoted": decision.promoted,
        "version": decision.version,
        "reasons": list(decision.reasons),
        "gates": [{"gate": gate.name, "verdict": gate.verdict, "numbers": gate.words} for gate in decision.gates],
    }


def _decide(config: Config, evidence: Evidence, champion: str | None) -> Decision:
    """A version that a rollback has withdrawn is not considered. A champion is judged whatever its tags say: it scores."""
    others = [model.version for model in evidence.models if model.version != champion]
    judged = without(evidence, aliases.withdrawn(config, evidence.target, others))
    return decide(judged, champion, Rule(**config.promotion.rule))


def _require_current(config: Config, evidence: Evidence, champion: str | None) -> None:
    known = {*(model.version for model in evidence.models), *evidence.set_aside}
    candidates = {model.version for model in registry.candidates(config, evidence.target, evidence.as_of)}
    if unknown := sorted((candidates | ({champion} if champion else set())) - known, key=int):
        raise MissingInput(
            f"The evaluation of {evidence.target} as of {evidence.as_of} does not know version {', '.join(unknown)}",
            mend=f"run `nightcast evaluate --target {evidence.target} --cutoff {evidence.as_of}` again",
        )


def _require_expected(evidence: Evidence, decision: Decision, expected: str | None) -> None:
    found = (decision.version if decision.promoted else None) or NOTHING
    if expected is None or expected == found:
        return
    what = {NOTHING: "that nobody is promoted"}
    raise MissingInput(
        f"What was approved for {evidence.target} as of {evidence.as_of} is {what.get(expected, f'the promotion of version {expected}')}; "
        f"what would happen now is {what.get(found, f'the promotion of version {found}')}: {decision.reasons[0]}",
        mend=f"look at `nightcast promote --target {evidence.target} --cutoff {evidence.as_of} --dry-run`, and have that approved",
    )


def _carry_out(config: Config, target: Target, decision: Decision, evaluation: Run) -> None:
    """Everything that can fail comes first, the alias moves in one step, what only tells people comes last.

    A run killed before that step leaves the old champion, and a rerun decides again; one killed after it is ended by a rerun.
    """
    if decision.promoted and decision.version:
        require_ready(config, target, aliases.version(config, target.name, decision.version))
    word: standing.Word = "promoting" if decision.promoted else "refused"
    evaluation.table(DECISION, decision.to_json())
    evaluation.tags(_tags(decision, word))
    if decision.version is None:
        return
    if decision.promoted:
        registry.annotate(config, target.name, decision.version, standing.tags("promoting", decision.reasons, evaluation.id))
        _require_unmoved(config, target.name, decision)
        registry.set_alias(config, target.name, registry.CHAMPION, decision.version)
        _conclude(config, target, decision, evaluation)
    else:
        standing.note(config, target.name, decision.version, "refused", decision.reasons, evaluation.id)
        registry.set_alias(config, target.name, registry.CHALLENGER, decision.version)
        standing.describe(config, target.name)


def _require_unmoved(config: Config, target: str, decision: Decision) -> None:
    """Another machine, or a person in MLflow, knows nothing of this one's lock."""
    if (now := aliases.holder(config, target, registry.CHAMPION)) != decision.champion:
        raise Busy(
            f"While the promotion of version {decision.version} of {target} was decided, its champion changed from "
            f"{decision.champion or 'nobody'} to {now or 'nobody'}",
            mend="run this again: it decides by the new champion",
        )


def _conclude(config: Config, target: Target, decision: Decision, evaluation: Run) -> None:
    """Say everywhere that the alias has moved; the version's own tag comes last, and tells a rerun that nothing is left to say."""
    if decision.version is None or aliases.tags(config, target.name, decision.version).get("decision") != "promoting":
        return
    registry.drop_alias(config, target.name, registry.CHALLENGER)
    evaluation.tags(_tags(decision, "promoted"))
    standing.describe(config, target.name)
    standing.note(config, target.name, decision.version, "promoted", decision.reasons, evaluation.id)


def _tags(decision: Decision, word: standing.Word) -> dict[str, str]:
    reasons = "; ".join(decision.reasons)[: standing.TAG_LENGTH]
    return {"decision": word, "decision_version": decision.version or "", "decision_reasons": reasons}
