"""Why a version stands where it does, in words on the pages of MLflow: on the version and on the registered model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pipeline.config import Config
from pipeline.tracking import aliases, registry

Word = Literal["promoting", "promoted", "refused", "restored", "withdrawn"]
"""`promoting`: decided, but the alias has not moved yet; it stays so if the promotion was killed, and running it again ends it."""

HEADING = "\n\n**Decision:** "
"""In a version's description what follows it is replaced, what precedes it was written by its training."""
TAG_LENGTH = 4000
TOLD = 2
"""Reasons of each that the registered model tells, the most telling ones; the version tells all."""
BY_HAND = "it was given the alias by hand; nothing is recorded about why"


def tags(word: Word, reasons: Sequence[str], run_id: str) -> dict[str, str]:
    """What a version is tagged with, one reason a line; `run_id` is the evaluation or rollback that says more."""
    return {"decision": word, "decision_reasons": "\n".join(reasons)[:TAG_LENGTH], "decision_run_id": run_id}


def note(config: Config, target: str, version: str, word: Word, reasons: Sequence[str], run_id: str) -> None:
    """Say it below what the version's training wrote of it, then tag the version."""
    written = aliases.description(config, target, version).partition(HEADING)[0]
    said = "".join(f"\n- {reason}" for reason in reasons)
    registry.describe(config, target, version, f"{written}{HEADING}{word}.\n{said}")
    registry.annotate(config, target, version, tags(word, reasons, run_id))


def describe(config: Config, target: str) -> None:
    """Say on the registered model who is champion and why, and who challenged last and why not; by the tags of those two."""
    held = ((alias, aliases.holder(config, target, alias)) for alias in (registry.CHAMPION, registry.CHALLENGER))
    told = [_paragraph(alias, version, aliases.tags(config, target, version)) for alias, version in held if version]
    registry.describe_model(config, target, "\n\n".join([f"Scorers of target **{target}**.", *told]))


def _paragraph(alias: str, version: str, known: Mapping[str, str]) -> str:
    about = f" ({known['kind']})" if "kind" in known else ""
    told = known.get("decision_reasons", BY_HAND).split("\n")[:TOLD]
    return "\n".join([f"**{alias.capitalize()}:** version {version}{about}\n", *(f"- {reason}" for reason in told)])
