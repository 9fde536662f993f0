"""Options that several commands share, and how a command starts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from features.cutoff import Cutoff, parse_cutoff
from features.target import Target
from pipeline import logs
from pipeline.commands import CONFIG_VARIABLE
from pipeline.config import Config, load
from pipeline.errors import ConfigError

ConfigPath = Annotated[Path, typer.Option("--config", envvar=CONFIG_VARIABLE, help="The configuration file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON; no progress bars.")]
CutoffText = Annotated[str, typer.Option("--cutoff", help="As of: a date (its midnight in source.time_zone, exclusive) or an instant.")]
TargetName = Annotated[str, typer.Option("--target", help="A target of the configuration.")]
TargetNames = Annotated[list[str] | None, typer.Option("--target", help="Only this target; repeat for several (default: all).")]
DEFAULT_CONFIG = Path("nightcast.toml")


def start(path: Path) -> Config:
    """Switch logging on and read the configuration."""
    logs.configure(verbose=False)
    return load(path)


def cutoff_of(text: str, config: Config) -> Cutoff:
    """The cutoff a person typed. Raises BadParameter (exit 2) saying what is accepted."""
    try:
        return parse_cutoff(text, config.source.time_zone)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--cutoff") from error


def targets_of(names: Sequence[str] | None, config: Config) -> list[Target]:
    """The named targets, or all that have models in the file's order. Raises ConfigError if a named one, or any, has none."""
    if not (names or config.modelled_targets):
        raise ConfigError(
            "No target of the configuration has models; they are there for the kinds occurs and absent",
            mend='add a target with kind = "occurs" or "absent"',
        )
    return [config.modelled_target(name) for name in names or config.modelled_targets]


def bars(as_json: bool) -> bool:
    """Whether progress bars are welcome: a person at a terminal."""
    return not as_json and sys.stderr.isatty()
