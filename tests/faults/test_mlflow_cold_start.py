"""Six trainings that begin in a store nobody has used, and end in it, all at the same instant: none fails, none is lost, one is above all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Barrier

import pytest
import requests

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.config_sections import Mlflow
from pipeline.services.mlflow import SETTINGS
from pipeline.services.process import LOOPBACK, Service, Services, free_port
from pipeline.tracking import registry, runs, store
from tests.faults import trainings_at_once
from tests.faults.trainings_at_once import AS_OF, PICTURE, TARGET, content
from tests.mlflow_store import place_mlflow_store

KINDS = ("active_days", "base_rate", "bg_nbd", "gbdt", "recency", "sequence")
SCRIPT = Path(trainings_at_once.__file__)


def configured(root: Path, **mlflow: str) -> Config:
    return Config.model_validate(
        {
            "root": root,
            "source": {
                "files": "{date}.csv",
                "event_types": ["view", "purchase"],
                "columns": {"user_id": "u", "event_time": "t", "event_type": "e"},
            },
            "targets": {TARGET: {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}},
            "mlflow": mlflow,
        }
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A tracking server over a fresh database, through which files go too; its address."""
    folder, port = tmp_path_factory.mktemp("server"), free_port(5000)
    address = f"http://{LOOPBACK}:{port}"
    argv = [sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    argv += ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "files")]
    with Services() as services:
        services.start(Service("MLflow", tuple(argv), {**os.environ, **SETTINGS}, folder / "server.log"))
        services.wait_until(lambda: _healthy(address), "the MLflow server", 120)
        yield address


def _healthy(address: str) -> bool:
    try:
        return requests.get(f"{address}/health", timeout=5).ok
    except requests.RequestException:
        return False


def train_at_once(config: Config) -> None:
    settings = config.root / "config.json"
    settings.write_text(config.model_dump_json(), encoding="utf-8")
    ended = subprocess.run([sys.executable, str(SCRIPT), str(settings), *KINDS], capture_output=True, text=True, timeout=300, check=False)
    assert (ended.returncode, "Traceback" in ended.stderr, "ERROR" in ended.stderr) == (0, False, False), ended.stderr[-6000:]


def require_whole(config: Config, folder: Path, kinds: Sequence[str] = KINDS) -> None:
    """One parent, a finished run of each kind below it, a version of each kind, and every file as it was."""
    client, as_of = store.prepare(config), Cutoff.from_key(AS_OF)
    above = runs.training(config, TARGET, as_of).id  # as the evaluation asks for it, after the trainings
    (experiment,) = (found for found in client.search_experiments() if found.name != "Default")
    found = client.search_runs([experiment.experiment_id])
    (parent,) = (run for run in found if run.data.tags["kind"] == "training")
    below = {run.data.tags["kind"]: run for run in found if run is not parent}
    assert (tuple(sorted(below)), len(found)) == (tuple(kinds), len(kinds) + 1)
    assert {run.data.tags["mlflow.parentRunId"] for run in below.values()} == {parent.info.run_id} == {above}
    assert {run.info.status for run in found} == {"FINISHED"}
    assert {len(run.data.params) for run in below.values()} == {50}
    versions = registry.candidates(config, TARGET, as_of)
    assert [made.kind for made in versions] == list(kinds)
    assert sorted(made.version for made in versions) == [str(number + 1) for number in range(len(kinds))]
    for made in versions:
        assert made.run_id == below[made.kind].info.run_id
        copy = registry.download(config, made, folder / made.kind)
        assert (copy / "manifest.json").read_bytes() == content(made.kind)
    drawn = client.download_artifacts(below["gbdt"].info.run_id, "figures/roc.png", str(folder))
    assert Path(drawn).read_bytes() == PICTURE


def test_on_a_database_that_does_not_exist_yet(tmp_path: Path) -> None:
    config = configured(tmp_path)
    train_at_once(config)
    require_whole(config, tmp_path)


def test_through_a_server_that_keeps_the_files_too(server: str, tmp_path: Path) -> None:
    config = configured(tmp_path, tracking_uri=server)
    train_at_once(config)
    require_whole(config, tmp_path)
    assert not list(tmp_path.glob("mlflow*")), "nothing is kept here"


def test_with_files_in_another_store_by_its_address(server: str, tmp_path: Path) -> None:
    place_mlflow_store(tmp_path)
    config = configured(tmp_path, artifacts=f"{server}/api/2.0/mlflow-artifacts/artifacts/of_another_shop")
    for kind in ("gbdt", "sequence"):
        trainings_at_once.train(config.model_dump_json(), kind, Barrier(1))
    require_whole(config, tmp_path, ("gbdt", "sequence"))
    assert not (tmp_path / "mlartifacts").exists()


def test_the_champion_of_a_server_is_the_same_for_everybody(server: str, tmp_path: Path) -> None:
    config = configured(tmp_path, tracking_uri=server)
    registry.set_alias(config, TARGET, registry.CHAMPION, "3")
    other = configured(tmp_path / "another_machine").model_copy(update={"mlflow": Mlflow(tracking_uri=server)})
    assert registry.champion(other, TARGET).version == "3"
