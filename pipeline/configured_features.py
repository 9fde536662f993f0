"""The feature set that the configuration asks for."""

from __future__ import annotations

from features.definition import FAMILIES, Definition
from features.feature_set import FeatureSet, feature_set
from pipeline.config import Config
from pipeline.errors import ConfigError

PAUSE_MINUTES = 30
"""The usual pause after which a visit counts as a new one, where the source names no sessions."""


def configured_features(config: Config) -> FeatureSet:
    """The feature set of `[features]`, `[windows]` and `source.event_types`; families in their own order, windows ascending.

    Raises ConfigError for what cannot stand together, such as two categories that give one column name.
    """
    try:
        return feature_set(_definition(config))
    except ValueError as error:
        raise ConfigError(f"The features cannot be as configured: {error}", mend="correct [features] or source.event_types") from error


def _definition(config: Config) -> Definition:
    chosen = config.features
    named = any("session_id" in stream.columns for stream in config.source.each.values())
    return Definition(
        event_types=config.source.event_types,
        windows=tuple(sorted(set(config.windows.days))),
        lookback_days=config.windows.lookback_days,
        families=tuple(name for name in FAMILIES if name in chosen.families),
        session_minutes=chosen.session_minutes or (0 if named else PAUSE_MINUTES),
        categories=chosen.categories,
        repeat_event=chosen.repeat_event,
        repeat_days=chosen.repeat_days,
    )
