"""The alias moves while a night is scored: every row is of one version, the one that was champion when the night began (F24)."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pipeline.config import Config, load
from pipeline.lake import Lake
from pipeline.stages import train_gbdt
from pipeline.tracking import registry
from tests.faults.scoring_night import PARTITION, TARGET, ready
from tests.faults.warm import begin
from tests.synthetic_lake import AS_OF


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A night to score in which version 1 is champion, and version 2 the same with fewer rounds."""
    config = ready(tmp_path_factory.mktemp("night"))
    gbdt = config.training.gbdt.model_copy(update={"rounds": 5})
    short = config.model_copy(update={"training": config.training.model_copy(update={"gbdt": gbdt})})
    train_gbdt.run(short, config.target(TARGET), AS_OF, show=False)
    return config


def move(path: Path, version: str) -> None:
    registry.set_alias(load(path), TARGET, registry.CHAMPION, version)


def scored(
    config: Config, place: Path, deeds: dict[str, Callable[[], object]] | None = None
) -> tuple[dict[str, str], set[str], list[float]]:
    """What the command says of versions, which ones stand on the rows, and the raw scores."""
    words = ["score", "--cutoff", str(AS_OF), "--config", str(config.root / "nightcast.toml"), "--json"]
    ended = begin(words, place, deeds=deeds).ended()
    assert ended.code == 0, ended.said
    rows = Lake(config.lake_url).read("scores", PARTITION).sort_by("user_id")
    return json.loads(ended.out)["models"], set(rows["model_version"].to_pylist()), rows["raw_score"].to_pylist()


@pytest.fixture(scope="module")
def of_the_first(two_versions: Config, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """The scores of a night in which nothing moves."""
    models, versions, scores = scored(two_versions, tmp_path_factory.mktemp("first") / "score")
    assert (models, versions) == ({TARGET: "1"}, {"1"})
    return scores


@pytest.mark.parametrize(
    "step", ["pipeline.tracking.registry:champion:after", "pipeline.stages.score:borrow:after", "pipeline.lake:Lake.commit:before"]
)
def test_every_row_says_the_version_that_was_champion_when_the_night_began(
    two_versions: Config, of_the_first: list[float], tmp_path: Path, step: str
) -> None:
    path = two_versions.root / "nightcast.toml"
    move(path, "1")
    models, versions, scores = scored(two_versions, tmp_path / "moved", {step: partial(move, path, "2")})
    assert (models, versions, scores == of_the_first) == ({TARGET: "1"}, {"1"}, True)
    assert registry.champion(two_versions, TARGET).version == "2"


def test_the_next_night_is_scored_by_the_new_champion(two_versions: Config, of_the_first: list[float], tmp_path: Path) -> None:
    move(two_versions.root / "nightcast.toml", "2")
    models, versions, scores = scored(two_versions, tmp_path / "next")
    assert (models, versions, scores == of_the_first) == ({TARGET: "2"}, {"2"}, False)
