from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import profiles
from pipeline.config import load
from pipeline.services import mlflow
from pipeline.services.process import Service, Services


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Service]:
    """The servers that would have been started."""
    found: list[Service] = []
    monkeypatch.setattr(Services, "start", lambda _self, service: found.append(service))
    return found


def test_a_store_that_is_a_server_needs_no_other(tmp_path: Path, started: list[Service], monkeypatch: pytest.MonkeyPatch) -> None:
    profiles.write("demo", tmp_path / "nightcast.toml")
    monkeypatch.setenv("NIGHTCAST__MLFLOW__TRACKING_URI", "https://mlflow.example")
    assert mlflow.start(Services(), tmp_path, load(tmp_path / "nightcast.toml")) == "https://mlflow.example"
    assert started == []


def test_the_server_listens_on_loopback_for_loopback_names_only(
    tmp_path: Path, started: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles.write("demo", tmp_path / "nightcast.toml")
    prepared: list[object] = []
    monkeypatch.setattr(mlflow, "prepare", prepared.append)
    config = load(tmp_path / "nightcast.toml")
    address = mlflow.start(Services(), tmp_path, config)
    (tmp_path / "mlflow.db").touch()
    mlflow.start(Services(), tmp_path, config)
    assert prepared == [config]  # only while there is no database
    argv, port = started[0].argv, address.rpartition(":")[2]
    options = dict(zip(argv[4::2], argv[5::2], strict=False))
    assert options["--host"] == "127.0.0.1"
    assert options["--allowed-hosts"] == f"127.0.0.1:{port},localhost:{port}"
    assert options["--workers"] == "1"
    assert started[0].environment["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{tmp_path}/mlflow.db"
    assert not [argument for argument in argv if "sqlite" in argument]
    assert started[0].environment["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_people_begin_with_the_experiments_of_model_training() -> None:
    assert mlflow.page("http://127.0.0.1:5000") == "http://127.0.0.1:5000/#/experiments?workflowType=machine_learning"
