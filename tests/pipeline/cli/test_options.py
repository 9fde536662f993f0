from __future__ import annotations

from pathlib import Path

import pytest
import typer

from pipeline import profiles
from pipeline.cli.options import bars, cutoff_of, targets_of
from pipeline.config import Config, load
from pipeline.errors import ConfigError


@pytest.fixture
def config(tmp_path: Path) -> Config:
    profiles.write("starter", tmp_path / "nightcast.toml")
    return load(tmp_path / "nightcast.toml")


def test_no_target_named_means_all_in_the_order_of_the_file(config: Config) -> None:
    assert [target.name for target in targets_of(None, config)] == ["purchase_30d", "churn_60d"]
    assert [target.name for target in targets_of(["churn_60d"], config)] == ["churn_60d"]


def test_an_unknown_target_is_refused(config: Config) -> None:
    with pytest.raises(ConfigError, match="purchase_31d"):
        targets_of(["purchase_31d"], config)


def with_kind(config: Config, kind: str) -> Config:
    """The configuration with its last target of another kind."""
    targets = {name: section.model_dump() for name, section in config.targets.items()}
    return Config.model_validate({**config.model_dump(), "targets": targets | {"churn_60d": targets["churn_60d"] | {"kind": kind}}})


def test_targets_without_models_are_left_out_and_refused_by_name(config: Config) -> None:
    spent = with_kind(config, "next_item")
    assert [target.name for target in targets_of(None, spent)] == ["purchase_30d"]
    with pytest.raises(ConfigError, match="'churn_60d' is of kind 'next_item'"):
        targets_of(["churn_60d"], spent)
    alone = Config.model_validate({**spent.model_dump(), "targets": {"churn_60d": spent.model_dump()["targets"]["churn_60d"]}})
    with pytest.raises(ConfigError, match="No target of the configuration has models"):
        targets_of(None, alone)


def test_a_wrong_cutoff_says_what_is_accepted(config: Config) -> None:
    with pytest.raises(typer.BadParameter, match="2026-11-10T06:00Z"):
        cutoff_of("yesterday", config)


def test_no_bars_in_json() -> None:
    assert bars(True) is False
