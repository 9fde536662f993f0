"""MLflow is away when the night is to be scored: an error in words and in bounded time, no score is touched, and what is scored already
can be published all the same (F23)."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config import Config, load
from pipeline.lake import Lake
from tests.faults.laid_night import refused_in_words, scored_here
from tests.faults.scoring_night import PARTITION, TARGET
from tests.faults.warm import Ended, begin
from tests.synthetic_lake import AS_OF, SETTINGS, write_toml

REFUSED, UNREACHABLE = 16, 30


@pytest.fixture
def night(trained_night: Config, tmp_path: Path) -> Config:
    """A night that is scored; its model's files are its own."""
    root = tmp_path / "night"
    shutil.copytree(trained_night.root, root)
    config = settings(root)
    scored_here(config)
    return config


def settings(root: Path, **mlflow: str) -> Config:
    return load(write_toml(root, targets={TARGET: SETTINGS["targets"][TARGET]}, **({"mlflow": mlflow} if mlflow else {})))


def run(config: Config, command: str, environment: dict[str, str] | None = None) -> Ended:
    words = [command, "--cutoff", str(AS_OF), "--config", str(config.root / "nightcast.toml"), "--json"]
    return begin(words, config.root / command, environment=environment).ended()


def fails_in_words(config: Config, codes: list[int], environment: dict[str, str] | None = None) -> str:
    """Scoring ends with an error, and the scores are those of before."""
    before = Lake(config.lake_url).read("scores", PARTITION)
    ended = run(config, "score", environment)
    refused_in_words(ended, codes)
    assert Lake(config.lake_url).read("scores", PARTITION).equals(before)
    return ended.said


def test_a_server_that_is_not_there(night: Config) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = settings(night.root, tracking_uri=f"http://127.0.0.1:{port}")
    assert f"MLflow at http://127.0.0.1:{port} does not answer" in fails_in_words(config, [UNREACHABLE])
    assert run(config, "publish").code == 0


def test_a_server_that_never_answers(night: Config) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        config = settings(night.root, tracking_uri=url)
        quick = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "1", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
        assert f"MLflow at {url} does not answer" in fails_in_words(config, [UNREACHABLE], quick)


def damage(root: Path) -> None:
    path = root / "mlflow.db"
    path.write_bytes(b"no database" * 1000 + path.read_bytes()[11_000:])


def cut_off(root: Path) -> None:
    path = root / "mlflow.db"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("harm", [damage, cut_off])
def test_a_database_that_was_damaged(night: Config, harm: Callable[[Path], None]) -> None:
    harm(night.root)
    assert "mlflow.db does not answer" in fails_in_words(night, [UNREACHABLE])
