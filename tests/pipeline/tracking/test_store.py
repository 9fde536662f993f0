from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.config_sections import Mlflow
from pipeline.errors import Unreachable
from pipeline.tracking import store


def test_address_of_an_sqlite_file_starts_at_the_configurations_folder(config: Config, tmp_path: Path) -> None:
    assert store.address(config) == f"sqlite:///{tmp_path}/mlflow.db"


def test_address_of_a_server_stays_as_written(config: Config) -> None:
    served = config.model_copy(update={"mlflow": Mlflow(tracking_uri="http://mlflow:5000")})
    assert store.address(served) == "http://mlflow:5000"


def test_every_target_gets_an_experiment_and_a_registered_model_once(config: Config, tmp_path: Path) -> None:
    first, second = store.prepare(config), store.prepare(config)
    assert first is not second
    names = sorted(found.name for found in second.search_experiments())
    assert names == ["Default", "nightcast/churn_28d", "nightcast/purchase_7d"]
    assert sorted(found.name for found in second.search_registered_models()) == ["churn_28d", "purchase_7d"]
    assert second.get_experiment_by_name("nightcast/churn_28d").artifact_location == (tmp_path / "mlartifacts/churn_28d").as_uri()


def test_an_experiment_shows_the_pages_of_model_training_also_one_from_before(config: Config) -> None:
    client = store.prepare(config)
    found = client.get_experiment_by_name("nightcast/churn_28d")
    assert found.tags["mlflow.experimentKind"] == "custom_model_development"
    client.delete_experiment_tag(found.experiment_id, "mlflow.experimentKind")
    assert "mlflow.experimentKind" in store.prepare(config).get_experiment_by_name("nightcast/churn_28d").tags


def test_what_a_killed_first_use_left_behind_does_no_harm(config: Config, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").unlink()
    (tmp_path / "mlflow.db.creating").write_bytes(b"half a database")
    store.prepare(config)
    assert not (tmp_path / "mlflow.db.creating").exists()


@pytest.mark.parametrize("noticed", [False, True])
def test_a_database_of_an_earlier_release_is_upgraded(
    config: Config, tmp_path: Path, noticed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.db import utils

    store.prepare(config)
    older = tmp_path / "older.db"
    _database_one_revision_behind(f"sqlite:///{older}")
    assert _revision(older) != _revision(tmp_path / "mlflow.db")
    if noticed:  # MLflow migrates by itself where a table is missing, and refuses where only a column is
        monkeypatch.setattr(utils, "_all_tables_exist", lambda engine: True)
    store.prepare(config.model_copy(update={"mlflow": Mlflow(tracking_uri="sqlite:///older.db")}))
    assert _revision(older) == _revision(tmp_path / "mlflow.db")


@pytest.mark.parametrize("uri", ["sqlite:////proc/nightcast/mlflow.db", "http://127.0.0.1:9"])
def test_a_store_that_does_not_answer_is_named(config: Config, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(Unreachable, match=uri):
        store.prepare(config.model_copy(update={"mlflow": Mlflow(tracking_uri=uri)}))


def test_mlflow_writes_no_addresses_between_a_commands_results(config: Config) -> None:
    from mlflow.environment_variables import MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT as SILENT

    store.prepare(config)
    assert SILENT.get() is True


def test_a_lock_held_elsewhere_is_named(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from filelock import FileLock

    from pipeline.errors import Busy

    monkeypatch.setattr(store, "LOCK_SECONDS", 0.1)
    with FileLock(tmp_path / "mlflow.db.lock"), pytest.raises(Busy, match=r"mlflow\.db\.lock"):
        store.prepare(config)


def _database_one_revision_behind(uri: str) -> None:
    from alembic import command
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine_with_retry(uri)
    utils.InitialBase.metadata.create_all(engine)
    settings = utils._get_alembic_config(uri)
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head-1")
    engine.dispose()


def _revision(path: Path) -> str:
    database = sqlite3.connect(path)
    (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    database.close()
    return str(revision)
