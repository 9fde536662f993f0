"""From `[features]`, `[windows]` and the source to one feature set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from features.definition import FAMILIES
from pipeline.configured_features import configured_features
from pipeline.errors import ConfigError
from tests.synthetic_lake import SETTINGS, configuration


def definition(**sections: Any) -> Any:
    return configured_features(configuration(Path(), **sections)).definition


def source(**columns: str) -> dict[str, Any]:
    return {**SETTINGS["source"], "columns": {**SETTINGS["source"]["columns"], **columns}}


def test_by_default_all_families_with_the_configured_windows() -> None:
    found = definition(windows={"lookback_days": 60, "days": (30, 7, 30)})
    assert (found.families, found.windows, found.lookback_days) == (FAMILIES, (7, 30), 60)
    assert (found.categories, found.repeat_event) == ((), "")


def test_families_are_in_their_own_order() -> None:
    assert definition(features={"families": ("funnel", "recency")}).families == ("recency", "funnel")


def test_sessions_are_the_given_ids_where_there_are_some() -> None:
    assert definition().session_minutes == 30
    assert definition(source=source(session_id="s")).session_minutes == 0
    assert definition(source=source(session_id="s"), features={"session_minutes": 45}).session_minutes == 45


def test_what_cannot_stand_together_is_a_finding_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"features cannot be as configured: .*Toys.*toys"):
        definition(features={"categories": ("Toys", "toys")})
