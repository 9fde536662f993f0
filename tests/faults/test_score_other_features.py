"""A champion that learned from other features than the configuration makes: refused before anybody is scored, and whoever reads the scores
sees those of before (F25)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.config import Config, load
from pipeline.configured_features import configured_features
from pipeline.lake import Lake
from pipeline.stages import publish
from pipeline.warehouse import open_warehouse
from tests.faults.laid_night import refused_in_words, scored_here
from tests.faults.scoring_night import PARTITION, TARGET
from tests.faults.warm import Ended, begin
from tests.synthetic_lake import AS_OF, SETTINGS, write_features, write_toml

MISSING_INPUT, REFUSED = 18, 16


@pytest.fixture
def night(trained_night: Config, tmp_path: Path) -> Config:
    """A night that is scored and published."""
    root = tmp_path / "night"
    shutil.copytree(trained_night.root, root)
    config = load(root / "nightcast.toml")
    scored_here(config)
    publish.run(config, AS_OF, targets=[config.target(TARGET)], show=False)
    return config


def score(config: Config) -> Ended:
    words = ["score", "--cutoff", str(AS_OF), "--config", str(config.root / "nightcast.toml"), "--json"]
    return begin(words, config.root / "score").ended()


def test_features_of_another_fingerprint(night: Config) -> None:
    target = SETTINGS["targets"][TARGET]
    other = load(write_toml(night.root, targets={TARGET: target}, windows={"lookback_days": 60, "days": [7, 14]}))
    before = Lake(night.lake_url).read("scores", PARTITION)
    with open_warehouse(night) as warehouse:
        checksum = warehouse.checksum(TARGET, AS_OF)

    ended = score(other)
    refused_in_words(ended, [MISSING_INPUT])
    assert f"nightcast build-features --cutoff {AS_OF}" in ended.said

    write_features(other, AS_OF)
    ended = score(other)
    refused_in_words(ended, [REFUSED])
    assert configured_features(other).fingerprint in ended.said
    assert configured_features(night).fingerprint in ended.said

    assert Lake(night.lake_url).read("scores", PARTITION).equals(before)
    with open_warehouse(night) as warehouse:
        assert warehouse.checksum(TARGET, AS_OF) == checksum
    write_toml(night.root, targets={TARGET: target})
    assert scored_here(load(night.root / "nightcast.toml"))["rows"] == len(before)


def test_a_target_that_was_defined_anew(night: Config) -> None:
    target = {**SETTINGS["targets"][TARGET], "horizon_days": 14}
    ended = score(load(write_toml(night.root, targets={TARGET: target})))
    refused_in_words(ended, [REFUSED])
    assert "14" in ended.said
