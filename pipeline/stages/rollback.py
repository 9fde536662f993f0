"""Give the alias `champion` back to another version, and withdraw the one that has it: no promotion gives it the alias again."""

from __future__ import annotations

import logging
from typing import Any

from features.target import Target
from pipeline.config import Config
from pipeline.evaluation import standing
from pipeline.scoring.readiness import require_ready
from pipeline.tracking import aliases, registry, runs
from pipeline.tracking.registry import ModelVersion

logger = logging.getLogger(__name__)

KIND = "rollback"


def run(config: Config, target: Target, version: str, *, reason: str = "", show: bool) -> dict[str, Any]:  # noqa: ARG001 – nothing to count
    """Move the alias to `version`, whatever the evidence says; who had it, who has it, and whether it moved.

    The version is checked first, as before a promotion. The one removed is tagged `withdrawn`; going back to a withdrawn one lifts that.
    An MLflow run of kind `rollback` says what was done. A rollback that was killed half-way is ended by running it again; once ended,
    running it again changes nothing. Raises MissingInput if there is no such version, ModelRefused if it is not finished, or its files
    were changed or do not fit the configuration, and Busy.
    """
    with aliases.alone(config, target.name):
        restored = aliases.version(config, target.name, version)
        require_ready(config, target, restored)
        held = aliases.holder(config, target.name, registry.CHAMPION)
        broken_off = runs.newest(config, target.name, {"kind": KIND}, status="RUNNING")
        if held != version:
            if broken_off:
                broken_off.end("FAILED")
            _move(config, target.name, restored, held, reason)
        elif broken_off:
            _conclude(config, target.name, restored)
            broken_off.end("FINISHED")
    logger.info("version %s is champion of %s; version %s was before", version, target.name, held)
    return {
        "target": target.name,
        "moved": held != version,
        "champion": version,
        "kind": restored.kind,
        "as_of": str(restored.cutoff),
        "before": held,
        "reason": reason,
    }


def _move(config: Config, target: str, restored: ModelVersion, removed: str | None, reason: str) -> None:
    """The alias moves only when everything else that has to be known of both versions is written down."""
    tags = {"kind": KIND, "restored": restored.version, "removed": removed or "", "reason": reason}
    with runs.opened(config, target, f"{KIND} to version {restored.version}", tags) as run:
        why = f": {reason}" if reason else ""
        run.tags({"mlflow.note.content": f"Version {restored.version} is champion instead of version {removed or '–'}{why}"})
        if removed:
            gone = f"withdrawn by a rollback to version {restored.version}{why}"
            standing.note(config, target, removed, "withdrawn", [gone], run.id)
            registry.annotate(config, target, removed, {aliases.WITHDRAWN: gone})
        back = f"given the alias back by a rollback from version {removed}{why}" if removed else f"given the alias by a rollback{why}"
        standing.note(config, target, restored.version, "restored", [back], run.id)
        aliases.reinstate(config, target, restored.version)
        registry.set_alias(config, target, registry.CHAMPION, restored.version)
        _conclude(config, target, restored)


def _conclude(config: Config, target: str, restored: ModelVersion) -> None:
    if aliases.holder(config, target, registry.CHALLENGER) == restored.version:
        registry.drop_alias(config, target, registry.CHALLENGER)
    standing.describe(config, target)
