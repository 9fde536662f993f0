from __future__ import annotations

import uuid
from pathlib import Path

import optuna
import psycopg
import pytest

from models import gbdt_tuning
from pipeline import tuning_storage
from pipeline.config import Config
from pipeline.errors import Busy, ConfigError, Unreachable
from tests.synthetic_lake import configuration
from tests.warehouse.engines import postgresql

__all__ = ["postgresql"]


def stored_at(root: Path, storage: str) -> Config:
    return configuration(root, training={"tuning": {"storage": storage}})


def noted(config: Config) -> list[float]:
    """Losses of all trials of a study, after one more."""
    with tuning_storage.opened(config, "t") as storage:
        study = gbdt_tuning.opened(storage, "s")
        study.tell(study.ask(), 0.5 + len(study.trials))
        return [trial.value for trial in study.trials]


def test_trials_are_kept_beside_the_configuration(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    assert noted(config) == [0.5 + 1]
    assert noted(config) == [1.5, 2.5]
    assert (tmp_path / "tuning.db").is_file()


def test_a_path_is_relative_to_the_configuration_and_may_be_absolute(tmp_path: Path) -> None:
    assert tuning_storage.address(stored_at(tmp_path, "sqlite:///kept/t.db")) == f"sqlite:///{tmp_path}/kept/t.db"
    assert tuning_storage.address(stored_at(tmp_path, f"sqlite:///{tmp_path}/else.db")) == f"sqlite:///{tmp_path}/else.db"
    noted(stored_at(tmp_path, "sqlite:///kept/t.db"))
    assert (tmp_path / "kept/t.db").is_file()


def test_one_process_at_a_time_tunes_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning_storage, "LOCK_SECONDS", 0)
    config = configuration(tmp_path)
    with (
        tuning_storage.opened(config, "a"),
        tuning_storage.opened(config, "b"),
        pytest.raises(Busy, match="has tuned 'a'"),
        tuning_storage.opened(config, "a"),
    ):
        pass
    with tuning_storage.opened(config, "a"):
        pass


def test_a_file_that_is_no_database_is_unreachable_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "tuning.db").write_bytes(b"not a database, but longer than its header" * 40)
    with pytest.raises(Unreachable, match="file is not a database"):
        noted(configuration(tmp_path))
    assert (tmp_path / "tuning.db").read_bytes().startswith(b"not a database")


def asked_of_what_was_dropped(config: Config) -> None:
    with tuning_storage.opened(config, "t") as storage:
        study = gbdt_tuning.opened(storage, "s")
        with storage.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE trials")
        study.ask()


def test_a_database_that_breaks_off_in_the_middle_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="no such table: trials"):
        asked_of_what_was_dropped(configuration(tmp_path))


def test_a_server_that_is_not_there_is_unreachable_and_its_password_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as refusal:
        noted(stored_at(tmp_path, "postgresql://tuner:geheim@127.0.0.1:1/studies"))
    assert "postgresql://tuner:***@127.0.0.1:1/studies" in str(refusal.value)
    assert "geheim" not in str(refusal.value)
    assert refusal.value.exit_code == 30


def test_a_url_that_is_none_is_refused_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"training\.tuning\.storage") as refusal:
        noted(stored_at(tmp_path, "postgresql://tuner:ge/heim@host/studies"))
    assert "heim" not in str(refusal.value)


def test_postgresql_keeps_trials_too(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    uri, name = request.getfixturevalue("postgresql"), f"tuning_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{name}"')
    config = stored_at(tmp_path, f"{uri}{'&' if '?' in uri else '?'}options=-csearch_path%3D{name}")
    assert noted(config) == [1.5]
    assert noted(config) == [1.5, 2.5]


def test_optuna_says_nothing_below_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    noted(configuration(tmp_path))
    assert optuna.logging.get_verbosity() == optuna.logging.WARNING
    assert capfd.readouterr().err == ""
    assert not [record for record in caplog.records if record.name.startswith("optuna")]
