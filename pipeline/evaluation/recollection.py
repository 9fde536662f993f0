"""Evidence and decision read back from the evaluation run that keeps them; a decision computes nothing anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.evaluation.decision import Decision
from pipeline.evaluation.evidence import Evidence
from pipeline.tracking import runs
from pipeline.tracking.runs import Run

EVALUATION = "evaluation"
EVIDENCE = "evidence.json"
DECISION = "decision.json"


def recall(config: Config, target: str, as_of: Cutoff) -> tuple[Run, Evidence]:
    """The newest finished evaluation of that training, and its evidence. Raises MissingInput if there is none."""
    run = runs.newest(config, target, {"kind": EVALUATION, "cutoff": as_of.key})
    if run is None:
        raise MissingInput(
            f"The models of {target} trained as of {as_of} have not been evaluated",
            mend=f"run `nightcast evaluate --target {target} --cutoff {as_of}` first",
        )
    try:
        return run, Evidence.from_json(runs.read_table(run, EVIDENCE))
    except ValueError as error:
        raise MissingInput(
            f"The evaluation of {target} as of {as_of} was recorded by another version of Nightcast: {error}",
            mend=f"run `nightcast evaluate --target {target} --cutoff {as_of}` again",
        ) from error


def decided(evaluation: Run) -> Decision | None:
    """What an earlier promotion decided by this evaluation; None if there was none."""
    try:
        return Decision.from_json(runs.read_table(evaluation, DECISION))
    except MissingInput:
        return None


def without(evidence: Evidence, withdrawn: Mapping[str, str]) -> Evidence:
    """The evidence as if the withdrawn versions (→ why) could not have been judged."""
    models = tuple(model for model in evidence.models if model.version not in withdrawn)
    gone = {model.version: withdrawn[model.version] for model in evidence.models if model.version in withdrawn}
    return replace(evidence, models=models, set_aside={**evidence.set_aside, **gone})
