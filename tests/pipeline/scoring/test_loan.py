from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from features.cutoff import Cutoff
from models import gbdt
from models.calibration import Calibrator
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import ModelRefused, NoChampion
from pipeline.scoring.artifact import pack
from pipeline.scoring.loan import borrow, enough_workers
from pipeline.tracking import registry, runs
from pipeline.tracking.registry import Candidate, ModelVersion
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, configuration


@pytest.fixture
def config(tmp_path: Path) -> Config:
    place_mlflow_store(tmp_path)
    return configuration(tmp_path, dask={"workers": 4})


@pytest.fixture
def champion(config: Config, classifier: gbdt.Gbdt, tmp_path: Path) -> ModelVersion:
    features, target, folder = configured_features(config), config.target("purchase_7d"), tmp_path / "packed"
    folder.mkdir()
    sha256 = pack(
        folder,
        classifier,
        Calibrator(1.0, 0.0),
        {},
        target=target,
        fingerprint=features.fingerprint,
        features=features.names,
        cutoffs=[AS_OF],
    )
    candidate = Candidate("gbdt", AS_OF, AS_OF.plus_days(-14), AS_OF.plus_days(-7), features.fingerprint, sha256)
    with runs.opened(config, target.name, "gbdt", {}) as run:
        made = registry.register(config, target.name, run, folder, candidate)
    registry.set_alias(config, target.name, registry.CHAMPION, made.version)
    return made


def test_the_champion_comes_as_verified_files_in_a_private_folder(config: Config, champion: ModelVersion, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    loaned = borrow(config, config.target("purchase_7d"), tmp_path / "here")
    assert loaned.model == champion
    assert (Path(loaned.file.folder) / "model.txt").is_file()
    assert (tmp_path / "here" / f"purchase_7d-{champion.version}").stat().st_mode & 0o077 == 0


def test_a_changed_file_is_refused(config: Config, champion: ModelVersion, tmp_path: Path) -> None:
    (stored,) = (tmp_path / "mlartifacts").rglob("sentences.json")
    stored.write_text("{}  ")
    with pytest.raises(ModelRefused, match=r"sentences\.json was changed"):
        borrow(config, config.target("purchase_7d"), tmp_path)


def test_without_a_champion_nothing_is_borrowed(config: Config, tmp_path: Path) -> None:
    with pytest.raises(NoChampion):
        borrow(config, config.target("churn_14d"), tmp_path)


@pytest.mark.parametrize(("users", "workers"), [(0, 1), (999, 1), (1000, 2), (1_000_000, 2)])
def test_networks_are_held_by_one_worker_for_so_many_users_and_two_at_most(config: Config, users: int, workers: int) -> None:
    cutoff = Cutoff.from_key("20260101T000000Z")
    trees = ModelVersion("purchase_7d", "1", "gbdt", cutoff, cutoff, cutoff, "f", "a", "run")
    network = replace(trees, kind="sequence")
    assert enough_workers(config, [trees], users, 1000).dask.workers == 4
    assert enough_workers(config, [trees, network], users, 1000).dask.workers == workers
