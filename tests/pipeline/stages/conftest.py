from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Config
from pipeline.stages import check_leaks, evaluate, monitor, score
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, configuration, write_events, write_features, write_training


@pytest.fixture(scope="session")
def lake_of_the_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lake that is ready for training and scoring both targets as of AS_OF. Copied, never changed."""
    root = tmp_path_factory.mktemp("shop")
    config = configuration(root)
    write_events(config)
    for target in config.targets:
        write_training(config, target)
    write_features(config, AS_OF)
    return root / "lake"


@pytest.fixture
def shop(lake_of_the_shop: Path, tmp_path: Path) -> Config:
    """A configuration with its own copy of the lake, an MLflow store without models, and an empty warehouse."""
    shutil.copytree(lake_of_the_shop, tmp_path / "lake")
    place_mlflow_store(tmp_path)
    return configuration(tmp_path)


class Here:
    """Workers that are this process."""

    def map(self, function: Callable[[Any], Any], arguments: Sequence[Any], **_options: object) -> list[Any]:
        return [function(argument) for argument in arguments]


@contextmanager
def here(config: Config) -> Iterator[Here]:
    yield Here()


@pytest.fixture(autouse=True)
def workers_in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages that judge users do so here; real workers are tried in tests/faults."""
    if "shop" in request.fixturenames:
        for stage in (check_leaks, evaluate, monitor, score):
            monkeypatch.setattr(stage, "cluster", here)
