"""`nightcast.toml`, frozen and typed. Addresses and secrets may also come from `NIGHTCAST__SECTION__KEY`.

Every wrong key, type and value is reported at once, before any work. Relative paths are relative to the file's folder.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from features.cutoff import Cutoff
from features.splits import Split, split
from features.target import ANY, MODELLED_KINDS, Target
from pipeline.config_sections import (
    Dask,
    Evaluation,
    Export,
    Features,
    LakeSection,
    Leaks,
    Mlflow,
    Name,
    Promotion,
    Publish,
    Schedule,
    Scoring,
    TargetSection,
    Training,
    Warehouse,
    Windows,
)
from pipeline.config_source import Source, Validation
from pipeline.errors import ConfigError
from pipeline.postgresql_url import masked

NEEDED_COLUMNS = {"sum": "value", "next_item": "item_id"}


class Config(BaseSettings):
    """The whole file."""

    model_config = SettingsConfigDict(env_prefix="NIGHTCAST__", env_nested_delimiter="__", extra="forbid", frozen=True)

    source: Source
    targets: Annotated[dict[Name, TargetSection], Field(min_length=1)]
    warehouse: Warehouse = Warehouse()
    lake: LakeSection = LakeSection()
    mlflow: Mlflow = Mlflow()
    dask: Dask = Dask()
    validation: Validation = Validation()
    windows: Windows = Windows()
    features: Features = Features()
    training: Training = Training()
    leaks: Leaks = Leaks()
    evaluation: Evaluation = Evaluation()
    promotion: Promotion = Promotion()
    scoring: Scoring = Scoring()
    publish: Publish = Publish()
    export: Export = Export()
    schedule: Schedule = Schedule()
    root: Path = Path()

    @model_validator(mode="after")
    def _targets_can_be_told(self) -> Config:
        known = (ANY, *self.source.event_types)
        wrong = [
            f"targets.{name}.{place} = '{value}' is not one of {', '.join(known)}"
            for name, target in self.targets.items()
            for place, value in (("event_type", target.event_type), ("eligible.event_type", target.eligible.event_type))
            if value not in known
        ]
        mapped = {column for stream in self.source.each.values() for column in stream.columns}
        wrong += [
            f"targets.{name}.kind = '{target.kind}' needs the event column {needed}, and source.columns does not map it"
            for name, target in self.targets.items()
            if (needed := NEEDED_COLUMNS.get(target.kind)) and needed not in mapped
        ]
        if self.features.repeat_event not in ("", *self.source.event_types):
            wrong.append(f"features.repeat_event = '{self.features.repeat_event}' is not one of {', '.join(self.source.event_types)}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 – part of the overridden signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 – part of the overridden signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def target(self, name: str) -> Target:
        """The named target. Raises ConfigError naming those there are."""
        if name not in self.targets:
            raise ConfigError(
                f"Target '{name}' is not configured; there are {', '.join(self.targets)}",
                mend=f"add [targets.{name}] to the configuration, or name one of those",
            )
        found, eligible = self.targets[name], self.targets[name].eligible
        return Target(
            name,
            found.kind,
            found.event_type,
            found.horizon_days,
            found.gap_days,
            eligible.event_type,
            eligible.within_days,
            found.unit,
        )

    def modelled_target(self, name: str) -> Target:
        """The named target. Raises ConfigError if it is not configured, or of a kind that has labels and no models."""
        target = self.target(name)
        if target.kind not in MODELLED_KINDS:
            raise ConfigError(
                f"Target '{name}' is of kind '{target.kind}'; models are there for {', '.join(MODELLED_KINDS)} only",
                mend=f"name one of those ({', '.join(self.modelled_targets) or 'none is configured'}); "
                f"the labels of '{name}' are in the lake's table `labels`",
            )
        return target

    @property
    def modelled_targets(self) -> tuple[str, ...]:
        """Names of the targets that are learned, judged and scored, in the file's order; of a `next_item` target there are labels alone."""
        return tuple(name for name, target in self.targets.items() if target.kind in MODELLED_KINDS)

    def split(self, target: Target, as_of: Cutoff) -> Split:
        """The training and evaluation cutoffs of a target as of an instant."""
        wanted = self.training
        return split(
            target,
            as_of,
            self.source.time_zone,
            cutoffs=wanted.cutoffs,
            step_days=wanted.step_days,
            embargo_days=wanted.embargo_days,
        )

    @property
    def lake_url(self) -> str:
        """The lake's URL, absolute where it is a local folder."""
        return self.lake.url if "://" in self.lake.url else str(self.path(self.lake.url))

    @property
    def export_url(self) -> str:
        """The URL of `export.folder`, absolute where it is a local folder; empty where there is none."""
        folder = self.export.folder
        return folder if not folder or "://" in folder else str(self.path(folder))

    @property
    def warehouse_place(self) -> str:
        """The warehouse's URL without a password, for people and logs."""
        return masked(self.warehouse.url)

    def path(self, text: str) -> Path:
        """A path of the file, relative to the file's folder."""
        return (self.root / text).resolve()


def load(path: Path) -> Config:
    """The configuration at `path`. Raises ConfigError with every finding, each with its place, value and what would be right."""
    if not path.is_file():
        raise ConfigError(f"No configuration at {path}", mend="run `nightcast init` to write one, or pass --config PATH")
    try:
        tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", mend="correct that line") from error

    class FromFile(Config):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        return FromFile(root=path.resolve().parent)
    except ValidationError as error:
        raise ConfigError(
            f"{path} has {error.error_count()} finding(s):\n{_findings(error)}",
            mend="correct these places; `nightcast init --print` shows every key",
        ) from None


def _findings(error: ValidationError) -> str:
    lines = []
    for finding in error.errors():
        place = ".".join(str(part) for part in finding["loc"]) or "(whole file)"
        if finding["type"] == "extra_forbidden":
            lines.append(f"  {place}: unknown key (its value is {finding['input']!r})")
        elif finding["type"] == "missing":
            lines.append(f"  {place}: is required")
        else:
            value = "" if isinstance(finding["input"], dict | BaseModel) else f" = {finding['input']!r}"
            lines.append(f"  {place}{value}: {finding['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)
