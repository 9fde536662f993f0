"""The command line of every stage, as argument lists: what Airflow runs, what `nightcast run` runs, what a person types.

Standard library only: DAG files import this module, and parsing a DAG may not load anything heavy.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEARNED_KINDS = ("occurs", "absent", "sum")
"""Kinds of targets that have models, as in `features.target`, which may not be loaded here."""

SEQUENCE_KINDS = ("occurs", "absent")
"""Those that the sequence model learns, too."""

CONFIG_VARIABLE = "NIGHTCAST_CONFIG"
PYTHON_VARIABLE = "NIGHTCAST_PYTHON"


@dataclass(frozen=True)
class Step:
    """One task of a chain: its name, its arguments after `nightcast`, the steps before it, and its target's lane if it has one.

    A step without arguments runs nothing: a person is asked whether what the step before it proposes may happen.
    """

    name: str
    argv: tuple[str, ...]
    after: tuple[str, ...] = ()
    target: str = ""


def train_steps(
    targets: Mapping[str, str], cutoff: str, *, promote_options: Sequence[str] = (), approval: bool = False
) -> tuple[Step, ...]:
    """From the lake to champions: features once, checked for leaks, then one lane per target in which its models train side by side.

    targets          name → kind; the sequence model does not learn all of them
    promote_options  further arguments of `promote`, such as `--dry-run`
    approval         whether each lane proposes and asks before it promotes
    """
    steps = [
        Step("build_features", ("build-features", "--training", "--cutoff", cutoff)),
        Step("check_leaks", ("check-leaks", "--cutoff", cutoff), ("build_features",)),
    ]
    for target, kind in targets.items():
        lane = ("--target", target, "--cutoff", cutoff)
        models = ("baselines", "gbdt", *(("sequence",) if kind in SEQUENCE_KINDS else ()))
        trained = tuple(f"{target}.train_{model}" for model in models)
        asked = (
            Step(f"{target}.propose", ("promote", *lane, "--dry-run"), (f"{target}.evaluate",), target),
            Step(f"{target}.approve", (), (f"{target}.propose",), target),
        )
        last = f"{target}.approve" if approval else f"{target}.evaluate"
        steps += [
            *(Step(name, (f"train-{model}", *lane), ("check_leaks",), target) for name, model in zip(trained, models, strict=True)),
            Step(f"{target}.evaluate", ("evaluate", *lane), trained, target),
            *(asked if approval else ()),
            Step(f"{target}.promote", ("promote", *lane, *promote_options), (last,), target),
        ]
    return tuple(steps)


def score_steps(cutoff: str) -> tuple[Step, ...]:
    """From the lake to the warehouse: features at the cutoff, scores by the champions, publish."""
    return (
        Step("build_features", ("build-features", "--cutoff", cutoff)),
        Step("score", ("score", "--cutoff", cutoff), ("build_features",)),
        Step("publish", ("publish", "--cutoff", cutoff), ("score",)),
    )


def ingest_steps(first: str, last: str) -> tuple[Step, ...]:
    """From the source to the lake, one day or a range of days (both ends included)."""
    return (Step("ingest", ("ingest", "--from", first, "--to", last)),)


def asks_a_person(settings: Mapping[str, Any]) -> bool:
    """Whether the raw tables want a person's approval before a champion changes."""
    return bool(settings.get("promotion", {}).get("approval") == "human")


def learned_targets(settings: Mapping[str, Any]) -> dict[str, str]:
    """Name → kind of the raw tables' targets that have models, in the file's order."""
    kinds = {name: target.get("kind") for name, target in settings.get("targets", {}).items()}
    return {name: kind for name, kind in kinds.items() if kind in LEARNED_KINDS}


def command_line(step: Step, *, python: str, config: str) -> list[str]:
    """The full argument list of a step; its last line on stdout is one JSON object."""
    return [python, "-m", "pipeline", *step.argv, "--config", config, "--json"]


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """The configuration in force: `NIGHTCAST_CONFIG`, else `./nightcast.toml`."""
    return Path(environment.get(CONFIG_VARIABLE, "nightcast.toml")).absolute()


def read_settings(path: Path) -> dict[str, Any]:
    """The raw tables of the file, for wiring only; the stages validate it. Empty if there is no such file yet."""
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
